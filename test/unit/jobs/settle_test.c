/* Outcomes reach the store even when its queue is full, and come back on the settler's own thread. */
#include "jobs/settle.h"

#include "base/clock.h"
#include "base/mem.h"
#include "outbox.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define JOBS 200

static struct outbox *o;
static atomic_int runs, wakes;
static int done_count;
static pthread_t own;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static enum job_result run(struct db *tx, void *arg) {
  (void)tx, (void)arg;
  atomic_fetch_add(&runs, 1);
  return JOB_COMMIT;
}

static enum job_result run_at_gate(struct db *tx, void *arg) {
  (void)tx, (void)arg;
  pthread_mutex_lock(&gate);
  pthread_mutex_unlock(&gate);
  return JOB_COMMIT;
}

static void done(void *arg) {
  assert_true(pthread_equal(pthread_self(), own));
  assert_int_equal((size_t)arg, done_count); /* in the order of submission */
  done_count++;
}

static void woken(void *arg) {
  atomic_fetch_add((atomic_int *)arg, 1);
}

static bool all_done(void *arg) {
  settler_turn(arg, clock_mono_us());
  return done_count == JOBS;
}

static int setup(void **state) {
  (void)state;
  o = outbox_new();
  own = pthread_self();
  done_count = 0;
  atomic_store(&runs, 0);
  atomic_store(&wakes, 0);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  outbox_free(o);
  return 0;
}

static void all_come_back_in_order(void **state) {
  (void)state;
  struct settler *s = settler_new(o->store, woken, &wakes);
  struct settle *jobs = mem_array(NULL, struct settle, JOBS);
  for (size_t i = 0; i < JOBS; i++) {
    jobs[i] = (struct settle){.run = run, .done = done, .arg = (void *)i};
    settler_submit(s, &jobs[i]);
  }
  outbox_wait(all_done, s, "all jobs done");
  assert_true(atomic_load(&runs) >= JOBS);
  assert_true(atomic_load(&wakes) >= 1);
  assert_int_equal(settler_in_store(s), 0);
  assert_true(settler_free(s));
  mem_free(jobs);
}

static void none_is_lost_when_the_queue_is_full(void **state) {
  (void)state;
  char err[256];
  store_close(o->store);
  o->store = store_open(o, &(struct store_options){.dir = o->dir, .mode = STORE_SERVE, .queue_max = 3}, err);
  assert_non_null(o->store);
  struct settler *s = settler_new(o->store, woken, &wakes);
  struct settle *jobs = mem_array(NULL, struct settle, JOBS);
  pthread_mutex_lock(&gate);
  for (size_t i = 0; i < JOBS; i++) {
    jobs[i] = (struct settle){.run = i == 0 ? run_at_gate : run, .done = done, .arg = (void *)i};
    settler_submit(s, &jobs[i]);
  }
  assert_true(settler_refused(s));
  assert_false(settler_trouble(s));
  assert_true(settler_in_store(s) < JOBS);
  assert_int_equal(done_count, 0);
  pthread_mutex_unlock(&gate);
  outbox_wait(all_done, s, "all jobs done");
  assert_false(settler_refused(s));
  assert_true(settler_free(s));
  mem_free(jobs);
}

static void freeing_says_when_the_store_still_has_jobs(void **state) {
  (void)state;
  struct settler *s = settler_new(o->store, woken, &wakes);
  struct settle *job = mem_new(NULL, struct settle);
  pthread_mutex_lock(&gate);
  *job = (struct settle){.run = run_at_gate, .done = done, .arg = NULL};
  settler_submit(s, job);
  assert_false(settler_free(s));
  pthread_mutex_unlock(&gate);
  store_close(o->store); /* the job's end meets live memory */
  assert_int_equal(atomic_load(&wakes), 0);
  settler_turn(s, clock_mono_us());
  assert_int_equal(done_count, 1);
  assert_true(settler_free(s));
  mem_free(job);
  char err[256];
  o->store = store_open(o, &(struct store_options){.dir = o->dir, .mode = STORE_SERVE, .queue_max = 3}, err);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      T(all_come_back_in_order),
      T(none_is_lost_when_the_queue_is_full),
      T(freeing_says_when_the_store_still_has_jobs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
