/* The outbox for people: what is on its way to partners, what was parked, and sending it again. Reads and writes the
 * store beside a running server; a replay is a commit of its own, after which the server is told to look. Replaying
 * many goes by batches, so that the server's own writes get their turn in between. */
#include "cli/run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/term.h"
#include "store/delivery.h"

#include <string.h>

#define BATCH        200
#define RETENTION_MS (72LL * 60 * 60 * 1000)

static const enum delivery_state states[] = {DELIVERY_PENDING, DELIVERY_PARKED, DELIVERY_DELIVERED};

static const char *connector_name(const struct registry *r, int64_t id) {
  const struct channel *c = registry_channel(r, id);
  return c ? c->name : "";
}

static void put_members(struct output *o, const struct cli_store *s, const struct delivery *d) {
  output_id(o, "id", d->instance_id, d->id);
  jw_kstr(&o->w, "state", delivery_state_word(d->state));
  jw_key(&o->w, "connector");
  jw_object(&o->w);
  jw_kint(&o->w, "id", d->channel_id);
  jw_kstr(&o->w, "name", connector_name(s->registry, d->channel_id));
  jw_object_end(&o->w);
  output_id(o, "interaction", d->instance_id, d->interaction_id);
  jw_kint(&o->w, "attempts", d->attempts);
  jw_kint(&o->w, "last_status", d->last_status);
  jw_kstr(&o->w, "last_error", d->last_error);
  jw_ktime(&o->w, "created_at", d->created_at);
  jw_ktime(&o->w, "next_at", d->state == DELIVERY_PENDING ? d->next_at : 0);
  jw_ktime(&o->w, "deadline_at", d->deadline_at);
  jw_ktime(&o->w, "settled_at", d->settled_at);
}

/* ---- list ---- */

struct list {
  const struct cli_args *args;
  const struct cli_store *store;
  const struct channel *only; /* NULL: all connectors */
  struct output out;
  struct term_table *table;
  int64_t left;
};

static void take(struct list *l, const struct delivery *d) {
  void *ctx = cli_ctx(l->args);
  jw_object(&l->out.w);
  put_members(&l->out, l->store, d);
  jw_object_end(&l->out.w);
  const char *why = d->last_error    ? d->last_error
                    : d->last_status ? mem_printf(ctx, "HTTP %d", (int)d->last_status)
                                     : "-";
  const char *when = term_time(ctx, d->state == DELIVERY_PENDING ? d->next_at : d->settled_at);
  term_table_add(l->table,
                 (const char *const[]){output_hex(ctx, d->instance_id, d->id), delivery_state_word(d->state),
                                       connector_name(l->store->registry, d->channel_id), term_time(ctx, d->created_at),
                                       mem_printf(ctx, "%lld", (long long)d->attempts), when, why});
}

static void list_state(struct list *l, enum delivery_state state) {
  struct delivery *page = mem_array(cli_ctx(l->args), struct delivery, BATCH);
  int64_t after = 0;
  int count = BATCH;
  while (l->left > 0 && count == BATCH) {
    struct db *db = store_read_begin(l->store->store);
    count = delivery_list(db, cli_ctx(l->args), l->store->instance->id, state, after, page, BATCH);
    store_read_end(l->store->store, db);
    for (int i = 0; i < count; i++) {
      after = page[i].id;
      if ((l->only && page[i].channel_id != l->only->id) || l->left == 0) continue;
      take(l, &page[i]);
      l->left--;
    }
  }
}

