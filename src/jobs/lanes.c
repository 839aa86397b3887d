/* The deliverer's order book. Owns channels, lanes and rows; pure but for memory; one thread. A lane stands in exactly
 * one place: with its channel's fresh (never tried), due or waiting lanes, among the expired, or taken. Fresh lanes
 * always find room beside retried ones, so neither a poisoned message nor a slow customer holds up the rest; a failing
 * channel is probed through fresh and retried lanes in turn. A lane with too many rows keeps the rest in the store and
 * has them read again when it is empty. */
#include "jobs/lanes.h"

#include "base/mem.h"
#include "core/backoff.h"

#include <utlist.h>

#define WINDOW_FIRST   4
#define WINDOW_MIN     2
#define FAILING_AFTER  3  /* failures with no success between */
#define PROBE_SLOWEST  16 /* a failing channel's longest pause, in first waits */
#define TURN_QUANTUM   8  /* rows in a row from one channel */
#define ALWAYS_ALLOWED 4  /* attempts of a channel when most places are taken */
#define SWEEP_PAUSE_US 200000

enum place { PLACE_TAKEN, PLACE_FRESH, PLACE_DUE, PLACE_WAITING, PLACE_EXPIRED };

struct lane {
  int64_t customer_id;
  UT_hash_handle hh;
  struct lane *prev, *next;
  struct lanes_channel *channel;
  struct lanes_row *rows;
  int count;
  enum place place;
  int64_t last_us; /* end of its last attempt */
  int roused;      /* how often a success elsewhere brought its first row forward */
  bool overflow;   /* the store has more of it than was taken */
};

struct lanes {
  struct lanes_limits limits;
  struct lanes_channel *channels; /* all, by id */
  struct lanes_channel *busy;     /* with rows */
  struct lanes_channel *turn;
  struct lanes_row *rows;
  struct lane *expired;
  int quantum, active, row_count, failing;
};

static int64_t min64(int64_t a, int64_t b) {
  return a < b ? a : b;
}
static int64_t max64(int64_t a, int64_t b) {
  return a > b ? a : b;
}

struct lanes *lanes_new(void *ctx, const struct lanes_limits *limits) {
  struct lanes *l = mem_new(ctx, struct lanes);
  l->limits = *limits;
  return l;
}

void lanes_set_limits(struct lanes *l, const struct lanes_limits *limits) {
  l->limits = *limits;
}

void lanes_free(struct lanes *l) {
  struct lanes_channel *c, *next;
  HASH_CLEAR(hh, l->rows);
  HASH_ITER(hh, l->channels, c, next) {
    HASH_CLEAR(hh, c->by_customer);
    HASH_DEL(l->channels, c);
  }
  mem_free(l);
}

struct lanes_channel *lanes_channels(struct lanes *l) {
  return l->channels;
}
struct lanes_channel *lanes_row_channel(const struct lanes_row *row) {
  return row->lane->channel;
}
int lanes_rows(const struct lanes *l) {
  return l->row_count;
}
int lanes_failing(const struct lanes *l) {
  return l->failing;
}

struct lanes_channel *lanes_channel(struct lanes *l, int64_t id) {
  struct lanes_channel *c;
  HASH_FIND(hh, l->channels, &id, sizeof id, c);
  if (c) return c;
  c = mem_new(l, struct lanes_channel);
  c->id = id;
  c->more = true;
  c->window = WINDOW_FIRST;
  c->next_due_us = c->next_deadline_ms = INT64_MAX;
  HASH_ADD(hh, l->channels, id, sizeof c->id, c);
  return c;
}

/* ---- places ---- */

static struct lane **list_of(struct lanes *l, struct lane *lane) {
  struct lanes_channel *c = lane->channel;
  switch (lane->place) {
  case PLACE_FRESH: return &c->fresh;
  case PLACE_DUE: return &c->due;
  case PLACE_WAITING: return &c->waiting;
  case PLACE_EXPIRED: return &l->expired;
  case PLACE_TAKEN: break;
  }
  return NULL;
}

static void lane_move(struct lanes *l, struct lane *lane, enum place place) {
  if (lane->place == place) return; /* also what lets promote_due walk the list it moves from */
  struct lane **list = list_of(l, lane);
  if (list) DL_DELETE(*list, lane);
  lane->place = place;
  list = list_of(l, lane);
  if (list) DL_APPEND(*list, lane);
}

