/* Brakes and buckets: hash tables with a stated maximum, the entry idle longest goes first. Own the table and its lock;
 * any thread. */
#include "auth/brake.h"

#include "base/mem.h"

#include <pthread.h>
#include <string.h>
#include <uthash.h>

#define KEY_MAX   160
#define FORGET_MS INT64_C(86400000)

struct brake_entry {
  char key[KEY_MAX];
  int failures;
  int64_t failed_at, closed_until;
  UT_hash_handle hh;
};

struct brake {
  pthread_mutex_t lock;
  int free_failures, entries_max;
  int64_t first_ms, max_ms;
  struct brake_entry *entries; /* in order of last use: uthash keeps insertion order, use re-inserts */
};

static int brake_destroy(struct brake *b) {
  HASH_CLEAR(hh, b->entries);
  pthread_mutex_destroy(&b->lock);
  return 0;
}

struct brake *brake_new(void *ctx, int free_failures, int64_t first_ms, int64_t max_ms, int entries_max) {
  struct brake *b = mem_new(ctx, struct brake);
  *b = (struct brake){
      .free_failures = free_failures, .first_ms = first_ms, .max_ms = max_ms, .entries_max = entries_max};
  pthread_mutex_init(&b->lock, NULL);
  talloc_set_destructor(b, brake_destroy);
  return b;
}

static struct brake_entry *brake_find(struct brake *b, const char *key, char short_key[static KEY_MAX]) {
  strncpy(short_key, key, KEY_MAX - 1);
  short_key[KEY_MAX - 1] = 0;
  struct brake_entry *e = NULL;
  HASH_FIND_STR(b->entries, short_key, e);
  return e;
}

int64_t brake_wait_ms(struct brake *b, const char *key, int64_t now_ms) {
  char k[KEY_MAX];
  pthread_mutex_lock(&b->lock);
  const struct brake_entry *e = brake_find(b, key, k);
  int64_t wait = e && e->closed_until > now_ms ? e->closed_until - now_ms : 0;
  pthread_mutex_unlock(&b->lock);
  return wait;
}

void brake_failed(struct brake *b, const char *key, int64_t now_ms) {
  char k[KEY_MAX];
  pthread_mutex_lock(&b->lock);
  struct brake_entry *e = brake_find(b, key, k);
  if (e) {
    HASH_DEL(b->entries, e);
  } else {
    if ((int)HASH_COUNT(b->entries) >= b->entries_max) {
      struct brake_entry *oldest = b->entries;
      HASH_DEL(b->entries, oldest);
      mem_free(oldest);
    }
    e = mem_new(b, struct brake_entry);
    memcpy(e->key, k, KEY_MAX);
  }
  if (now_ms - e->failed_at > FORGET_MS) e->failures = 0;
  e->failed_at = now_ms;
  e->failures++;
  if (e->failures > b->free_failures) {
    int doubled = e->failures - b->free_failures - 1;
    int64_t wait = doubled < 30 ? b->first_ms << doubled : b->max_ms;
    e->closed_until = now_ms + (wait < b->max_ms ? wait : b->max_ms);
  }
  HASH_ADD_STR(b->entries, key, e);
  pthread_mutex_unlock(&b->lock);
}

void brake_passed(struct brake *b, const char *key) {
  char k[KEY_MAX];
  pthread_mutex_lock(&b->lock);
  struct brake_entry *e = brake_find(b, key, k);
  if (e) {
    HASH_DEL(b->entries, e);
    mem_free(e);
  }
  pthread_mutex_unlock(&b->lock);
}

/* ---- rates ---- */

/* A request costs as many parts as a minute has milliseconds, so that per_minute parts come in a millisecond and
 * nothing is lost to rounding however often somebody asks. */
#define REQUEST_PARTS INT64_C(60000)

struct rate_entry {
  int64_t key;
  int64_t parts; /* of requests that may still be taken */
  int64_t at_ms;
  UT_hash_handle hh;
};

struct rate {
  pthread_mutex_t lock;
  int entries_max;
  struct rate_entry *entries;
};

static int rate_destroy(struct rate *r) {
  HASH_CLEAR(hh, r->entries);
  pthread_mutex_destroy(&r->lock);
  return 0;
}

struct rate *rate_new(void *ctx, int entries_max) {
  struct rate *r = mem_new(ctx, struct rate);
  r->entries_max = entries_max;
  pthread_mutex_init(&r->lock, NULL);
  talloc_set_destructor(r, rate_destroy);
  return r;
}

/* The key's entry, now the youngest; made, with a full bucket, when there is none. */
static struct rate_entry *rate_entry_of(struct rate *r, int64_t key, int64_t full, int64_t now_ms) {
  struct rate_entry *e = NULL;
  HASH_FIND(hh, r->entries, &key, sizeof key, e);
  if (e) {
    if (!e->hh.next) return e; /* the youngest already */
    HASH_DEL(r->entries, e);
  } else {
    if ((int)HASH_COUNT(r->entries) >= r->entries_max) {
      struct rate_entry *oldest = r->entries;
      HASH_DEL(r->entries, oldest);
      mem_free(oldest);
    }
    e = mem_new(r, struct rate_entry);
    *e = (struct rate_entry){.key = key, .parts = full, .at_ms = now_ms};
  }
  HASH_ADD(hh, r->entries, key, sizeof e->key, e);
  return e;
}

int64_t rate_take(struct rate *r, int64_t key, int64_t per_minute, int64_t burst, int64_t now_ms) {
  int64_t wait = 0, full = burst * REQUEST_PARTS;
  pthread_mutex_lock(&r->lock);
  struct rate_entry *e = rate_entry_of(r, key, full, now_ms);
  int64_t passed = now_ms > e->at_ms ? now_ms - e->at_ms : 0;
  /* Longer than it takes to fill the bucket is as good as that. */
  if (passed > full / per_minute + 1) passed = full / per_minute + 1;
  e->parts += passed * per_minute;
  if (e->parts > full) e->parts = full;
  e->at_ms = now_ms;
  if (e->parts >= REQUEST_PARTS)
    e->parts -= REQUEST_PARTS;
  else
    wait = (REQUEST_PARTS - e->parts + per_minute - 1) / per_minute;
  pthread_mutex_unlock(&r->lock);
  return wait;
}
