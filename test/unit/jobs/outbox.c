/* The helper of outbox.h. */
#include "outbox.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define WAIT_MS 30000

static void wake(void *arg) {
  struct outbox *o = arg;
  if (o->deliver) deliver_wake(o->deliver);
}

void outbox_allow(struct outbox *o, const char *networks) {
  char err[120];
  assert_true(cidr_list_parse(o, networks, &o->conf.allow_private_targets, err));
}

struct outbox *outbox_new(void) {
  mem_init();
  secret_init();
  id_init(1, 0);
  log_set_level(LOG_ERROR);
  struct outbox *o = mem_new(NULL, struct outbox);
  char err[256], dir[] = "/tmp/guichet-jobs-XXXXXX";
  assert_non_null(mkdtemp(dir));
  snprintf(o->dir, sizeof o->dir, "%s/data", dir);
  if (!store_create(o->dir, "Test", err)) fail_msg("%s", err);
  o->store = store_open(o, &(struct store_options){.dir = o->dir, .mode = STORE_SERVE, .queue_max = 4096}, err);
  if (!o->store) fail_msg("%s", err);
  const struct registry *r = registry_get(o->store);
  o->instance_id = registry_instance_named(r, NULL)->id;
  registry_put(r);
  o->conf = (struct conf){
      .attachment_max = 65536,
      .delivery_backoff_first = 50,
      .delivery_backoff_max = 2000,
      .delivery_concurrency = 32,
      .delivery_retention = 60000,
      .delivery_timeout = 10000,
      .fetch_timeout = 10000,
  };
  outbox_allow(o, "127.0.0.0/8");
  store_set_hooks(o->store, &(struct store_hooks){.delivery = wake, .arg = o});
  return o;
}

void outbox_start(struct outbox *o) {
  o->deliver = deliver_start(o, o->store, &o->conf);
}

void outbox_stop(struct outbox *o, int64_t deadline_ms) {
  struct deliver *d = o->deliver;
  o->deliver = NULL; /* nobody submits beside the test itself, so no hook runs now */
  if (d) deliver_stop(d, deadline_ms);
}

void outbox_free(struct outbox *o) {
  char command[128];
  outbox_stop(o, 10000);
  store_close(o->store);
  snprintf(command, sizeof command, "rm -rf '%.*s'", (int)(strlen(o->dir) - strlen("/data")), o->dir);
  assert_int_equal(system(command), 0);
  mem_free(o);
}

int64_t outbox_channel(struct outbox *o, const char *name, const char *url, char ret_secret[static CLIENT_SECRET_LEN]) {
  char err[256], client_id[CLIENT_ID_LEN];
  int64_t id = 0;
  const struct setup_channel c = {.name = name, .webhook_url = url};
  if (!setup_channel_create(o->store, o->instance_id, CHANNEL_KIAMO_IO, &c, &id, client_id, ret_secret, err))
    fail_msg("%s", err);
  return id;
}

static enum job_result add(struct db *tx, void *arg) {
  return delivery_insert(tx, arg) == DB_OK ? JOB_COMMIT : JOB_REJECT;
}

int64_t outbox_add(struct outbox *o, int64_t channel_id, int64_t customer_id, const char *payload, int64_t keep_ms) {
  int64_t now = clock_wall_ms();
  struct delivery d = {
      .id = id_next(),
      .instance_id = o->instance_id,
      .channel_id = channel_id,
      .customer_id = customer_id,
      .interaction_id = 1,
      .created_at = now,
      .deadline_at = now + keep_ms,
      .payload = payload,
      .payload_len = strlen(payload),
  };
  assert_int_equal(store_run_now(o->store, add, &d), STORE_OK);
  return d.id;
}

struct delivery outbox_get(struct outbox *o, int64_t id) {
  struct delivery d = {0};
  struct db *db = store_read_begin(o->store);
  void *pool = mem_pool(NULL, 4096);
  assert_true(delivery_get(db, pool, o->instance_id, id, &d));
  d.last_error = NULL;
  d.payload = NULL;
  mem_free(pool);
  store_read_end(o->store, db);
  return d;
}

int64_t outbox_count(struct outbox *o, enum delivery_state state) {
  int64_t oldest;
  struct db *db = store_read_begin(o->store);
  int64_t n = delivery_count(db, o->instance_id, state, &oldest);
  store_read_end(o->store, db);
  return n;
}

void outbox_wait(bool (*cond)(void *arg), void *arg, const char *what) {
  for (int ms = 0; !cond(arg); ms += 5) {
    if (ms > WAIT_MS) fail_msg("not within %d ms: %s", WAIT_MS, what);
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  }
}

struct wanted {
  struct outbox *o;
  enum delivery_state state;
  int64_t count;
};

static bool count_reached(void *arg) {
  const struct wanted *w = arg;
  return outbox_count(w->o, w->state) == w->count;
}

void outbox_wait_count(struct outbox *o, enum delivery_state state, int64_t count) {
  struct wanted w = {o, state, count};
  char what[80];
  snprintf(what, sizeof what, "%lld deliveries %s", (long long)count, delivery_state_word(state));
  outbox_wait(count_reached, &w, what);
}
