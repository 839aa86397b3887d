/* Pairs in the order they came, found by key, newest first; taken away at both ends. Grows to what is put into it: its
 * owner sees to it that it is emptied. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ring_entry {
  int64_t key;   /* found by it */
  int64_t order; /* sorted by it first */
  int64_t ref;   /* what the key stands for */
  uint32_t back; /* to the one before in its chain; 0: none */
};

/* All zero is empty. Places are numbers that only rise: entries [first, end) are there. */
struct ring {
  struct ring_entry *entries;
  uint64_t *heads; /* newest of each chain, its place + 1 */
  uint32_t room;
  uint64_t first, end;
};

void ring_free(struct ring *r);
void ring_add(struct ring *r, int64_t key, int64_t order, int64_t ref);
void ring_cut(struct ring *r, uint64_t end);    /* takes the newest away, from `end` on */
void ring_drop(struct ring *r, uint64_t first); /* takes the oldest away, below `first` */

struct ring_walk {
  const struct ring *ring;
  int64_t key;
  uint64_t next;
};
struct ring_walk ring_walk(const struct ring *r, int64_t key);
const struct ring_entry *ring_next(struct ring_walk *w); /* NULL: no more */

/* A copy of [from, to), sorted. */
void ring_sorted(const struct ring *r, uint64_t from, uint64_t to, struct ring_entry *out);
/* By order, key, ref. */
int ring_compare(const struct ring_entry *a, const struct ring_entry *b);
