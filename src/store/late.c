/* Indexes that are filled late: see the header. Owns the entries kept in memory and the sweeps that move them into the
 * tables. The writer alone changes anything; what readers look at (the events' ring, what is known of instances)
 * changes under the lock, after the commit, so they see facts only. Never needed to be right: without it readers go
 * through the log above the mark. A full disk undoes a move with its commit; it is tried again. */
#include "store/late.h"

#include "base/mem.h"
#include "core/event.h"
#include "store/event.h"

#include <pthread.h>
#include <string.h>

#define SWEEP_EVENTS 65536
#define SWEEP_KEYS   32768
#define MOVE_LEAST   64   /* rows with each commit, and twice what it adds: a sweep ends long before the next is due */
#define LOAD_MAX     4096 /* so many unknown events are read; more are moved straight into the tables */
#define SLICE        200000
#define RUNS         16 /* one is sorted at once: some tenths of a millisecond */

/* What is known of an instance. */
struct known {
  int64_t instance_id;
  int64_t last; /* seq: events up to here are in the ring or below low */
  int64_t low;  /* seq: those up to here have left the ring */
};

/* One of the two indexes. */
struct line {
  bool (*insert)(struct db *tx, const struct ring_entry *e);
  struct ring ring;
  uint64_t committed; /* the ring's end by the last commit */
  uint32_t sweep_at;
  struct sweep *sweep; /* NULL: none is under way */
};

/* First the entries are sorted, a run with each commit; then the runs are merged into the table. */
struct sweep {
  uint64_t upto; /* a place in the ring */
  struct ring_entry *entries;
  uint32_t count, run, ordered, moved; /* run: so many are in each */
  uint32_t heads[RUNS];                /* of each run: how many of it have been moved */
  bool uncommitted;                    /* this transaction has moved some */
  struct known *targets;
  int target_count;
};

struct pending {
  int64_t seq, interaction_id;
};

struct late {
  pthread_mutex_t lock; /* guards timeline.ring and known */
  struct line timeline, keys;
  struct known *known;
  int known_count;
  struct pending *pending; /* events of this transaction */
  int pending_count, pending_room;
  int64_t keys_top;
  bool keys_top_known;
};

static int64_t floor_of(int64_t instance_id) {
  return instance_id << EVENT_NUMBER_BITS;
}
static int64_t higher(int64_t a, int64_t b) {
  return a > b ? a : b;
}

static bool insert_timeline(struct db *tx, const struct ring_entry *e) {
  return db_exec(tx, Q_TIMELINE_INSERT, v_int(e->key), v_int(e->ref)) != DB_FAILED;
}
static bool insert_key(struct db *tx, const struct ring_entry *e) {
  return db_exec(tx, Q_RETRY_INSERT, v_int(e->order), v_int(e->key), v_int(e->ref)) != DB_FAILED;
}

static int late_destroy(struct late *l) {
  ring_free(&l->timeline.ring);
  ring_free(&l->keys.ring);
  pthread_mutex_destroy(&l->lock);
  return 0;
}

struct late *late_new(void *ctx, uint32_t sweep_at) {
  struct late *l = mem_new(ctx, struct late);
  pthread_mutex_init(&l->lock, NULL);
  l->timeline = (struct line){.insert = insert_timeline, .sweep_at = sweep_at ? sweep_at : SWEEP_EVENTS};
  l->keys = (struct line){.insert = insert_key, .sweep_at = sweep_at ? sweep_at : SWEEP_KEYS};
  talloc_set_destructor(l, late_destroy);
  return l;
}

/* ---- marks ---- */

static void read_marks(struct db *db, int64_t instance_id, int64_t *ret_timeline, int64_t *ret_keys) {
  struct db_rows rows;
  *ret_timeline = *ret_keys = floor_of(instance_id);
  db_open(db, &rows, Q_INDEX_MARK, v_int(instance_id));
  if (db_next(&rows)) {
    *ret_timeline = higher(*ret_timeline, col_int(&rows, 0));
    *ret_keys = higher(*ret_keys, col_int(&rows, 1));
  }
  db_close(&rows);
}

