/* Ids. Inside: a 63-bit integer, rising with time over the whole process (42 bits of milliseconds since
 * 2020, 5 bits of node, 16 bits of counter). Outside: 24 lower-case hex digits, 8 of the instance and 16 of the id,
 * so that an id of another instance is refused before any query. */
#pragma once

#include "base/fail.h"

#include <stdbool.h>
#include <stdint.h>

#define ID_HEX_LEN 25 /* with NUL */

/* node 0..31. Ids given out from now on are above floor (the highest id stored so far, or 0). */
void id_init(int node, int64_t floor);
int64_t id_next(void);                     /* any thread */
int64_t id_time_ms(int64_t id);            /* wall clock at which it was made */
int64_t id_floor_at(int64_t wall_ms);      /* ids made from then on are above it */
int64_t id_before(int64_t id, int64_t ms); /* all ids of so long before it are above this; 0 at least */
char *id_format(int64_t instance, int64_t id, char out[static ID_HEX_LEN]);
bool id_parse(const char *hex, int64_t *ret_instance, int64_t *ret_id) MUST_CHECK; /* exactly 24 hex digits */
/* Unguessable names: `bytes` random bytes as lower-case hex, out holds 2*bytes+1. */
void id_random_hex(int bytes, char *out);
