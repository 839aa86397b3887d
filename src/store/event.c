/* The event log's rows. Appending happens on the writer inside a transaction, reading on any reader. */
#include "store/event.h"

#include "base/mem.h"
#include "store/engine.h"
#include "store/tx.h"

static int64_t floor_of(int64_t instance_id) {
  return instance_id << EVENT_NUMBER_BITS;
}

enum db_result event_write(struct db *tx, int64_t instance_id, int64_t number, const struct event *e) {
  int64_t seq = floor_of(instance_id) + number;
  enum db_result r = db_exec(tx, Q_EVENT_INSERT, v_int(seq), v_int(e->at), v_int((int64_t)e->kind),
                             v_int(e->interaction_id), v_int(e->ref_id), v_int(e->agent_id), v_text(e->data));
  if (r == DB_OK) tx_note_event(tx, seq, e->interaction_id);
  return r;
}

enum db_result event_append(struct db *tx, int64_t instance_id, const struct event *e) {
  if (tx_keep_event(tx, instance_id, e)) return DB_OK;
  return event_write(tx, instance_id, tx_next_event(tx, instance_id), e);
}

static int read_all(struct db_rows *rows, void *ctx, int64_t instance_id, struct event *out, int max) {
  int n = 0;
  while (n < max && db_next(rows))
    out[n++] = (struct event){
        .number = col_int(rows, 0) - floor_of(instance_id),
        .at = col_int(rows, 1),
        .kind = (enum event_kind)col_int(rows, 2),
        .interaction_id = col_int(rows, 3),
        .ref_id = col_int(rows, 4),
        .agent_id = col_int(rows, 5),
        .data = col_dup(rows, 6, ctx),
    };
  db_close(rows);
  return n;
}

int event_after(struct db *db, void *ctx, int64_t instance_id, int64_t after, struct event *out, int max) {
  struct db_rows rows;
  db_open(db, &rows, Q_EVENT_AFTER, v_int(floor_of(instance_id) + after), v_int(floor_of(instance_id + 1)), v_int(max));
  return read_all(&rows, ctx, instance_id, out, max);
}

/* Above the timeline's mark: those remembered, then the rest of the log. */
static int newest_of(struct db *db, void *ctx, int64_t interaction_id, int64_t after, int64_t mark, struct event *out,
                     int max) {
  int64_t instance_id = after >> EVENT_NUMBER_BITS, upto = after;
  struct db_rows rows;
  int n = 0, found = 0;
  if (db->late) {
    int64_t *seqs = mem_array(NULL, int64_t, (size_t)max);
    found = late_find(db->late, interaction_id, after, mark, seqs, max, &upto);
    for (int i = 0; i < found; i++) {
      db_open(db, &rows, Q_EVENT_AT, v_int(seqs[i]), v_int(interaction_id));
      n += read_all(&rows, ctx, instance_id, out + n, 1);
    }
    mem_free(seqs);
  }
  /* One that this snapshot does not see yet: nor does it see later ones. */
  if (n == max || n < found) return n;
  db_open(db, &rows, Q_EVENT_OF_INTERACTION_IN, v_int(upto), v_int(floor_of(instance_id + 1)), v_int(interaction_id),
          v_int(max - n));
  return n + read_all(&rows, ctx, instance_id, out + n, max - n);
}

int event_of_interaction(struct db *db, void *ctx, int64_t instance_id, int64_t interaction_id, int64_t after,
                         struct event *out, int max) {
  int64_t from = floor_of(instance_id) + after;
  int64_t mark = late_mark(db, instance_id); /* the snapshot begins here at the latest, before what is remembered */
  struct db_rows rows;
  int n = 0;
  if (mark > from) {
    db_open(db, &rows, Q_EVENT_OF_INTERACTION, v_int(interaction_id), v_int(from), v_int(mark), v_int(max));
    n = read_all(&rows, ctx, instance_id, out, max);
    from = mark;
  }
  if (n == max || mark >= floor_of(instance_id + 1)) return n;
  return n + newest_of(db, ctx, interaction_id, from, mark, out + n, max - n);
}

int event_audit(struct db *db, void *ctx, int64_t instance_id, int64_t before, struct event *out, int max) {
  struct db_rows rows;
  db_open(db, &rows, Q_EVENT_AUDIT, v_int(floor_of(instance_id)), v_int(floor_of(instance_id) + before), v_int(max));
  return read_all(&rows, ctx, instance_id, out, max);
}

int64_t event_last(struct db *db, int64_t instance_id) {
  int64_t seq = db_int(db, Q_EVENT_LAST, 0, v_int(floor_of(instance_id)), v_int(floor_of(instance_id + 1)));
  return seq > 0 ? seq - floor_of(instance_id) : 0;
}
