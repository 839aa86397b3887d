/* Growing waits between attempts. Pure: the caller brings the randomness, so tests can pin it. */
#include "core/backoff.h"

int64_t backoff_ms(int attempts, int64_t first_ms, int64_t max_ms, int64_t retry_after_ms, uint32_t random) {
  int64_t wait = first_ms < max_ms ? first_ms : max_ms;
  for (int i = 1; i < attempts && wait < max_ms; i++) wait = wait > max_ms / 2 ? max_ms : wait * 2;
  wait -= (int64_t)((double)wait / 5 * ((double)random / ((double)UINT32_MAX + 1)));
  /* What the other side asked for stands without jitter: earlier would be impolite. */
  if (retry_after_ms > wait) wait = retry_after_ms < max_ms ? retry_after_ms : max_ms;
  return wait;
}
