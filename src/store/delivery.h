/* The outbox: one row per event that must reach a partner. Times in ms. */
#pragma once

#include "store/db.h"

enum delivery_state { DELIVERY_PENDING, DELIVERY_DELIVERED, DELIVERY_PARKED };
const char *delivery_state_word(enum delivery_state state);
bool delivery_state_parse(const char *word, enum delivery_state *ret_state) MUST_CHECK;

struct delivery {
  int64_t id, instance_id, channel_id, customer_id, interaction_id;
  enum delivery_state state;
  int64_t attempts, created_at, next_at, deadline_at, settled_at, last_status;
  const char *last_error; /* NULL when none */
  const void *payload;    /* for delivery_insert; read by delivery_payload */
  size_t payload_len;
};

/* Inside the transaction that decided to send: row and wake-up. */
enum db_result delivery_insert(struct db *tx, const struct delivery *d);

/* The deliverer's side. Pending rows of a channel with id above `after`, oldest first, at most max, into out. Returns
 * how many. */
int delivery_pending(struct db *db, int64_t channel_id, int64_t after, struct delivery *out, int max);
int delivery_pending_channels(struct db *db, int64_t *out, int max);
/* The frozen bytes; NULL when the row is gone. Child of ctx. */
void *delivery_payload(struct db *db, void *ctx, int64_t id, size_t *ret_len);
/* NULL also when it is settled: another node may have done so. */
void *delivery_payload_pending(struct db *db, void *ctx, int64_t id, size_t *ret_len);

/* Settling, inside a job; each also appends its event. first_failure: write a delivery.failed event (told once per
 * delivery). */
enum db_result delivery_settle_delivered(struct db *tx, const struct delivery *d, int status, int64_t now_ms);
enum db_result delivery_settle_failed(struct db *tx, const struct delivery *d, int status, const char *error,
                                      int64_t next_at, int64_t now_ms);
/* attempted: it is given up after an attempt that ended so; else by the clock, and the last attempt's status and error
 * stay unless there was none. */
enum db_result delivery_settle_parked(struct db *tx, const struct delivery *d, bool attempted, int status,
                                      const char *error, int64_t now_ms);

/* For people: bound to the instance, without the payload. */
bool delivery_get(struct db *db, void *ctx, int64_t instance_id, int64_t id, struct delivery *ret);
int delivery_list(struct db *db, void *ctx, int64_t instance_id, enum delivery_state state, int64_t after,
                  struct delivery *out, int max);
/* Newest first, below `before`. */
int delivery_list_before(struct db *db, void *ctx, int64_t instance_id, enum delivery_state state, int64_t before,
                         struct delivery *out, int max);
/* Back to pending with a new deadline; DB_NONE when there is no such settled delivery. Wakes the deliverer. */
enum db_result delivery_replay(struct db *tx, int64_t instance_id, int64_t id, int64_t now_ms, int64_t deadline_at);
int64_t delivery_count(struct db *db, int64_t instance_id, enum delivery_state state, int64_t *ret_oldest_created_at);

/* How the deliverer is getting on, since the start; for /health and /metrics. */
struct deliver_stats {
  uint64_t attempts, delivered, failed, parked;
  uint64_t age_ms_total; /* from commit to delivery, summed over delivered */
  int active;            /* attempts under way */
  int loaded;            /* pending rows in memory */
  int channels_failing;
  int64_t last_progress_ms; /* wall clock of the loop's last turn: is the thread alive? */
};
