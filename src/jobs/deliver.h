/* Brings the outbox to the partners: a lane per (channel, customer) in strict order, bounded concurrency and back-off
 * per channel, parked after the retention. One thread that also runs the fetcher (fetch.h), since both wait on the
 * network. */
#pragma once

#include "conf/conf.h"
#include "store/delivery.h"
#include "store/store.h"

struct deliver;
struct deliver *deliver_start(void *ctx, struct store *store, const struct conf *conf);
void deliver_set_conf(struct deliver *d, const struct conf *conf);
void deliver_wake(struct deliver *d); /* any thread: there is something new in the outbox or to fetch */
/* No new attempts; waits for those under way up to deadline_ms, settles them, then joins. */
void deliver_stop(struct deliver *d, int64_t deadline_ms);

void deliver_stats(struct deliver *d, struct deliver_stats *ret);