static int list(const struct cli_args *args, const struct cli_store *s) {
  struct list l = {.args = args, .store = s, .left = cli_int(args, "limit", 200)};
  const char *word = cli_text(args, "state", NULL);
  enum delivery_state wanted = DELIVERY_PENDING;
  if (word && !delivery_state_parse(word, &wanted)) {
    return cli_fail(CLI_USAGE, "--state is pending, parked or delivered, not \"%s\"", word);
  }
  const char *connector = cli_text(args, "connector", NULL);
  if (connector && !(l.only = find_channel(s, connector))) return CLI_NOT_FOUND;
  output_begin(&l.out, cli_ctx(args));
  jw_object(&l.out.w);
  jw_key(&l.out.w, "items");
  jw_array(&l.out.w);
  l.table = term_table_new(cli_ctx(args), (const char *const[]){"ID", "STATE", "CONNECTOR", "MADE", "ATTEMPTS",
                                                                "NEXT OR SETTLED", "LAST ANSWER", NULL});
  for (size_t i = 0; i < ARRAY_LEN(states); i++) {
    if (!word || states[i] == wanted) list_state(&l, states[i]);
  }
  jw_array_end(&l.out.w);
  jw_object_end(&l.out.w);
  if (cli_json(args)) return output_end(&l.out);
  term_table_print(l.table, stdout, "no deliveries");
  return CLI_OK;
}

int cli_deliveries_list(const struct cli_args *args) {
  return cli_with_store(args, list);
}

/* ---- one ---- */

static int64_t id_of(const struct cli_store *s, const char *word) {
  int64_t instance = 0;
  int64_t id = 0;
  return id_parse(word, &instance, &id) && instance == s->instance->id ? id : 0;
}

static int unknown(const char *word) {
  return cli_fail(CLI_NOT_FOUND, "there is no delivery \"%s\"; guichet deliveries list shows them", word);
}

static void print_one(const struct cli_args *args, const struct cli_store *s, const struct delivery *d,
                      const char *payload) {
  void *ctx = cli_ctx(args);
  const char *const rows[][2] = {
      {"id", output_hex(ctx, d->instance_id, d->id)},
      {"state", delivery_state_word(d->state)},
      {"connector", connector_name(s->registry, d->channel_id)},
      {"interaction", output_hex(ctx, d->instance_id, d->interaction_id)},
      {"attempts", mem_printf(ctx, "%lld", (long long)d->attempts)},
      {"last status", d->last_status ? mem_printf(ctx, "%lld", (long long)d->last_status) : "-"},
      {"last error", d->last_error ? d->last_error : "-"},
      {"made at", term_time(ctx, d->created_at)},
      {"next attempt", d->state == DELIVERY_PENDING ? term_time(ctx, d->next_at) : "-"},
      {"tried until", term_time(ctx, d->deadline_at)},
      {"settled at", term_time(ctx, d->settled_at)},
      {"payload", payload},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) printf("%-13s %s\n", rows[i][0], term_clean(ctx, rows[i][1]));
}

static int show(const struct cli_args *args, const struct cli_store *s) {
  const char *word = cli_word(args, 0);
  struct delivery d;
  size_t len = 0;
  struct db *db = store_read_begin(s->store);
  bool found = delivery_get(db, cli_ctx(args), s->instance->id, id_of(s, word), &d);
  const char *payload = found ? delivery_payload(db, cli_ctx(args), d.id, &len) : NULL;
  store_read_end(s->store, db);
  if (!payload) return unknown(word);
  if (!cli_json(args)) {
    print_one(args, s, &d, payload);
    return CLI_OK;
  }
  struct output o;
  output_begin(&o, cli_ctx(args));
  jw_object(&o.w);
  put_members(&o, s, &d);
  jw_key(&o.w, "payload");
  jw_strn(&o.w, payload, len);
  jw_object_end(&o.w);
  return output_end(&o);
}

int cli_deliveries_show(const struct cli_args *args) {
  return cli_with_store(args, show);
}

/* ---- again ---- */

struct replay {
  int64_t instance_id, now_ms, deadline_at;
  int64_t ids[BATCH];
  int count;
  int done;
};

