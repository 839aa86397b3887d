/* Counters of requests by route and status, for /metrics. Any thread. */
#pragma once

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct metrics;
struct metrics *metrics_new(void *ctx, size_t route_count);
/* route: index into the table, or route_count for none. */
void metrics_request(struct metrics *m, size_t route, int status, int64_t duration_us);
/* Writes the Prometheus lines; name_of gives `method` and `route` labels of an index. */
void metrics_write(struct metrics *m, struct buf *out);
