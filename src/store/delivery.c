/* The outbox's rows. Settling runs inside jobs on the writer and appends the event that tells the agent. */
#include "store/delivery.h"

#include "base/json_write.h"
#include "base/mem.h"
#include "store/event.h"
#include "store/store.h"

#include <string.h>

static const char *const state_words[] = {"pending", "delivered", "parked"};

const char *delivery_state_word(enum delivery_state state) {
  return (size_t)state < ARRAY_LEN(state_words) ? state_words[state] : "unknown";
}

bool delivery_state_parse(const char *word, enum delivery_state *ret_state) {
  for (size_t i = 0; i < ARRAY_LEN(state_words); i++) {
    if (strcmp(word, state_words[i]) != 0) continue;
    *ret_state = (enum delivery_state)i;
    return true;
  }
  return false;
}

enum db_result delivery_insert(struct db *tx, const struct delivery *d) {
  store_note_delivery(tx);
  return db_exec(tx, Q_DELIVERY_INSERT, v_int(d->id), v_int(d->instance_id), v_int(d->channel_id),
                 v_int(d->customer_id), v_int(d->interaction_id), v_int(d->created_at), v_int(d->deadline_at),
                 v_bytes(d->payload, d->payload_len));
}

int delivery_pending(struct db *db, int64_t channel_id, int64_t after, struct delivery *out, int max) {
  struct db_rows rows;
  int n = 0;
  db_open(db, &rows, Q_DELIVERY_PENDING, v_int(channel_id), v_int(after), v_int(max));
  while (n < max && db_next(&rows))
    out[n++] = (struct delivery){
        .id = col_int(&rows, 0),
        .instance_id = col_int(&rows, 1),
        .channel_id = channel_id,
        .customer_id = col_int(&rows, 2),
        .interaction_id = col_int(&rows, 3),
        .attempts = col_int(&rows, 4),
        .created_at = col_int(&rows, 5),
        .next_at = col_int(&rows, 6),
        .deadline_at = col_int(&rows, 7),
    };
  db_close(&rows);
  return n;
}

int delivery_pending_channels(struct db *db, int64_t *out, int max) {
  struct db_rows rows;
  int n = 0;
  db_open(db, &rows, Q_DELIVERY_PENDING_CHANNELS);
  while (n < max && db_next(&rows)) out[n++] = col_int(&rows, 0);
  db_close(&rows);
  return n;
}

static void *payload_by(struct db *db, void *ctx, enum query query, int64_t id, size_t *ret_len) {
  struct db_rows rows;
  void *copy = NULL;
  db_open(db, &rows, query, v_int(id));
  if (db_next(&rows)) {
    const void *bytes = col_bytes(&rows, 0, ret_len);
    copy = mem_strndup(ctx, bytes, *ret_len);
  }
  db_close(&rows);
  return copy;
}

void *delivery_payload(struct db *db, void *ctx, int64_t id, size_t *ret_len) {
  return payload_by(db, ctx, Q_DELIVERY_PAYLOAD, id, ret_len);
}
void *delivery_payload_pending(struct db *db, void *ctx, int64_t id, size_t *ret_len) {
  return payload_by(db, ctx, Q_DELIVERY_PAYLOAD_PENDING, id, ret_len);
}

static enum db_result tell(struct db *tx, const struct delivery *d, enum event_kind kind, bool attempted, int status,
                           const char *error, int64_t now_ms) {
  void *pool = mem_pool(NULL, 1024);
  struct buf data;
  buf_init(&data, pool, 256, 4096);
  struct jw w = jw_into(&data);
  jw_object(&w);
  jw_kint(&w, "attempts", d->attempts + attempted);
  jw_kint(&w, "status", status);
  if (error) jw_kstr(&w, "error", error);
  jw_object_end(&w);
  enum db_result r = event_append(tx, d->instance_id,
                                  &(struct event){.at = now_ms,
                                                  .kind = kind,
                                                  .interaction_id = d->interaction_id,
                                                  .ref_id = d->id,
                                                  .data = data.failed ? NULL : data.data});
  mem_free(pool);
  return r;
}

enum db_result delivery_settle_delivered(struct db *tx, const struct delivery *d, int status, int64_t now_ms) {
  enum db_result r = db_exec(tx, Q_DELIVERY_DELIVERED, v_int(d->id), v_int(now_ms), v_int(status));
  return r == DB_OK ? tell(tx, d, EVENT_DELIVERY_DELIVERED, true, status, NULL, now_ms) : r;
}

