/* Files in the store: the row and its chunks. Inserting runs on the writer; reading on any reader, a chunk at a time.
 */
#include "store/attachment.h"

#include "base/id.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "store/event.h"
#include "store/store.h"

#include <string.h>

const char *attachment_state_word(enum attachment_state state) {
  static const char *const words[] = {"stored", "pending", "failed"};
  return words[state];
}

static enum db_result insert_chunks(struct db *tx, int64_t id, const char *bytes, size_t size) {
  enum db_result r = DB_OK;
  for (size_t at = 0; at < size && r == DB_OK; at += ATTACHMENT_CHUNK) {
    size_t len = size - at < ATTACHMENT_CHUNK ? size - at : ATTACHMENT_CHUNK;
    r = db_exec(tx, Q_ATTACHMENT_CHUNK_INSERT, v_int(id), v_int((int64_t)(at / ATTACHMENT_CHUNK)),
                v_bytes(bytes + at, len));
  }
  return r;
}

enum db_result attachment_insert(struct db *tx, const struct attachment *a, const void *bytes, size_t size,
                                 int64_t now_ms) {
  enum attachment_state state = bytes ? ATTACHMENT_STORED : ATTACHMENT_TO_FETCH;
  enum db_result r =
      db_exec(tx, Q_ATTACHMENT_INSERT, v_int(a->id), v_int(a->instance_id), v_int(a->channel_id),
              v_int(a->interaction_id), v_int(a->message_id), v_int((int64_t)a->direction), v_text(a->uid),
              v_text(a->ext_id), v_text(a->name), v_text(a->mime_type), v_text(a->found_type), v_int((int64_t)size),
              v_int((int64_t)state), v_text(a->url), v_int(now_ms));
  if (!bytes) store_note_delivery(tx);
  return r == DB_OK && bytes ? insert_chunks(tx, a->id, bytes, size) : r;
}

static struct attachment read_one(const struct db_rows *rows, void *ctx, int64_t instance_id) {
  return (struct attachment){
      .id = col_int(rows, 0),
      .instance_id = instance_id,
      .channel_id = col_int(rows, 1),
      .interaction_id = col_int(rows, 2),
      .message_id = col_int(rows, 3),
      .direction = (enum message_direction)col_int(rows, 4),
      .uid = col_dup(rows, 5, ctx),
      .ext_id = col_dup(rows, 6, ctx),
      .name = col_dup(rows, 7, ctx),
      .mime_type = col_dup(rows, 8, ctx),
      .found_type = col_dup(rows, 9, ctx),
      .size = col_int(rows, 10),
      .state = (enum attachment_state)col_int(rows, 11),
      .url = col_dup(rows, 12, ctx),
      .attempts = col_int(rows, 13),
      .last_error = col_dup(rows, 14, ctx),
      .created_at = col_int(rows, 15),
      .retrieved_at = col_int(rows, 16),
  };
}

static int read_rows(struct db_rows *rows, void *ctx, int64_t instance_id, struct attachment *out, int max) {
  int n = 0;
  while (n < max && db_next(rows)) out[n++] = read_one(rows, ctx, instance_id);
  db_close(rows);
  return n;
}

bool attachment_get(struct db *db, void *ctx, int64_t instance_id, int64_t id, struct attachment *ret) {
  struct db_rows rows;
  db_open(db, &rows, Q_ATTACHMENT_GET, v_int(id), v_int(instance_id));
  return read_rows(&rows, ctx, instance_id, ret, 1) == 1;
}

bool attachment_by_uid(struct db *db, void *ctx, int64_t instance_id, const char *uid, struct attachment *ret) {
  struct db_rows rows;
  db_open(db, &rows, Q_ATTACHMENT_BY_UID, v_text(uid), v_int(instance_id));
  return read_rows(&rows, ctx, instance_id, ret, 1) == 1;
}

int64_t attachment_instance(struct db *db, const char *uid) {
  return db_int(db, Q_ATTACHMENT_INSTANCE, 0, v_text(uid));
}

