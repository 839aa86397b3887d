/* Fetches the files that partners named by URL, after the message was accepted: guarded, bounded, tried again with back-off, at most 8 times
 * over some hours. Runs on the deliverer's thread. */
#pragma once

#include "jobs/outbound.h"
#include "store/store.h"

struct fetch;
struct fetch *fetch_new(void *ctx, struct store *store, struct outbound *outbound);
/* Starts what is due; returns ms until the next thing is due (at most 60000). */
int fetch_turn(struct fetch *f, const struct conf *conf);
void fetch_poke(struct fetch *f); /* look into the store again at the next turn */
int fetch_active(const struct fetch *f);
