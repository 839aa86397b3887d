/* A bounded queue with its own threads. Owns a ring of max_waiting jobs and the threads, which take no signals.
 * work_submit from any thread; it never waits: a full queue is said at once. Jobs that wait when the queue is closed
 * are still run. Freeing the talloc block closes it. */
#include "base/work.h"

#include "base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct job {
  void (*fn)(void *arg);
  void *arg;
};

struct work {
  pthread_mutex_t lock;
  pthread_cond_t wake;
  struct job *ring;
  size_t max;
  size_t first;
  size_t waiting;
  bool closing;
  bool joined; /* of the closing thread only */
  int thread_count;
  pthread_t threads[];
};

static void *run(void *arg) {
  struct work *w = arg;
  pthread_mutex_lock(&w->lock);
  for (;;) {
    while (!w->waiting && !w->closing) pthread_cond_wait(&w->wake, &w->lock);
    if (!w->waiting) break;
    struct job job = w->ring[w->first];
    w->first = (w->first + 1) % w->max;
    w->waiting--;
    pthread_mutex_unlock(&w->lock);
    job.fn(job.arg);
    pthread_mutex_lock(&w->lock);
  }
  pthread_mutex_unlock(&w->lock);
  return NULL;
}

static int work_free(struct work *w) {
  work_close(w);
  pthread_cond_destroy(&w->wake);
  pthread_mutex_destroy(&w->lock);
  return 0;
}

struct work *work_new(void *ctx, const char *name, int threads, size_t max_waiting) {
  invariant(threads > 0 && max_waiting > 0);
  struct work *w = mem_zero_(ctx, sizeof *w + (size_t)threads * sizeof w->threads[0], "struct work");
  w->ring = mem_array(w, struct job, max_waiting);
  w->max = max_waiting;
  pthread_mutex_init(&w->lock, NULL);
  pthread_cond_init(&w->wake, NULL);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (; w->thread_count < threads; w->thread_count++) {
    int error = pthread_create(&w->threads[w->thread_count], NULL, run, w);
    if (error) panic("cannot start a thread for %s: %s", name, strerror(error));
    char short_name[16];
    snprintf(short_name, sizeof short_name, "%s", name);
    pthread_setname_np(w->threads[w->thread_count], short_name);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  talloc_set_destructor(w, work_free);
  return w;
}

bool work_submit(struct work *w, void (*fn)(void *arg), void *arg) {
  pthread_mutex_lock(&w->lock);
  bool taken = !w->closing && w->waiting < w->max;
  if (taken) {
    w->ring[(w->first + w->waiting) % w->max] = (struct job){fn, arg};
    w->waiting++;
    pthread_cond_signal(&w->wake);
  }
  pthread_mutex_unlock(&w->lock);
  return taken;
}

void work_close(struct work *w) {
  pthread_mutex_lock(&w->lock);
  w->closing = true;
  pthread_cond_broadcast(&w->wake);
  pthread_mutex_unlock(&w->lock);
  if (w->joined) return;
  w->joined = true;
  for (int i = 0; i < w->thread_count; i++) pthread_join(w->threads[i], NULL);
}