int attachment_of_message(struct db *db, void *ctx, int64_t instance_id, int64_t message_id, struct attachment *out,
                          int max) {
  struct db_rows rows;
  db_open(db, &rows, Q_ATTACHMENT_OF_MESSAGE, v_int(message_id), v_int(instance_id));
  return read_rows(&rows, ctx, instance_id, out, max);
}

ssize_t attachment_read(struct db *db, int64_t id, int64_t offset, char *out, size_t max) {
  struct db_rows rows;
  ssize_t n = -1;
  db_open(db, &rows, Q_ATTACHMENT_CHUNK_GET, v_int(id), v_int(offset / ATTACHMENT_CHUNK));
  if (db_next(&rows)) {
    size_t len = 0, skip = (size_t)(offset % ATTACHMENT_CHUNK);
    const char *bytes = col_bytes(&rows, 0, &len);
    n = len > skip ? (ssize_t)(len - skip < max ? len - skip : max) : 0;
    if (n > 0) memcpy(out, bytes + skip, (size_t)n);
  } else if (!db_failed(db)) {
    n = offset % ATTACHMENT_CHUNK == 0 ? 0 : -1;
  }
  db_close(&rows);
  return n;
}

enum db_result attachment_claim(struct db *tx, int64_t instance_id, int64_t id, int64_t message_id,
                                int64_t interaction_id) {
  return db_exec(tx, Q_ATTACHMENT_CLAIM, v_int(id), v_int(instance_id), v_int(message_id), v_int(interaction_id));
}

enum db_result attachment_set_retrieved(struct db *tx, const struct attachment *a, int64_t now_ms) {
  enum db_result r = db_exec(tx, Q_ATTACHMENT_RETRIEVED, v_int(a->id), v_int(now_ms));
  if (r != DB_OK) return r;
  return event_append(
      tx, a->instance_id,
      &(struct event){
          .at = now_ms, .kind = EVENT_FILE_RETRIEVED, .interaction_id = a->interaction_id, .ref_id = a->id});
}

/* ---- the fetcher's side ---- */

int attachment_to_fetch(struct db *db, void *ctx, struct attachment_fetch *out, int max) {
  struct db_rows rows;
  int n = 0;
  db_open(db, &rows, Q_ATTACHMENT_TO_FETCH, v_int(max));
  while (n < max && db_next(&rows))
    out[n++] = (struct attachment_fetch){
        .id = col_int(&rows, 0),
        .instance_id = col_int(&rows, 1),
        .channel_id = col_int(&rows, 2),
        .interaction_id = col_int(&rows, 3),
        .message_id = col_int(&rows, 4),
        .url = col_dup(&rows, 5, ctx),
        .attempts = col_int(&rows, 6),
        .next_at = col_int(&rows, 7),
        .created_at = col_int(&rows, 8),
    };
  db_close(&rows);
  return n;
}

enum db_result attachment_fetched(struct db *tx, const struct attachment_fetch *f, const void *bytes, size_t size,
                                  const char *found_type, int64_t now_ms) {
  enum db_result r = db_exec(tx, Q_ATTACHMENT_FETCHED, v_int(f->id), v_int((int64_t)size), v_text(found_type));
  if (r == DB_OK) r = insert_chunks(tx, f->id, bytes, size);
  if (r != DB_OK) return r;
  return event_append(
      tx, f->instance_id,
      &(struct event){.at = now_ms, .kind = EVENT_FILE_FETCHED, .interaction_id = f->interaction_id, .ref_id = f->id});
}

enum db_result attachment_fetch_failed(struct db *tx, const struct attachment_fetch *f, bool final, int64_t next_at,
                                       const char *error, int64_t now_ms) {
  int64_t state = final ? ATTACHMENT_FAILED : ATTACHMENT_TO_FETCH;
  enum db_result r = db_exec(tx, Q_ATTACHMENT_FETCH_FAILED, v_int(f->id), v_int(state), v_int(next_at), v_text(error));
  if (r != DB_OK || !final) return r;
  return event_append(
      tx, f->instance_id,
      &(struct event){.at = now_ms, .kind = EVENT_FILE_FAILED, .interaction_id = f->interaction_id, .ref_id = f->id});
}
