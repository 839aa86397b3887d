/* work: everything submitted runs once, off the caller's thread; full and closing queues say no. */
#include "base/work.h"

#include "base/mem.h"

#include "capture.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_int ran;

static void count(void *arg) {
  (void)arg;
  atomic_fetch_add(&ran, 1);
}

/* A gate that holds a job until it is opened, and tells that the job has arrived. */
struct gate {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int arrived;
  bool open;
};

#define GATE                                                                                                           \
  { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false }

static void pass(void *arg) {
  struct gate *g = arg;
  pthread_mutex_lock(&g->lock);
  g->arrived++;
  pthread_cond_broadcast(&g->changed);
  while (!g->open) pthread_cond_wait(&g->changed, &g->lock);
  pthread_mutex_unlock(&g->lock);
}

static void gate_await(struct gate *g, int arrived) {
  pthread_mutex_lock(&g->lock);
  while (g->arrived < arrived) pthread_cond_wait(&g->changed, &g->lock);
  pthread_mutex_unlock(&g->lock);
}

static void gate_open(struct gate *g) {
  pthread_mutex_lock(&g->lock);
  g->open = true;
  pthread_cond_broadcast(&g->changed);
  pthread_mutex_unlock(&g->lock);
}

static void closing_runs_what_waits(void **state) {
  (void)state;
  atomic_store(&ran, 0);
  struct work *w = work_new(NULL, "test", 3, 1000);
  for (int i = 0; i < 1000; i++) assert_true(work_submit(w, count, NULL));
  work_close(w);
  assert_int_equal(atomic_load(&ran), 1000);
  assert_false(work_submit(w, count, NULL));
  work_close(w); /* again is harmless */
  assert_int_equal(atomic_load(&ran), 1000);
  mem_free(w);
}

static void a_full_queue_says_no(void **state) {
  (void)state;
  atomic_store(&ran, 0);
  struct gate gate = GATE;
  struct work *w = work_new(NULL, "test", 1, 2);
  assert_true(work_submit(w, pass, &gate));
  gate_await(&gate, 1); /* the thread is busy: nothing waits */
  assert_true(work_submit(w, count, NULL));
  assert_true(work_submit(w, count, NULL));
  assert_false(work_submit(w, count, NULL));
  gate_open(&gate);
  work_close(w);
  assert_int_equal(atomic_load(&ran), 2); /* the refused one did not run */
  mem_free(w);
}

static void threads_run_at_the_same_time(void **state) {
  (void)state;
  struct gate gate = GATE;
  struct work *w = work_new(NULL, "a name longer than fifteen", 3, 3);
  for (int i = 0; i < 3; i++) assert_true(work_submit(w, pass, &gate));
  gate_await(&gate, 3);
  gate_open(&gate);
  mem_free(w); /* closes it */
  assert_int_equal(gate.arrived, 3);
}

static int order[300];
static atomic_int next_place;

static void note(void *arg) {
  order[atomic_fetch_add(&next_place, 1)] = (int)(intptr_t)arg;
}

static void one_thread_keeps_the_order(void **state) {
  (void)state;
  struct work *w = work_new(NULL, "test", 1, 7); /* the ring goes round many times */
  for (int i = 0; i < 300; i++) {
    while (!work_submit(w, note, (void *)(intptr_t)i)) sched_yield();
  }
  work_close(w);
  for (int i = 0; i < 300; i++) assert_int_equal(order[i], i);
  mem_free(w);
}

static struct work *own;
static atomic_int inner_taken;

static void submit_from_inside(void *arg) {
  pass(arg);
  atomic_store(&inner_taken, work_submit(own, count, NULL));
}

static void *close_own(void *arg) {
  work_close(own);
  return arg;
}

static void a_job_may_submit(void **state) {
  (void)state;
  atomic_store(&ran, 0);
  struct gate gate = GATE;
  own = work_new(NULL, "test", 1, 4);
  assert_true(work_submit(own, submit_from_inside, &gate));
  gate_open(&gate);
  struct gate second = GATE;
  gate_await(&gate, 1);
  assert_true(work_submit(own, pass, &second)); /* runs behind the first, which has submitted by then */
  gate_await(&second, 1);
  assert_true(atomic_load(&inner_taken));
  gate_open(&second);
  pthread_t closer;
  pthread_create(&closer, NULL, close_own, NULL);
  pthread_join(closer, NULL);
  assert_int_equal(atomic_load(&ran), 1);
  mem_free(own);
}

enum { SUBMITTERS = 4 };

static void *submit_many(void *arg) {
  for (int i = 0; i < 2000; i++) {
    while (!work_submit(arg, count, NULL)) sched_yield();
  }
  return NULL;
}

static void many_submitters(void **state) {
  (void)state;
  atomic_store(&ran, 0);
  struct work *w = work_new(NULL, "test", 2, 16);
  pthread_t threads[SUBMITTERS];
  for (int t = 0; t < SUBMITTERS; t++) pthread_create(&threads[t], NULL, submit_many, w);
  for (int t = 0; t < SUBMITTERS; t++) pthread_join(threads[t], NULL);
  work_close(w);
  assert_int_equal(atomic_load(&ran), SUBMITTERS * 2000);
  mem_free(w);
}

static atomic_int blocked;

static void look_at_signals(void *arg) {
  (void)arg;
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  atomic_store(&blocked, sigismember(&mask, SIGTERM) && sigismember(&mask, SIGHUP));
}

static void its_threads_take_no_signals(void **state) {
  (void)state;
  struct work *w = work_new(NULL, "test", 1, 1);
  assert_true(work_submit(w, look_at_signals, NULL));
  mem_free(w);
  assert_true(atomic_load(&blocked));
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  assert_false(sigismember(&mask, SIGTERM)); /* ours is as it was */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(closing_runs_what_waits),
      cmocka_unit_test(a_full_queue_says_no),
      cmocka_unit_test(threads_run_at_the_same_time),
      cmocka_unit_test(one_thread_keeps_the_order),
      cmocka_unit_test(a_job_may_submit),
      cmocka_unit_test(many_submitters),
      cmocka_unit_test(its_threads_take_no_signals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
