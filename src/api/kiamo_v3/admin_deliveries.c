/* Package administration: what is on its way to partners, sending it again, trying a connector, and who changed the
 * setup. Lists are newest first and look at a bounded number of rows for one answer, however rare what is asked for:
 * then the cursor leads on. */
#include "api/kiamo_v3/admin.h"

#include "api/app.h"
#include "api/errors.h"
#include "api/kiamo_v3/read.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/delivery.h"

#include <stdlib.h>
#include <string.h>

#define STATES     3
#define SCAN_MAX   2000 /* rows looked at for one page */
#define REPLAY_MAX 500  /* in one request */

/* ---- deliveries ---- */

struct delivery_query {
  int64_t limit, before, connector_id, from_ms, to_ms;
  bool only_state;
  enum delivery_state state;
};

static void query_time(struct request *req, struct decoder *d, const char *name, int64_t *ret_ms) {
  const char *text = request_query(req, name);
  if (text && !clock_parse(text, ret_ms)) decode_problem(d, name, 1150, "must be a time such as 2026-11-20T14:05:00Z");
}

static bool read_delivery_query(struct request *req, struct delivery_query *q) {
  struct decoder d;
  int64_t instance_id = 0;
  const char *state = request_query(req, "state"), *cursor = request_query(req, "cursor");
  *q = (struct delivery_query){.limit = V3_LIMIT_DEFAULT, .before = INT64_MAX, .to_ms = INT64_MAX};
  decode_init(&d, request_pool(req), PATH_POINTER);
  v3_query_int(req, &d, "limit", 1, V3_LIMIT_MAX, &q->limit);
  v3_query_int(req, &d, "connector", 1, INT64_MAX, &q->connector_id);
  q->only_state = state != NULL;
  if (state && !delivery_state_parse(state, &q->state))
    decode_problem(&d, "state", 1020, "must be pending, delivered or parked");
  if (cursor && (!id_parse(cursor, &instance_id, &q->before) || instance_id != caller_of(req)->instance_id))
    decode_problem(&d, "cursor", 1020, "is not one of ours");
  query_time(req, &d, "from", &q->from_ms);
  query_time(req, &d, "to", &q->to_ms);
  if (d.problem_count) fail_fields(req, &d);
  return d.problem_count == 0;
}

static int newest_first(const void *a, const void *b) {
  int64_t x = ((const struct delivery *)a)->id, y = ((const struct delivery *)b)->id;
  return x > y ? -1 : x < y;
}

/* The next rows below q->before, of one state or of all. */
static int next_rows(const struct v3_view *v, const struct delivery_query *q, struct delivery *out, int max) {
  if (q->only_state) return delivery_list_before(v->db, v->ctx, v->instance_id, q->state, q->before, out, max);
  int n = 0;
  for (int state = 0; state < STATES; state++)
    n += delivery_list_before(v->db, v->ctx, v->instance_id, (enum delivery_state)state, q->before, out + n, max);
  qsort(out, (size_t)n, sizeof *out, newest_first);
  return n < max ? n : max;
}

static bool fits(const struct delivery_query *q, const struct delivery *d) {
  return (!q->connector_id || d->channel_id == q->connector_id) && d->created_at >= q->from_ms &&
         d->created_at < q->to_ms;
}

static void put_id(struct jw *w, const struct v3_view *v, const char *key, int64_t id) {
  char hex[ID_HEX_LEN];
  jw_kstr(w, key, id ? id_format(v->instance_id, id, hex) : NULL);
}

static void put_delivery(const struct v3_view *v, struct jw *w, const struct delivery *d) {
  const struct channel *c = registry_channel(v->registry, d->channel_id);
  put_id(w, v, "id", d->id);
  jw_kstr(w, "state", delivery_state_word(d->state));
  jw_key(w, "connector");
  jw_object(w);
  jw_kint(w, "id", d->channel_id);
  jw_kstr(w, "name", c ? c->name : NULL);
  jw_object_end(w);
  put_id(w, v, "interactionId", d->interaction_id);
  jw_kbool(w, "test", d->interaction_id == 0);
  jw_kint(w, "attempts", d->attempts);
  jw_kint(w, "lastStatus", d->last_status);
  jw_kstr(w, "lastError", d->last_error);
  jw_ktime(w, "createdAt", d->created_at);
  jw_ktime(w, "nextAt", d->state == DELIVERY_PENDING ? d->next_at : 0);
  jw_ktime(w, "deadlineAt", d->deadline_at);
  jw_ktime(w, "settledAt", d->settled_at);
}