/* Where its first row belongs. */
static void lane_settle(struct lanes *l, struct lane *lane, int64_t now_us) {
  struct lanes_channel *c = lane->channel;
  const struct lanes_row *head = lane->rows;
  c->next_deadline_ms = min64(c->next_deadline_ms, head->d.deadline_at);
  if (head->due_us > now_us) {
    c->next_due_us = min64(c->next_due_us, head->due_us);
    lane_move(l, lane, PLACE_WAITING);
  } else {
    lane_move(l, lane, head->d.attempts > 0 ? PLACE_DUE : PLACE_FRESH);
  }
}

static void promote_due(struct lanes *l, struct lanes_channel *c, int64_t now_us) {
  struct lane *lane, *next;
  if (now_us < c->next_due_us) return;
  c->next_due_us = INT64_MAX;
  DL_FOREACH_SAFE(c->waiting, lane, next) lane_settle(l, lane, now_us);
}

/* ---- loading ---- */

int lanes_room(const struct lanes *l, const struct lanes_channel *c) {
  const struct lanes_limits *m = &l->limits;
  int own = (c->failing ? m->failing_rows : m->channel_rows) - c->rows;
  int shared = max64(m->total_rows - l->row_count, m->guaranteed_rows - c->rows);
  return (int)max64(0, min64(own, shared));
}

static struct lane *lane_of(struct lanes *l, struct lanes_channel *c, int64_t customer_id) {
  struct lane *lane;
  HASH_FIND(hh, c->by_customer, &customer_id, sizeof customer_id, lane);
  if (lane) return lane;
  lane = mem_new(l, struct lane);
  lane->customer_id = customer_id;
  lane->channel = c;
  lane->place = PLACE_TAKEN;
  HASH_ADD(hh, c->by_customer, customer_id, sizeof lane->customer_id, lane);
  return lane;
}

/* By id: a replayed row may be older than what waits already, but never overtakes the one under way. */
static void lane_insert(struct lane *lane, struct lanes_row *row) {
  struct lanes_row *after = lane->rows ? lane->rows->prev : NULL, *stop = lane->rows;
  bool taken = lane->place == PLACE_TAKEN || lane->place == PLACE_EXPIRED;
  while (after && after->d.id > row->d.id && after != stop) after = after->prev;
  if (after && after->d.id > row->d.id && !taken)
    DL_PREPEND(lane->rows, row);
  else
    DL_APPEND_ELEM(lane->rows, after, row);
}

void lanes_add(struct lanes *l, struct lanes_channel *c, const struct delivery *d, int64_t wait_us, int64_t now_us) {
  struct lanes_row *row;
  c->cursor = max64(c->cursor, d->id);
  HASH_FIND(hh, l->rows, &d->id, sizeof d->id, row);
  if (row) return;
  struct lane *lane = lane_of(l, c, d->customer_id);
  if (lane->overflow || lane->count >= l->limits.lane_rows) {
    lane->overflow = true;
    return;
  }
  row = mem_new(l, struct lanes_row);
  row->d = *d;
  row->lane = lane;
  row->due_us = now_us + wait_us;
  HASH_ADD(hh, l->rows, d.id, sizeof row->d.id, row);
  lane_insert(lane, row);
  lane->count++;
  l->row_count++;
  if (c->rows++ == 0) DL_APPEND(l->busy, c);
  if (lane->count == 1 || (lane->rows == row && lane->place != PLACE_TAKEN)) lane_settle(l, lane, now_us);
}

/* ---- taking ---- */

/* May an attempt of this sort begin, as far as the channel's own places go? */
static bool slot_free(const struct lanes *l, const struct lanes_channel *c, bool retried) {
  if (c->failing) return (retried ? c->active_retried : c->active - c->active_retried) == 0;
  int window = (int)min64(c->window, l->limits.window_max);
  if (c->active >= window) return false;
  return !retried || c->active_retried < (window + 1) / 2;
}

static int64_t opens_us(const struct lanes_channel *c, bool retried) {
  return max64(c->hold_us, !c->failing ? 0 : retried ? c->gate_us : c->fresh_gate_us);
}

static bool place_free(const struct lanes *l, const struct lanes_channel *c) {
  if (l->active >= l->limits.active_max) return false;
  return c->active < ALWAYS_ALLOWED || l->active < l->limits.active_max - l->limits.active_max / 4;
}

