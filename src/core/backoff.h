/* When to try again. Pure. */
#pragma once

#include <stdint.h>

/* Wait before attempt number `attempts` + 1 (attempts >= 1 have failed): first, doubled each time up to max, with a
 * jitter of up to a fifth less, taken from `random`. retry_after_ms (0: none asked) raises it, up to max. */
int64_t backoff_ms(int attempts, int64_t first_ms, int64_t max_ms, int64_t retry_after_ms, uint32_t random);
