/* Time. Wall time is milliseconds since 1970 UTC; monotonic time is microseconds from an arbitrary
 * origin. Both can be faked by tests (process-wide); a faked clock stands until it is moved. */
#pragma once

#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_wall_ms(void);
int64_t clock_mono_us(void);

void clock_fake(int64_t wall_ms);    /* from now on both clocks stand; mono = wall_ms * 1000 */
void clock_fake_advance(int64_t ms); /* only while faked */
void clock_unfake(void);

#define CLOCK_RFC3339_LEN 25 /* "2026-11-20T14:05:00.123Z" and NUL */
/* Writes wall_ms as RFC 3339 UTC with milliseconds; returns buf. */
char *clock_rfc3339(int64_t wall_ms, char buf[static CLOCK_RFC3339_LEN]);
/* Reads RFC 3339 with a zone, years 1970 to 9999: "2026-11-20T14:05:00Z", "2026-11-20T15:05:00.5+01:00"; or a day
 * alone, which is its first moment in UTC. */
bool clock_parse(const char *text, int64_t *ret_wall_ms) MUST_CHECK;