static struct lane *channel_pick(struct lanes *l, struct lanes_channel *c, int64_t now_us) {
  if (!c->open || !place_free(l, c)) return NULL;
  promote_due(l, c, now_us);
  bool due = c->due && slot_free(l, c, true) && now_us >= opens_us(c, true);
  bool fresh = c->fresh && slot_free(l, c, false) && now_us >= opens_us(c, false);
  if (due && fresh && c->failing) {
    c->probe_fresh = !c->probe_fresh;
    return c->probe_fresh ? c->fresh : c->due;
  }
  return due ? c->due : fresh ? c->fresh : NULL;
}

static void turn_on(struct lanes *l) {
  l->turn = l->turn && l->turn->next ? l->turn->next : l->busy;
  l->quantum = TURN_QUANTUM;
}

struct lanes_row *lanes_take(struct lanes *l, int64_t now_us) {
  if (!l->turn || l->quantum <= 0) turn_on(l);
  struct lanes_channel *first = l->turn;
  for (struct lanes_channel *c = first; c;) {
    struct lane *lane = channel_pick(l, c, now_us);
    if (lane) {
      struct lanes_row *row = lane->rows;
      row->retried = lane->place == PLACE_DUE;
      row->started_us = now_us;
      lane_move(l, lane, PLACE_TAKEN);
      c->active++;
      c->active_retried += row->retried;
      l->active++;
      l->quantum--;
      return row;
    }
    turn_on(l);
    c = l->turn == first ? NULL : l->turn;
  }
  return NULL;
}

static void sweep(struct lanes *l, struct lanes_channel *c, int64_t wall_ms) {
  struct lane *lane, *next;
  c->next_deadline_ms = INT64_MAX;
  HASH_ITER(hh, c->by_customer, lane, next) {
    if (lane->place == PLACE_TAKEN || lane->place == PLACE_EXPIRED) continue;
    if (lane->rows->d.deadline_at <= wall_ms)
      lane_move(l, lane, PLACE_EXPIRED);
    else
      c->next_deadline_ms = min64(c->next_deadline_ms, lane->rows->d.deadline_at);
  }
}

struct lanes_row *lanes_take_expired(struct lanes *l, int64_t now_us, int64_t wall_ms) {
  struct lanes_channel *c;
  DL_FOREACH(l->busy, c) {
    if (l->expired) break;
    if (wall_ms < c->next_deadline_ms || now_us < c->sweep_us) continue;
    sweep(l, c, wall_ms);
    c->sweep_us = now_us + SWEEP_PAUSE_US;
  }
  if (!l->expired) return NULL;
  struct lane *lane = l->expired;
  lane_move(l, lane, PLACE_TAKEN);
  return lane->rows;
}

/* ---- outcomes ---- */

static void leave(struct lanes *l, const struct lanes_row *row) {
  struct lanes_channel *c = row->lane->channel;
  c->active--;
  c->active_retried -= row->retried;
  l->active--;
}

/* It began before the fresh start: whatever came of it, it was another endpoint. */
static bool stale(const struct lanes_row *row) {
  return row->started_us < row->lane->channel->fresh_us;
}

static enum lanes_change set_failing(struct lanes *l, struct lanes_channel *c, bool failing) {
  if (c->failing == failing) return LANES_SAME;
  c->failing = failing;
  l->failing += failing ? 1 : -1;
  return failing ? LANES_FAILING : LANES_RECOVERED;
}

/* The endpoint lives: bring forward what waits. A lane that fails again after that gains less each time, so that one
 * poisoned message among good ones still sees growing delays. */
static void rouse(struct lanes *l, struct lanes_channel *c) {
  const int64_t first_us = l->limits.backoff_first_ms * 1000, max_us = l->limits.backoff_max_ms * 1000;
  struct lane *lane;
  DL_FOREACH(c->waiting, lane) {
    int64_t pause = lane->roused < 20 ? min64(first_us << lane->roused, max_us) : max_us;
    if (lane->last_us + pause >= lane->rows->due_us) continue;
    lane->rows->due_us = lane->last_us + pause;
    lane->roused++;
    c->next_due_us = min64(c->next_due_us, lane->rows->due_us);
  }
}

enum lanes_change lanes_attempt_succeeded(struct lanes *l, struct lanes_row *row, int64_t now_us) {
  struct lanes_channel *c = row->lane->channel;
  leave(l, row);
  row->lane->last_us = now_us;
  if (stale(row)) return LANES_SAME;
  c->failures = c->rounds = 0;
  if (c->window < l->limits.window_max) c->window++;
  if (row->started_us > c->cut_us) c->hold_us = 0;
  if (c->rouse) rouse(l, c);
  c->rouse = false;
  return set_failing(l, c, false);
}