enum db_result delivery_settle_failed(struct db *tx, const struct delivery *d, int status, const char *error,
                                      int64_t next_at, int64_t now_ms) {
  enum db_result r = db_exec(tx, Q_DELIVERY_FAILED, v_int(d->id), v_int(next_at), v_int(status), v_text(error));
  /* The agent hears of the first failure; how it goes on stands in the delivery itself. */
  return r == DB_OK && d->attempts == 0 ? tell(tx, d, EVENT_DELIVERY_FAILED, true, status, error, now_ms) : r;
}

enum db_result delivery_settle_parked(struct db *tx, const struct delivery *d, bool attempted, int status,
                                      const char *error, int64_t now_ms) {
  enum db_result r =
      db_exec(tx, Q_DELIVERY_PARKED, v_int(d->id), v_int(now_ms), v_int(status), v_text(error), v_int(attempted));
  return r == DB_OK ? tell(tx, d, EVENT_DELIVERY_PARKED, attempted, status, error, now_ms) : r;
}

static struct delivery read_one(const struct db_rows *rows, void *ctx, int64_t instance_id) {
  return (struct delivery){
      .id = col_int(rows, 0),
      .instance_id = instance_id,
      .channel_id = col_int(rows, 1),
      .customer_id = col_int(rows, 2),
      .interaction_id = col_int(rows, 3),
      .state = (enum delivery_state)col_int(rows, 4),
      .attempts = col_int(rows, 5),
      .created_at = col_int(rows, 6),
      .next_at = col_int(rows, 7),
      .deadline_at = col_int(rows, 8),
      .settled_at = col_int(rows, 9),
      .last_status = col_int(rows, 10),
      .last_error = col_dup(rows, 11, ctx),
  };
}

bool delivery_get(struct db *db, void *ctx, int64_t instance_id, int64_t id, struct delivery *ret) {
  struct db_rows rows;
  db_open(db, &rows, Q_DELIVERY_GET, v_int(id), v_int(instance_id));
  bool found = db_next(&rows);
  if (found) *ret = read_one(&rows, ctx, instance_id);
  db_close(&rows);
  return found;
}

int delivery_list(struct db *db, void *ctx, int64_t instance_id, enum delivery_state state, int64_t after,
                  struct delivery *out, int max) {
  struct db_rows rows;
  int n = 0;
  db_open(db, &rows, Q_DELIVERY_LIST, v_int(instance_id), v_int((int64_t)state), v_int(after), v_int(max));
  while (n < max && db_next(&rows)) out[n++] = read_one(&rows, ctx, instance_id);
  db_close(&rows);
  return n;
}

int delivery_list_before(struct db *db, void *ctx, int64_t instance_id, enum delivery_state state, int64_t before,
                         struct delivery *out, int max) {
  struct db_rows rows;
  int n = 0;
  db_open(db, &rows, Q_DELIVERY_BEFORE, v_int(instance_id), v_int((int64_t)state), v_int(before), v_int(max));
  while (n < max && db_next(&rows)) out[n++] = read_one(&rows, ctx, instance_id);
  db_close(&rows);
  return n;
}

enum db_result delivery_replay(struct db *tx, int64_t instance_id, int64_t id, int64_t now_ms, int64_t deadline_at) {
  struct delivery d;
  void *pool = mem_pool(NULL, 1024);
  enum db_result r = DB_NONE;
  if (delivery_get(tx, pool, instance_id, id, &d)) {
    r = db_exec(tx, Q_DELIVERY_REPLAY, v_int(id), v_int(instance_id), v_int(now_ms), v_int(deadline_at));
    if (r == DB_OK)
      r = event_append(
          tx, instance_id,
          &(struct event){
              .at = now_ms, .kind = EVENT_DELIVERY_REPLAYED, .interaction_id = d.interaction_id, .ref_id = id});
  }
  mem_free(pool);
  if (r == DB_OK) store_note_delivery(tx);
  return r;
}

int64_t delivery_count(struct db *db, int64_t instance_id, enum delivery_state state, int64_t *ret_oldest_created_at) {
  struct db_rows rows;
  int64_t n = 0;
  *ret_oldest_created_at = 0;
  db_open(db, &rows, Q_DELIVERY_COUNT, v_int(instance_id), v_int((int64_t)state));
  if (db_next(&rows)) {
    n = col_int(&rows, 0);
    *ret_oldest_created_at = col_int(&rows, 1);
  }
  db_close(&rows);
  return n;
}
