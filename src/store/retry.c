/* Retry keys: the newest are remembered by store/late.c, the others are rows of retry_key. What is found by its hash is
 * compared with the message itself. On the writer, inside a transaction. */
#include "store/retry.h"

#include "base/secret.h"
#include "store/tx.h"

#include <string.h>

#define HASHED_MAX 512

int64_t retry_hash(int64_t customer_id, const char *ext_id, size_t len) {
  uint8_t bytes[sizeof customer_id + HASHED_MAX], digest[SHA256_LEN];
  if (len > HASHED_MAX) len = HASHED_MAX; /* those that differ only behind it are told apart by their messages */
  for (size_t i = 0; i < sizeof customer_id; i++) bytes[i] = (uint8_t)((uint64_t)customer_id >> 8 * i);
  memcpy(bytes + sizeof customer_id, ext_id, len);
  digest_sha256(bytes, sizeof customer_id + len, digest);
  uint64_t hash = 0;
  for (size_t i = 0; i < sizeof hash; i++) hash |= (uint64_t)digest[i] << 8 * i;
  return (int64_t)hash;
}

struct key {
  int64_t customer_id, created_at;
  const char *ext_id;
};

static bool is_of(struct db *tx, const struct key *k, int64_t message_id) {
  return db_int(tx, Q_MESSAGE_MATCHES, 0, v_int(message_id), v_int(k->customer_id), v_text(k->ext_id),
                v_int(k->created_at)) != 0;
}

static bool on_disk(struct db *tx, const struct key *k, int64_t hash) {
  struct db_rows rows;
  bool found = false;
  db_open(tx, &rows, Q_RETRY_FIND, v_int(k->created_at), v_int(hash));
  while (!found && db_next(&rows)) found = is_of(tx, k, col_int(&rows, 0));
  db_close(&rows);
  return found;
}

bool retry_known(struct db *tx, int64_t instance_id, int64_t customer_id, const char *ext_id, int64_t created_at) {
  const struct key k = {.customer_id = customer_id, .created_at = created_at, .ext_id = ext_id};
  struct late *late = tx_follow(tx, instance_id);
  if (!late) return db_int(tx, Q_MESSAGE_KNOWN, 0, v_int(customer_id), v_text(ext_id), v_int(created_at)) != 0;
  int64_t hash = retry_hash(customer_id, ext_id, strlen(ext_id));
  struct ring_walk walk = late_keys(late, hash);
  for (const struct ring_entry *e; (e = ring_next(&walk));)
    if (e->order == created_at && is_of(tx, &k, e->ref)) return true;
  return created_at <= late_keys_top(late, tx) && on_disk(tx, &k, hash);
}

void retry_remember(struct db *tx, int64_t customer_id, const char *ext_id, int64_t created_at, int64_t message_id) {
  if (tx_late(tx)) late_key(tx_late(tx), retry_hash(customer_id, ext_id, strlen(ext_id)), created_at, message_id);
}