static enum job_result run_replay(struct db *tx, void *arg) {
  struct replay *r = arg;
  r->done = 0;
  for (int i = 0; i < r->count; i++) {
    r->done += delivery_replay(tx, r->instance_id, r->ids[i], r->now_ms, r->deadline_at) == DB_OK;
  }
  return r->done ? JOB_COMMIT : JOB_REJECT;
}

static int commit_replay(const struct cli_store *s, struct replay *r) {
  enum store_result result = store_run_now(s->store, run_replay, r);
  if (result == STORE_OK) store_epoch_raise(s->store);
  if (result == STORE_OK || result == STORE_REJECT) return CLI_OK;
  return cli_fail(CLI_FAILED, "the store could not be written: %s",
                  result == STORE_FULL ? "there is no room on the disk, or another process holds it for too long"
                                       : "see guichet doctor");
}

/* All parked of one connector (NULL: of every one). */
static int replay_parked(const struct cli_args *args, const struct cli_store *s, const struct channel *only,
                         struct replay *r, int64_t *ret_done) {
  struct delivery *page = mem_array(cli_ctx(args), struct delivery, BATCH);
  int64_t after = 0;
  int64_t done = 0;
  for (int count = BATCH; count == BATCH;) {
    struct db *db = store_read_begin(s->store);
    count = delivery_list(db, cli_ctx(args), s->instance->id, DELIVERY_PARKED, after, page, BATCH);
    store_read_end(s->store, db);
    r->count = 0;
    for (int i = 0; i < count; i++) {
      after = page[i].id;
      if (!only || page[i].channel_id == only->id) r->ids[r->count++] = page[i].id;
    }
    int code = r->count ? commit_replay(s, r) : CLI_OK;
    if (code != CLI_OK) return code;
    if (r->count) done += r->done;
  }
  *ret_done = done;
  return CLI_OK;
}

static int replay_one(const struct cli_store *s, const char *word, struct replay *r, int64_t *ret_done) {
  struct delivery d;
  void *ctx = mem_pool(NULL, 4096);
  struct db *db = store_read_begin(s->store);
  bool found = delivery_get(db, ctx, s->instance->id, id_of(s, word), &d);
  store_read_end(s->store, db);
  mem_free(ctx);
  if (!found) return unknown(word);
  r->ids[0] = id_of(s, word);
  r->count = 1;
  int code = commit_replay(s, r);
  if (code != CLI_OK) return code;
  if (!r->done) return cli_fail(CLI_REFUSED, "delivery %s is still pending: it is being tried already", word);
  *ret_done = 1;
  return CLI_OK;
}

static int replay(const struct cli_args *args, const struct cli_store *s) {
  const char *word = cli_word(args, 0);
  const char *connector = cli_text(args, "connector", NULL);
  if (!!word + !!connector + cli_has(args, "all") != 1) {
    return cli_fail(CLI_USAGE,
                    "say which: the ID of one delivery, or --connector for all parked ones of a connector, or --all");
  }
  struct replay r = {.instance_id = s->instance->id, .now_ms = clock_wall_ms()};
  r.deadline_at = r.now_ms + cli_int(args, "retention", RETENTION_MS);
  const struct channel *only = connector ? find_channel(s, connector) : NULL;
  if (connector && !only) return CLI_NOT_FOUND;
  int64_t done = 0;
  int code = word ? replay_one(s, word, &r, &done) : replay_parked(args, s, only, &r, &done);
  if (code != CLI_OK) return code;
  if (!cli_json(args)) {
    printf("%lld %s sent again; a running server begins at once\n", (long long)done,
           done == 1 ? "delivery is" : "deliveries are");
    return CLI_OK;
  }
  struct output o;
  output_begin(&o, cli_ctx(args));
  jw_object(&o.w);
  jw_kint(&o.w, "replayed", done);
  jw_object_end(&o.w);
  return output_end(&o);
}

int cli_deliveries_replay(const struct cli_args *args) {
  return cli_with_store(args, replay);
}
