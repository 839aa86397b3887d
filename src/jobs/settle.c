/* Outcomes on their way to the store and back. Owns nothing of the jobs but their order. Submitting and finishing
 * happen on one thread; the writer thread only appends to `back` under the lock and wakes. Never blocks on the store. A
 * full queue is tried again soon, a full or broken store every second. */
#include "jobs/settle.h"

#include "base/mem.h"

#include <pthread.h>

#define BUSY_PAUSE_US    10000
#define TROUBLE_PAUSE_US 1000000

struct list {
  struct settle *first, **last;
};

struct settler {
  struct store *store;
  int in_store;
  struct list refused;
  int64_t retry_us;
  bool trouble;

  pthread_mutex_t lock; /* guards what follows */
  struct list back;
  void (*wake)(void *arg);
  void *wake_arg;
};

static void list_init(struct list *l) {
  l->first = NULL;
  l->last = &l->first;
}

static void list_append(struct list *l, struct settle *s) {
  s->next = NULL;
  *l->last = s;
  l->last = &s->next;
}

static struct settle *list_take_all(struct list *l) {
  struct settle *first = l->first;
  list_init(l);
  return first;
}

struct settler *settler_new(struct store *store, void (*wake)(void *arg), void *arg) {
  struct settler *s = mem_new(NULL, struct settler);
  s->store = store;
  s->wake = wake;
  s->wake_arg = arg;
  list_init(&s->refused);
  list_init(&s->back);
  pthread_mutex_init(&s->lock, NULL);
  return s;
}

static enum job_result job_run(struct db *tx, void *arg) {
  struct settle *job = arg;
  return job->run(tx, job->arg);
}

static void job_done(void *arg, enum store_result result) {
  struct settle *job = arg;
  struct settler *s = job->settler;
  job->result = result;
  pthread_mutex_lock(&s->lock);
  bool first = !s->back.first;
  list_append(&s->back, job);
  if (first && s->wake) s->wake(s->wake_arg);
  pthread_mutex_unlock(&s->lock);
}

static bool hand_over(struct settler *s, struct settle *job) {
  job->settler = s;
  job->job = (struct store_job){.run = job_run, .done = job_done, .arg = job, .weight = job->weight};
  if (!store_submit(s->store, &job->job)) return false;
  s->in_store++;
  return true;
}

void settler_submit(struct settler *s, struct settle *job) {
  if (!s->refused.first && hand_over(s, job)) return;
  list_append(&s->refused, job);
}

static void finish(struct settler *s, struct settle *job, int64_t now_us) {
  s->in_store--;
  if (job->result == STORE_OK || job->result == STORE_REJECT) {
    s->trouble = false;
    job->done(job->arg);
    return;
  }
  s->trouble = true;
  s->retry_us = now_us + TROUBLE_PAUSE_US;
  list_append(&s->refused, job);
}

void settler_turn(struct settler *s, int64_t now_us) {
  pthread_mutex_lock(&s->lock);
  struct settle *job = list_take_all(&s->back);
  pthread_mutex_unlock(&s->lock);
  for (struct settle *next; job; job = next) {
    next = job->next;
    finish(s, job, now_us);
  }
  if (!s->refused.first || now_us < s->retry_us) return;
  job = list_take_all(&s->refused);
  for (struct settle *next; job; job = next) {
    next = job->next;
    if (s->refused.first || !hand_over(s, job)) list_append(&s->refused, job);
  }
  if (s->refused.first) s->retry_us = now_us + BUSY_PAUSE_US;
}

int64_t settler_wait_us(const struct settler *s, int64_t now_us, int64_t limit_us) {
  if (!s->refused.first || now_us + limit_us < s->retry_us) return limit_us;
  return s->retry_us > now_us ? s->retry_us - now_us : 0;
}

int settler_in_store(const struct settler *s) {
  return s->in_store;
}
bool settler_refused(const struct settler *s) {
  return s->refused.first != NULL;
}
bool settler_trouble(const struct settler *s) {
  return s->trouble;
}

void settler_silence(struct settler *s) {
  pthread_mutex_lock(&s->lock);
  s->wake = NULL;
  pthread_mutex_unlock(&s->lock);
}

bool settler_free(struct settler *s) {
  settler_silence(s);
  if (s->in_store > 0) return false;
  pthread_mutex_destroy(&s->lock);
  mem_free(s);
  return true;
}