int64_t late_mark(struct db *db, int64_t instance_id) {
  int64_t timeline, keys;
  read_marks(db, instance_id, &timeline, &keys);
  return timeline;
}

/* ---- what a transaction adds ---- */

static void keep_event(struct late *l, int64_t seq, int64_t interaction_id) {
  if (l->pending_count == l->pending_room) {
    int room = l->pending_room ? 2 * l->pending_room : 1024;
    struct pending *more = mem_array(l, struct pending, (size_t)room);
    if (l->pending_count) memcpy(more, l->pending, (size_t)l->pending_count * sizeof *more);
    mem_free(l->pending);
    l->pending = more;
    l->pending_room = room;
  }
  l->pending[l->pending_count++] = (struct pending){.seq = seq, .interaction_id = interaction_id};
}

void late_event(struct late *l, int64_t seq, int64_t interaction_id) {
  if (interaction_id) keep_event(l, seq, interaction_id);
}

void late_key(struct late *l, int64_t hash, int64_t created_at, int64_t message_id) {
  ring_add(&l->keys.ring, hash, created_at, message_id);
}

struct ring_walk late_keys(const struct late *l, int64_t hash) {
  return ring_walk(&l->keys.ring, hash);
}

int64_t late_keys_top(struct late *l, struct db *tx) {
  if (!l->keys_top_known) {
    l->keys_top = db_int(tx, Q_RETRY_TOP, INT64_MIN);
    l->keys_top_known = !db_failed(tx);
  }
  return l->keys_top;
}

struct late_place late_place(const struct late *l) {
  return (struct late_place){.events = l->pending_count, .keys = l->keys.ring.end};
}

void late_undo(struct late *l, const struct late_place *to) {
  l->pending_count = to->events;
  ring_cut(&l->keys.ring, to->keys);
}

/* What was moved and not committed: the merge begins anew, to insert a row again does nothing. */
static void move_again(struct sweep *w) {
  if (!w || !w->uncommitted) return;
  memset(w->heads, 0, sizeof w->heads);
  w->moved = 0;
  w->uncommitted = false;
}

void late_begin(struct late *l) {
  late_undo(l, &(struct late_place){.keys = l->keys.committed});
  move_again(l->timeline.sweep);
  move_again(l->keys.sweep);
}

/* ---- what others added ---- */

static struct known *known_of(struct late *l, int64_t instance_id) {
  for (int i = 0; i < l->known_count; i++)
    if (l->known[i].instance_id == instance_id) return &l->known[i];
  return NULL;
}

static struct known *meet(struct late *l, struct db *tx, int64_t instance_id) {
  int64_t timeline, keys;
  read_marks(tx, instance_id, &timeline, &keys);
  int64_t both = timeline < keys ? timeline : keys;
  struct known *more = mem_array(l, struct known, (size_t)l->known_count + 1);
  if (l->known_count) memcpy(more, l->known, (size_t)l->known_count * sizeof *more);
  more[l->known_count] = (struct known){.instance_id = instance_id, .last = both, .low = both};
  pthread_mutex_lock(&l->lock);
  mem_free(l->known);
  l->known = more;
  l->known_count++;
  pthread_mutex_unlock(&l->lock);
  return &l->known[l->known_count - 1];
}

static void load(struct late *l, struct db *tx, int64_t after, int64_t last) {
  struct db_rows rows;
  db_open(tx, &rows, Q_TIMELINE_LOG, v_int(after), v_int(last));
  while (db_next(&rows)) late_event(l, col_int(&rows, 0), col_int(&rows, 1));
  db_close(&rows);
  db_open(tx, &rows, Q_RETRY_LOG, v_int(after), v_int(last), v_int(EVENT_MESSAGE_RECEIVED), v_int(EVENT_MESSAGE_SENT),
          v_int(EVENT_MESSAGE_HISTORY));
  while (db_next(&rows)) late_key(l, col_int(&rows, 0), col_int(&rows, 1), col_int(&rows, 2));
  db_close(&rows);
}

