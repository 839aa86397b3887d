/* The timer: a sorted list and one thread. Owns both. Bounded by what calls it: one entry for each request that waits.
 */
#include "base/timer.h"

#include "base/clock.h"
#include "base/fail.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct entry {
  int64_t due_us;
  void (*fn)(void *arg);
  void *arg;
  struct entry *next;
};

static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  pthread_t thread;
  bool running, stopping;
  struct entry *first;
} t = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void wait_until_due(int64_t us) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  int64_t ns = until.tv_nsec + us * 1000;
  until.tv_sec += ns / 1000000000;
  until.tv_nsec = ns % 1000000000;
  pthread_cond_timedwait(&t.changed, &t.lock, &until);
}

static void *timer_main(void *arg) {
  (void)arg;
  pthread_setname_np(pthread_self(), "timer");
  pthread_mutex_lock(&t.lock);
  while (t.first || !t.stopping) {
    if (!t.first) {
      pthread_cond_wait(&t.changed, &t.lock);
      continue;
    }
    int64_t left = t.first->due_us - clock_mono_us();
    if (left > 0 && !t.stopping) {
      wait_until_due(left);
      continue;
    }
    struct entry *e = t.first;
    t.first = e->next;
    pthread_mutex_unlock(&t.lock);
    e->fn(e->arg);
    free(e);
    pthread_mutex_lock(&t.lock);
  }
  pthread_mutex_unlock(&t.lock);
  return NULL;
}

void timer_after(int64_t ms, void (*fn)(void *arg), void *arg) {
  struct entry *e = malloc(sizeof *e);
  if (!e) panic("out of memory for a timer");
  *e = (struct entry){.due_us = clock_mono_us() + ms * 1000, .fn = fn, .arg = arg};
  pthread_mutex_lock(&t.lock);
  if (!t.running) {
    t.running = true;
    if (pthread_create(&t.thread, NULL, timer_main, NULL) != 0) panic("cannot start the timer's thread");
  }
  struct entry **at = &t.first;
  while (*at && (*at)->due_us <= e->due_us) at = &(*at)->next;
  e->next = *at;
  *at = e;
  pthread_cond_signal(&t.changed);
  pthread_mutex_unlock(&t.lock);
}

void timer_stop(void) {
  pthread_mutex_lock(&t.lock);
  bool running = t.running;
  t.stopping = true;
  pthread_cond_signal(&t.changed);
  pthread_mutex_unlock(&t.lock);
  if (running) pthread_join(t.thread, NULL);
  t.running = t.stopping = false;
}
