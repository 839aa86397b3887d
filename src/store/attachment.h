/* Files of messages: a row each, the bytes in chunks of 128 KiB in the store. */
#pragma once

#include "core/message.h"
#include "store/db.h"

#include <sys/types.h>

#define ATTACHMENT_CHUNK   131072
#define ATTACHMENT_UID_LEN 33 /* 32 hex and NUL */

enum attachment_state { ATTACHMENT_STORED, ATTACHMENT_TO_FETCH, ATTACHMENT_FAILED };
const char *attachment_state_word(enum attachment_state state);

struct attachment {
  int64_t id, instance_id, channel_id, interaction_id, message_id;
  enum message_direction direction;
  const char *uid, *ext_id, *name, *mime_type, *found_type;
  int64_t size;
  enum attachment_state state;
  const char *url, *last_error;
  int64_t attempts, created_at, retrieved_at;
};

/* Inserts row and bytes (bytes NULL: to be fetched from a->url). */
enum db_result attachment_insert(struct db *tx, const struct attachment *a, const void *bytes, size_t size,
                                 int64_t now_ms);
bool attachment_get(struct db *db, void *ctx, int64_t instance_id, int64_t id, struct attachment *ret);
bool attachment_by_uid(struct db *db, void *ctx, int64_t instance_id, const char *uid, struct attachment *ret);
int64_t attachment_instance(struct db *db, const char *uid); /* whose it is; 0: nobody's */
int attachment_of_message(struct db *db, void *ctx, int64_t instance_id, int64_t message_id, struct attachment *out,
                          int max);
/* Copies up to max bytes from offset; returns how many, 0 at the end, -1 on a hole or failure. */
ssize_t attachment_read(struct db *db, int64_t id, int64_t offset, char *out, size_t max);
/* A file uploaded to this interaction that belongs to no message yet goes to this one. DB_NONE when it is taken,
 * foreign or unknown. */
enum db_result attachment_claim(struct db *tx, int64_t instance_id, int64_t id, int64_t message_id,
                                int64_t interaction_id);
enum db_result attachment_set_retrieved(struct db *tx, const struct attachment *a, int64_t now_ms);

/* The fetcher's side: due rows first. */
struct attachment_fetch {
  int64_t id, instance_id, channel_id, interaction_id, message_id;
  const char *url;
  int64_t attempts, next_at, created_at;
};
int attachment_to_fetch(struct db *db, void *ctx, struct attachment_fetch *out, int max);
enum db_result attachment_fetched(struct db *tx, const struct attachment_fetch *f, const void *bytes, size_t size,
                                  const char *found_type, int64_t now_ms);
/* final: it will not be tried again. */
enum db_result attachment_fetch_failed(struct db *tx, const struct attachment_fetch *f, bool final, int64_t next_at,
                                       const char *error, int64_t now_ms);
