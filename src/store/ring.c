/* A growing ring with hash chains through it. A chain runs from newer to older entries, so entries leave at the old end
 * without being unlinked: a walk stops where the ring begins. Not locked: its owner does. */
#include "store/ring.h"

#include "base/mem.h"

#include <stdlib.h>

#define ROOM_FIRST 4096

static struct ring_entry *at(const struct ring *r, uint64_t place) {
  return &r->entries[place & (r->room - 1)];
}

static uint64_t *head_of(const struct ring *r, int64_t key) {
  uint64_t mixed = (uint64_t)key * UINT64_C(0x9E3779B97F4A7C15);
  return &r->heads[(mixed ^ mixed >> 32) & (r->room - 1)];
}

static void link_in(struct ring *r, uint64_t place) {
  uint64_t *head = head_of(r, at(r, place)->key);
  at(r, place)->back = *head > r->first ? (uint32_t)(place + 1 - *head) : 0;
  *head = place + 1;
}

void ring_free(struct ring *r) {
  mem_free(r->entries);
  mem_free(r->heads);
  *r = (struct ring){.room = 0};
}

static void grow(struct ring *r) {
  struct ring old = *r;
  r->room = old.room ? 2 * old.room : ROOM_FIRST;
  r->entries = (struct ring_entry *)mem_bytes(NULL, r->room * sizeof *r->entries); /* untouched until used */
  r->heads = mem_array(NULL, uint64_t, r->room);
  for (uint64_t place = r->first; place < r->end; place++) {
    *at(r, place) = *at(&old, place);
    link_in(r, place);
  }
  ring_free(&old);
}

void ring_add(struct ring *r, int64_t key, int64_t order, int64_t ref) {
  if (r->end - r->first == r->room) grow(r);
  *at(r, r->end) = (struct ring_entry){.key = key, .order = order, .ref = ref};
  link_in(r, r->end++);
}

void ring_cut(struct ring *r, uint64_t end) {
  while (r->end > end) {
    const struct ring_entry *e = at(r, --r->end);
    *head_of(r, e->key) = e->back ? r->end + 1 - e->back : 0;
  }
}

void ring_drop(struct ring *r, uint64_t first) {
  r->first = first;
}

struct ring_walk ring_walk(const struct ring *r, int64_t key) {
  return (struct ring_walk){.ring = r, .key = key, .next = r->room ? *head_of(r, key) : 0};
}

const struct ring_entry *ring_next(struct ring_walk *w) {
  while (w->next > w->ring->first) {
    const struct ring_entry *e = at(w->ring, w->next - 1);
    w->next = e->back ? w->next - e->back : 0;
    if (e->key == w->key) return e;
  }
  return NULL;
}

int ring_compare(const struct ring_entry *a, const struct ring_entry *b) {
  if (a->order != b->order) return a->order < b->order ? -1 : 1;
  if (a->key != b->key) return a->key < b->key ? -1 : 1;
  return (a->ref > b->ref) - (a->ref < b->ref);
}

static int compare(const void *a, const void *b) {
  return ring_compare(a, b);
}

void ring_sorted(const struct ring *r, uint64_t from, uint64_t to, struct ring_entry *out) {
  for (uint64_t place = from; place < to; place++) out[place - from] = *at(r, place);
  qsort(out, (size_t)(to - from), sizeof *out, compare);
}
