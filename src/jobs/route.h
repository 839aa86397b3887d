/* Routing: watches what is committed, decides, and proposes offers as jobs of the store; does what falls due. What it
 * goes by are rows of the store, so a restart loses nothing. */
#pragma once

#include "conf/conf.h"
#include "store/store.h"

struct route;
/* The world as the rows stand; without a thread, for the thread and for tests. */
struct route *route_new(void *ctx, struct store *store, const struct conf *conf);
/* One round now: follows the events, does what is due, makes every offer there is to make, waiting for its commits.
 * Returns ms until something may be due, at most ROUTE_LOOK_MS. Never on an HTTP thread. */
#define ROUTE_LOOK_MS 1000
int64_t route_round(struct route *r);

void route_start(struct route *r); /* the thread */
void route_set_conf(struct route *r, const struct conf *conf);
void route_wake(struct route *r, int64_t instance_id); /* hook of the store: quick, any thread */
void route_stop(struct route *r);

struct route_stats {
  uint64_t offers, refused, due; /* decisions committed, decisions that the rows refused, timers run */
  int64_t decide_us_max;         /* longest single decision since the last call */
};
void route_stats(struct route *r, struct route_stats *ret);
