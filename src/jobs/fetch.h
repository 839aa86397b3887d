/* Fetches the files that partners named by URL, after the message was accepted: guarded, bounded, tried again with
 * back-off, at most 8 times over some hours. Runs on the deliverer's thread. */
#pragma once

#include "jobs/outbound.h"
#include "store/store.h"

struct fetch;
struct fetch *fetch_new(void *ctx, struct store *store, struct outbound *outbound);
/* Starts what is due; returns ms until the next thing is due (at most 60000). conf stays valid until the next turn. */
int fetch_turn(struct fetch *f, const struct conf *conf);
void fetch_poke(struct fetch *f); /* look into the store again at the next turn */
int fetch_active(const struct fetch *f);
/* Brings in what the store has taken; true while it has something of ours. */
bool fetch_settling(struct fetch *f);
/* What ends from now on was broken off by us: nothing of it is stored, it is tried again at the next start. */
void fetch_stop(struct fetch *f);
/* After outbound_free. False when the store still holds jobs: then nothing is freed. */
bool fetch_free(struct fetch *f) MUST_CHECK;