/* Straight from the log; rows of it that are there already do no harm. */
static bool move_log(struct late *l, struct db *tx, int64_t instance_id, int64_t last) {
  int64_t timeline, keys;
  read_marks(tx, instance_id, &timeline, &keys);
  l->keys_top_known = false;
  return db_exec(tx, Q_TIMELINE_MOVE, v_int(timeline), v_int(last)) != DB_FAILED &&
         db_exec(tx, Q_RETRY_MOVE, v_int(keys), v_int(last), v_int(EVENT_MESSAGE_RECEIVED), v_int(EVENT_MESSAGE_SENT),
                 v_int(EVENT_MESSAGE_HISTORY)) != DB_FAILED &&
         db_exec(tx, Q_INDEX_MARK_RAISE, v_int(instance_id), v_int(last), v_int(last)) == DB_OK;
}

void late_follow(struct late *l, struct db *tx, struct late_part *p) {
  const struct known *k = known_of(l, p->instance_id);
  int64_t last = floor_of(p->instance_id) + p->last;
  if (!k) k = meet(l, tx, p->instance_id);
  p->followed = true;
  if (last - k->last > LOAD_MAX)
    p->all_moved = move_log(l, tx, p->instance_id, last);
  else if (last > k->last)
    load(l, tx, k->last, last);
}

bool late_catch_up(struct late *l, struct db *tx) {
  struct db_rows rows;
  bool more = false;
  db_open(tx, &rows, Q_INSTANCE_ALL);
  while (!more && db_next(&rows)) {
    int64_t id = col_int(&rows, 0), timeline, keys;
    int64_t last = floor_of(id) + event_last(tx, id);
    read_marks(tx, id, &timeline, &keys);
    int64_t from = timeline < keys ? timeline : keys;
    more = last - from > SLICE;
    if (last > from && !move_log(l, tx, id, more ? from + SLICE : last)) more = false;
  }
  db_close(&rows);
  return more && !db_failed(tx);
}

/* ---- moving into the tables ---- */

static void begin_sweep(struct late *l, struct line *line) {
  struct sweep *w = line->sweep = mem_new(l, struct sweep);
  w->upto = line->committed;
  w->count = (uint32_t)(line->committed - line->ring.first);
  w->run = (w->count + RUNS - 1) / RUNS;
  w->entries = (struct ring_entry *)mem_bytes(w, w->count * sizeof *w->entries);
  w->target_count = l->known_count;
  w->targets = mem_array(w, struct known, (size_t)l->known_count);
  memcpy(w->targets, l->known, (size_t)l->known_count * sizeof *w->targets);
}

static void sort_run(struct sweep *w, const struct ring *ring) {
  uint64_t from = ring->first + w->ordered, to = from + w->run < w->upto ? from + w->run : w->upto;
  ring_sorted(ring, from, to, w->entries + w->ordered);
  w->ordered += (uint32_t)(to - from);
}

/* The least of those not yet moved; NULL when there is none. */
static const struct ring_entry *take_next(struct sweep *w) {
  const struct ring_entry *least = NULL;
  uint32_t *head = NULL;
  for (uint32_t run = 0; run < RUNS; run++) {
    uint32_t at = run * w->run + w->heads[run];
    if (w->heads[run] == w->run || at >= w->count) continue;
    if (least && ring_compare(&w->entries[at], least) > 0) continue;
    least = &w->entries[at];
    head = &w->heads[run];
  }
  if (head) ++*head;
  return least;
}

static void raise_marks(struct db *tx, const struct sweep *w, bool timeline) {
  for (int i = 0; i < w->target_count; i++) {
    const struct known *t = &w->targets[i];
    db_exec(tx, Q_INDEX_MARK_RAISE, v_int(t->instance_id), v_int(timeline ? t->last : 0),
            v_int(timeline ? 0 : t->last));
  }
}