void admin_deliveries(struct request *req) {
  struct delivery_query q;
  if (!read_delivery_query(req, &q)) return;
  struct v3_reading r;
  v3_reading_begin(&r, req);
  int batch = (int)q.limit + 1, shown = 0, scanned = 0, n = batch;
  struct delivery *rows = mem_array(request_pool(req), struct delivery, (size_t)batch * STATES);
  struct jw w = jw_into(r.body);
  bool more = false;
  jw_object(&w);
  jw_key(&w, "items");
  jw_array(&w);
  while (n == batch && !more) {
    n = next_rows(&r.view, &q, rows, batch);
    for (int i = 0; i < n && !more; i++) {
      more = shown == q.limit || scanned == SCAN_MAX;
      if (more) break;
      scanned++;
      q.before = rows[i].id;
      if (!fits(&q, &rows[i])) continue;
      jw_object(&w);
      put_delivery(&r.view, &w, &rows[i]);
      jw_object_end(&w);
      shown++;
    }
  }
  jw_array_end(&w);
  put_id(&w, &r.view, "next", more ? q.before : 0);
  jw_object_end(&w);
  v3_reading_end(&r, true);
}

void admin_delivery(struct request *req) {
  int64_t id;
  if (!v3_path_id(req, &id)) return;
  struct v3_reading r;
  struct delivery d;
  v3_reading_begin(&r, req);
  bool found = delivery_get(r.view.db, r.view.ctx, r.view.instance_id, id, &d);
  struct jw w = jw_into(r.body);
  if (found) {
    jw_object(&w);
    put_delivery(&r.view, &w, &d);
    size_t len = 0;
    const char *payload = delivery_payload(r.view.db, r.view.ctx, id, &len);
    jw_key(&w, "payload");
    jw_strn(&w, payload, payload ? len : 0);
    jw_object_end(&w);
  }
  v3_reading_end(&r, found);
}

/* ---- again ---- */

struct replay {
  int64_t ids[REPLAY_MAX];
  int count;
  int64_t connector_id; /* 0: those of ids */
  int64_t retention_ms;
};

/* Those of the parked ones that are the connector's, oldest first; *ret_more: there may be further ones. */
static int parked_of(struct db *tx, void *ctx, int64_t instance_id, int64_t connector_id, int64_t *out,
                     bool *ret_more) {
  struct delivery *rows = mem_array(ctx, struct delivery, V3_LIMIT_MAX);
  int64_t after = 0;
  int count = 0, n = V3_LIMIT_MAX;
  for (int scanned = 0; n == V3_LIMIT_MAX && scanned < 10 * SCAN_MAX && count < REPLAY_MAX; scanned += n) {
    n = delivery_list(tx, ctx, instance_id, DELIVERY_PARKED, after, rows, V3_LIMIT_MAX);
    for (int i = 0; i < n && count < REPLAY_MAX; i++) {
      after = rows[i].id;
      if (rows[i].channel_id == connector_id) out[count++] = rows[i].id;
    }
  }
  *ret_more = n == V3_LIMIT_MAX || count == REPLAY_MAX;
  return count;
}

static bool act_replay(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  struct replay r = *(const struct replay *)w->input;
  int64_t now_ms = clock_wall_ms(), instance_id = w->caller->instance_id;
  int done = 0;
  bool more = false;
  if (r.connector_id) r.count = parked_of(tx, request_pool(w->req), instance_id, r.connector_id, r.ids, &more);
  for (int i = 0; i < r.count; i++)
    done += delivery_replay(tx, instance_id, r.ids[i], now_ms, now_ms + r.retention_ms) == DB_OK;
  if (db_failed(tx)) return false;
  struct jw jw = jw_into(out);
  jw_object(&jw);
  jw_kint(&jw, "replayed", done);
  jw_kbool(&jw, "more", more);
  jw_object_end(&jw);
  *ret_status = 200;
  return true;
}

static void decode_ids(struct decoder *d, struct request *req, const struct jval *list, struct replay *r) {
  decode_in_key(d, "ids");
  for (size_t i = 0; i < jval_count(list); i++) {
    int64_t instance_id = 0;
    const char *text = jval_str(jval_at(list, i), NULL);
    decode_in_index(d, i);
    if (!text || !id_parse(text, &instance_id, &r->ids[r->count]) || instance_id != caller_of(req)->instance_id)
      decode_problem(d, NULL, 1020, "is not the id of a delivery");
    else
      r->count++;
    decode_out(d);
  }
  decode_out(d);
}

