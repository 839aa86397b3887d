/* Slows down guessing and floods. Bounded memory: past the maximum the entry idle longest makes room. Any thread. */
#pragma once

#include "base/fail.h"

#include <stdbool.h>
#include <stdint.h>

/* Failures per key: the first `free` cost nothing; then each failure closes the key for first_ms, doubling up to
 * max_ms. A day without one and the key begins anew. */
struct brake;
struct brake *brake_new(void *ctx, int free_failures, int64_t first_ms, int64_t max_ms, int entries_max);
int64_t brake_wait_ms(struct brake *b, const char *key, int64_t now_ms); /* 0: go on */
void brake_failed(struct brake *b, const char *key, int64_t now_ms);
void brake_passed(struct brake *b, const char *key); /* forgets the key's failures */

/* A token bucket per key: per_minute (at least 1) on average, `burst` at once; per_minute * burst below 2^47. */
struct rate;
struct rate *rate_new(void *ctx, int entries_max);
int64_t rate_take(struct rate *r, int64_t key, int64_t per_minute, int64_t burst,
                  int64_t now_ms); /* 0: taken; else ms to wait */
