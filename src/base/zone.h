/* Time zones by their IANA names, with every change of the clocks. Seconds since 1970; "local" seconds count as if the
 * zone's clock were UTC. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct zone;
/* NULL: the system knows no such zone. A child of ctx; may be shared by threads. */
struct zone *zone_new(void *ctx, const char *name);
bool zone_known(const char *name);
int64_t zone_offset_s(const struct zone *z, int64_t utc_s); /* local minus UTC */
/* The moment at which the zone's clock shows local_s. Skipped by the clocks: the moment of the change. Shown twice: the
 * first, or the last. */
int64_t zone_to_utc_s(const struct zone *z, int64_t local_s, bool last);