void admin_replay(struct request *req) {
  const struct jval *body = v3_body(req, false);
  if (!body) return;
  struct decoder d;
  struct replay *r = mem_new(request_pool(req), struct replay);
  decode_init(&d, request_pool(req), PATH_POINTER);
  const struct jval *ids = decode_array(&d, body, "ids", OPTIONAL, 1, REPLAY_MAX);
  bool by_connector = decode_int(&d, body, "connectorId", OPTIONAL, 1, INT64_MAX, &r->connector_id);
  const struct channel *c = by_connector ? registry_channel(caller_of(req)->registry, r->connector_id) : NULL;
  if (by_connector && (!c || c->instance_id != caller_of(req)->instance_id))
    decode_problem(&d, "connectorId", 1020, "there is no such connector");
  if (ids) decode_ids(&d, req, ids, r);
  if (!d.problem_count && !ids == !by_connector)
    decode_problem(&d, "ids", 1010, "say which: ids, or connectorId for all parked ones of a connector");
  if (d.problem_count) {
    fail_fields(req, &d);
    return;
  }
  r->retention_ms = request_conf(req)->delivery_retention;
  struct v3_write *w = v3_write_new(req, 0);
  w->act = act_replay;
  w->input = r;
  v3_write_go(w);
}

/* ---- is a connector's webhook there? ---- */

struct trial {
  const struct channel *channel;
  int64_t retention_ms;
};

static bool act_test(struct db *tx, struct v3_write *w, struct buf *out, int *ret_status) {
  const struct trial *t = w->input;
  const struct instance *instance = registry_instance(w->caller->registry, w->caller->instance_id);
  int64_t id = id_next(), now_ms = clock_wall_ms();
  char hex[ID_HEX_LEN];
  struct buf payload;
  buf_init(&payload, request_pool(w->req), 1024, surface_of(t->channel->kind)->payload_max);
  const struct message_out m = {
      .id = id_format(w->caller->instance_id, id, hex),
      .created_at = now_ms / 1000,
      .customer_id = "guichet-test",
      .sender = {.type = PARTY_HUMAN, .id = instance->name, .name = instance->name},
      .speaker = {.username = "guichet", .display_name = instance->name},
      .text = "A test of this connector: no customer is meant.",
  };
  surface_of(t->channel->kind)->render_message(&payload, &m);
  if (delivery_insert(tx, &(struct delivery){.id = id,
                                             .instance_id = w->caller->instance_id,
                                             .channel_id = t->channel->id,
                                             .created_at = now_ms,
                                             .deadline_at = now_ms + t->retention_ms,
                                             .payload = payload.data,
                                             .payload_len = payload.len}) != DB_OK)
    return false;
  struct jw jw = jw_into(out);
  jw_object(&jw);
  jw_kstr(&jw, "deliveryId", hex);
  jw_object_end(&jw);
  *ret_status = 202;
  return true;
}

void admin_connector_test(struct request *req) {
  int64_t id;
  if (!v3_path_number(req, &id) || !v3_body(req, true)) return;
  const struct caller *caller = caller_of(req);
  struct trial *t = mem_new(request_pool(req), struct trial);
  t->channel = registry_channel(caller->registry, id);
  t->retention_ms = 60000; /* somebody is waiting for it */
  if (!t->channel || t->channel->instance_id != caller->instance_id || t->channel->kind != CHANNEL_KIAMO_IO) {
    fail(req, ERR_3000, 0, NULL);
    return;
  }
  if (!t->channel->enabled || !*t->channel->webhook_url) {
    fail(req, ERR_1020, 409, t->channel->enabled ? "the connector has no webhook" : "the connector is disabled");
    return;
  }
  struct v3_write *w = v3_write_new(req, 0);
  w->act = act_test;
  w->input = t;
  v3_write_go(w);
}

/* ---- who changed what ---- */

void admin_audit(struct request *req) {
  struct decoder d;
  int64_t limit = V3_LIMIT_DEFAULT, before = INT64_C(1) << EVENT_NUMBER_BITS;
  decode_init(&d, request_pool(req), PATH_POINTER);
  v3_query_int(req, &d, "limit", 1, V3_LIMIT_MAX, &limit);
  v3_query_int(req, &d, "cursor", 1, before, &before);
  if (d.problem_count) {
    fail_fields(req, &d);
    return;
  }
  struct v3_reading r;
  v3_reading_begin(&r, req);
  struct event *events = mem_array(request_pool(req), struct event, (size_t)limit + 1);
  int n = event_audit(r.view.db, r.view.ctx, r.view.instance_id, before, events, (int)limit + 1);
  struct jw w = jw_into(r.body);
  jw_object(&w);
  jw_key(&w, "items");
  jw_array(&w);
  for (int i = 0; i < n && i < limit; i++) {
    if (i) buf_putc(r.body, ',');
    v3_render_event(&r.view, r.body, &events[i]);
  }
  jw_array_end(&w);
  v3_put_next(&w, n > limit, n > limit ? events[limit - 1].number : 0);
  jw_object_end(&w);
  v3_reading_end(&r, true);
}
