/* Ends interactions that have fallen silent, by their channel's timers. What it goes by are rows of the store, so a
 * restart loses nothing. */
#pragma once

#include "conf/conf.h"
#include "store/store.h"

struct timers;
struct timers *timers_start(void *ctx, struct store *store, const struct conf *conf);
void timers_set_conf(struct timers *t, const struct conf *conf);
void timers_stop(struct timers *t);
/* One round now: closes what is due, waiting for its commits. Returns ms until something may be due, at most
 * TIMERS_LOOK_MS. For the thread and for tests; never on an HTTP thread. */
#define TIMERS_LOOK_MS 1000
int64_t timers_round(struct store *store, int64_t retention_ms);