static bool move_some(struct late *l, struct db *tx, struct line *line, uint64_t added) {
  if (!line->sweep && line->committed - line->ring.first < line->sweep_at) return false;
  if (!line->sweep) begin_sweep(l, line);
  struct sweep *w = line->sweep;
  if (w->ordered < w->count) {
    sort_run(w, &line->ring);
    return false;
  }
  w->uncommitted = true;
  for (uint64_t most = MOVE_LEAST + 2 * added; most > 0 && w->moved < w->count; most--, w->moved++) {
    const struct ring_entry *e = take_next(w);
    if (line == &l->keys && e->order > late_keys_top(l, tx)) l->keys_top = e->order;
    if (!line->insert(tx, e)) return true;
  }
  if (w->moved == w->count) raise_marks(tx, w, line == &l->timeline);
  return true;
}

bool late_move(struct late *l, struct db *tx) {
  bool timeline = move_some(l, tx, &l->timeline, (uint64_t)l->pending_count);
  bool keys = move_some(l, tx, &l->keys, l->keys.ring.end - l->keys.committed);
  return timeline || keys;
}

static bool swept(const struct line *line) {
  return line->sweep && line->sweep->ordered == line->sweep->count && line->sweep->moved == line->sweep->count;
}

/* After the commit: the ring without what has been moved. */
static void end_sweep(struct line *line) {
  ring_drop(&line->ring, line->sweep->upto);
  mem_free(line->sweep);
  line->sweep = NULL;
}

/* Under the lock. */
static void publish(struct late *l, const struct late_part *parts, int count) {
  for (int i = 0; i < l->pending_count; i++)
    ring_add(&l->timeline.ring, l->pending[i].interaction_id, l->pending[i].interaction_id, l->pending[i].seq);
  for (int i = 0; i < count; i++) {
    struct known *k = known_of(l, parts[i].instance_id);
    if (!parts[i].followed) continue;
    int64_t last = floor_of(parts[i].instance_id) + parts[i].last;
    if (parts[i].all_moved) k->low = last;
    k->last = last;
  }
  if (!swept(&l->timeline)) return;
  for (int i = 0; i < l->timeline.sweep->target_count; i++)
    l->known[i].low = higher(l->known[i].low, l->timeline.sweep->targets[i].last);
  end_sweep(&l->timeline);
}

void late_commit(struct late *l, const struct late_part *parts, int count) {
  pthread_mutex_lock(&l->lock);
  publish(l, parts, count);
  pthread_mutex_unlock(&l->lock);
  l->pending_count = 0;
  l->timeline.committed = l->timeline.ring.end;
  l->keys.committed = l->keys.ring.end;
  if (swept(&l->keys)) end_sweep(&l->keys);
  if (l->timeline.sweep) l->timeline.sweep->uncommitted = false;
  if (l->keys.sweep) l->keys.sweep->uncommitted = false;
}

/* ---- reading ---- */

static void reverse(int64_t *list, int count) {
  for (int i = 0; i < count / 2; i++) {
    int64_t kept = list[i];
    list[i] = list[count - 1 - i];
    list[count - 1 - i] = kept;
  }
}

int late_find(struct late *l, int64_t interaction_id, int64_t after, int64_t mark, int64_t *seqs, int max,
              int64_t *ret_upto) {
  int64_t instance_id = after >> EVENT_NUMBER_BITS, above = floor_of(instance_id + 1);
  int64_t found = 0;
  *ret_upto = after;
  pthread_mutex_lock(&l->lock);
  const struct known *k = known_of(l, instance_id);
  if (k && k->low <= mark && k->last > after) {
    struct ring_walk walk = ring_walk(&l->timeline.ring, interaction_id);
    *ret_upto = k->last;
    /* Newest first: the last max of them stay. */
    for (const struct ring_entry *e; (e = ring_next(&walk));)
      if (e->ref > after && e->ref < above) seqs[found++ % max] = e->ref;
  }
  pthread_mutex_unlock(&l->lock);
  if (found <= max) {
    reverse(seqs, (int)found);
    return (int)found;
  }
  /* seqs goes round, oldest just before found % max: turned so that the newest of them comes first, then about. */
  int turn = (int)(found % max);
  reverse(seqs, turn);
  reverse(seqs + turn, max - turn);
  return max;
}
