/* Which delivery may go out next: the deliverer's memory without I/O, clock or threads. Rows are known by channel and,
 * inside it, in a lane per customer whose first row alone may be under way. A channel has a window of attempts,
 * narrowed by failures, and its own back-off; nothing a channel does narrows another's. Times: *_us monotonic, *_ms
 * wall clock. */
#pragma once

#include "base/fail.h"
#include "store/delivery.h"

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

struct lanes;
struct lane;

struct lanes_row {
  struct delivery d; /* attempts counts those that were settled */
  /* private: */
  UT_hash_handle hh;
  struct lanes_row *prev, *next;
  struct lane *lane;
  int64_t started_us, due_us;
  bool retried;
};

struct lanes_channel {
  int64_t id;
  /* The deliverer's: */
  const void *setup;  /* the registry's row, NULL when there is none */
  uint8_t target[32]; /* digest of what a change of which means a fresh start */
  bool open;          /* enabled, with an address */
  int64_t cursor;     /* rows up to this id are here or not pending any more */
  bool more;          /* there may be rows behind it */
  /* For reading: */
  int rows;
  bool failing; /* one attempt at a time until one succeeds */
  /* private: */
  UT_hash_handle hh;
  struct lanes_channel *prev, *next; /* among those with rows */
  struct lane *by_customer, *fresh, *due, *waiting;
  int window, active, active_retried, failures, rounds;
  bool rouse, probe_fresh;
  int64_t fresh_us, cut_us, gate_us, fresh_gate_us, hold_us, next_due_us, next_deadline_ms, sweep_us;
};

struct lanes_limits {
  int channel_rows, failing_rows,
      total_rows; /* rows in memory; beside total_rows every channel may have guaranteed_rows */
  int guaranteed_rows, lane_rows;
  int active_max; /* attempts under way, all channels; a quarter is kept for channels that have few */
  int window_max; /* of one channel */
  int64_t backoff_first_ms, backoff_max_ms;
};

struct lanes *lanes_new(void *ctx, const struct lanes_limits *limits);
void lanes_set_limits(struct lanes *l, const struct lanes_limits *limits);
void lanes_free(struct lanes *l);

struct lanes_channel *lanes_channel(struct lanes *l, int64_t id); /* made when unknown; lives as long as l */
struct lanes_channel *lanes_channels(struct lanes *l);            /* all of them: walk with ->hh.next */
/* Forget what failed: the address or the secret changed, so all lanes may be tried at once; an attempt that is under
 * way tells nothing about the channel any more, and when it fails its row is tried again at once too. */
void lanes_fresh_start(struct lanes *l, struct lanes_channel *c, int64_t now_us);

/* Rows that may still be loaded for the channel. */
int lanes_room(const struct lanes *l, const struct lanes_channel *c);
/* Takes a copy of the row; rows come in rising id after channel->cursor, which moves along. Known rows are passed over.
 * wait_us: from now until it is due. */
void lanes_add(struct lanes *l, struct lanes_channel *c, const struct delivery *d, int64_t wait_us, int64_t now_us);

/* The next attempt that may begin now, of any channel in turn; NULL when there is none. */
struct lanes_row *lanes_take(struct lanes *l, int64_t now_us);
struct lanes_channel *lanes_row_channel(const struct lanes_row *row);
/* A row whose deadline has passed and that is not under way, or NULL; it counts as taken, but not as an attempt. */
struct lanes_row *lanes_take_expired(struct lanes *l, int64_t now_us, int64_t wall_ms);

enum lanes_change { LANES_SAME, LANES_FAILING, LANES_RECOVERED };
/* How the attempt went, at once: for the channel's window and back-off. hold_ms: the endpoint asked to be left alone.
 * The lane stays taken until one of lanes_delivered … is called. */
enum lanes_change lanes_attempt_succeeded(struct lanes *l, struct lanes_row *row, int64_t now_us);
enum lanes_change lanes_attempt_failed(struct lanes *l, struct lanes_row *row, int64_t hold_ms, uint32_t random,
                                       int64_t now_us);
void lanes_attempt_dropped(struct lanes *l, struct lanes_row *row); /* it tells nothing about the endpoint */

/* The outcome is stored: */
void lanes_gone(struct lanes *l, struct lanes_row *row, int64_t now_us); /* delivered, parked, vanished */
void lanes_again(struct lanes *l, struct lanes_row *row, int64_t wait_us,
                 int64_t now_us); /* not before wait_us from now */

/* µs until lanes_take or lanes_take_expired may have something that they do not have now; at most limit_us. */
int64_t lanes_wait_us(const struct lanes *l, int64_t now_us, int64_t wall_ms, int64_t limit_us);

int lanes_rows(const struct lanes *l);
int lanes_failing(const struct lanes *l);