enum lanes_change lanes_attempt_failed(struct lanes *l, struct lanes_row *row, int64_t hold_ms, uint32_t random,
                                       int64_t now_us) {
  const struct lanes_limits *m = &l->limits;
  struct lanes_channel *c = row->lane->channel;
  leave(l, row);
  row->lane->last_us = now_us;
  if (stale(row)) return LANES_SAME;
  c->rouse = true;
  c->failures++;
  c->fresh_gate_us = now_us + m->backoff_first_ms * 1000;
  if (hold_ms > 0) c->hold_us = max64(c->hold_us, now_us + min64(hold_ms, m->backoff_max_ms) * 1000);
  if (row->started_us > c->cut_us) { /* what began together counts once */
    c->cut_us = now_us;
    c->window = (int)max64(WINDOW_MIN, min64(c->window, m->window_max) / 2);
    int64_t slowest = min64(m->backoff_max_ms, PROBE_SLOWEST * m->backoff_first_ms);
    c->gate_us = now_us + backoff_ms(++c->rounds, m->backoff_first_ms, slowest, 0, random) * 1000;
  }
  return c->failures >= FAILING_AFTER ? set_failing(l, c, true) : LANES_SAME;
}

void lanes_attempt_dropped(struct lanes *l, struct lanes_row *row) {
  leave(l, row);
}

void lanes_gone(struct lanes *l, struct lanes_row *row, int64_t now_us) {
  struct lane *lane = row->lane;
  struct lanes_channel *c = lane->channel;
  invariant(lane->place == PLACE_TAKEN && lane->rows == row);
  DL_DELETE(lane->rows, row);
  HASH_DEL(l->rows, row);
  l->row_count--;
  lane->count--;
  lane->roused = 0;
  if (--c->rows == 0) {
    if (l->turn == c) turn_on(l);
    DL_DELETE(l->busy, c);
    if (l->turn == c) l->turn = NULL;
  }
  if (lane->rows) {
    lane_settle(l, lane, now_us);
  } else {
    if (lane->overflow) {
      c->cursor = min64(c->cursor, row->d.id);
      c->more = true;
    }
    HASH_DEL(c->by_customer, lane);
    mem_free(lane);
  }
  mem_free(row);
}

void lanes_again(struct lanes *l, struct lanes_row *row, int64_t wait_us, int64_t now_us) {
  invariant(row->lane->place == PLACE_TAKEN && row->lane->rows == row);
  row->due_us = stale(row) ? now_us : now_us + wait_us;
  lane_settle(l, row->lane, now_us);
}

void lanes_fresh_start(struct lanes *l, struct lanes_channel *c, int64_t now_us) {
  struct lane *lane;
  set_failing(l, c, false);
  c->fresh_us = now_us;
  c->failures = c->rounds = 0;
  c->gate_us = c->fresh_gate_us = c->hold_us = 0;
  c->window = (int)max64(c->window, WINDOW_FIRST);
  DL_FOREACH(c->waiting, lane) {
    lane->rows->due_us = now_us;
    lane->roused = 0;
  }
  if (c->waiting) c->next_due_us = now_us;
}

/* ---- waiting ---- */

static int64_t channel_next_us(const struct lanes *l, const struct lanes_channel *c) {
  int64_t next = INT64_MAX;
  if (!c->open || !place_free(l, c)) return next; /* an outcome or a change of the setup comes first */
  if (c->fresh && slot_free(l, c, false)) next = min64(next, opens_us(c, false));
  if (!slot_free(l, c, true)) return next;
  if (c->due) next = min64(next, opens_us(c, true));
  if (c->waiting) next = min64(next, max64(c->next_due_us, opens_us(c, true)));
  return next;
}

int64_t lanes_wait_us(const struct lanes *l, int64_t now_us, int64_t wall_ms, int64_t limit_us) {
  const struct lanes_channel *c;
  int64_t wait = limit_us;
  DL_FOREACH(l->busy, c) {
    wait = min64(wait, max64(0, channel_next_us(l, c) - now_us));
    if (c->next_deadline_ms == INT64_MAX) continue;
    wait = min64(wait, max64(max64(0, c->next_deadline_ms - wall_ms) * 1000, c->sweep_us - now_us));
  }
  return l->expired ? 0 : max64(0, wait);
}
