/* Writing down outcomes: hands small jobs to the store's writer and brings them back to their own thread once they are
 * durable. What the store refuses is tried again until it is taken, so no outcome is lost while the process lives. */
#pragma once

#include "store/store.h"

struct settler;

/* Part of the caller's object; alive until done was called. */
struct settle {
  enum job_result (*run)(struct db *tx, void *arg); /* on the writer thread, maybe more than once */
  void (*done)(void *arg);                          /* on the settler's thread, after the commit */
  void *arg;
  size_t weight; /* bytes it writes, roughly */
  /* private: */
  struct store_job job;
  struct settler *settler;
  enum store_result result;
  struct settle *next;
};

/* wake(arg) is called from the writer thread when settler_turn has something to do. */
struct settler *settler_new(struct store *store, void (*wake)(void *arg), void *arg);
void settler_submit(struct settler *s, struct settle *job);
void settler_turn(struct settler *s, int64_t now_us);
int64_t settler_wait_us(const struct settler *s, int64_t now_us, int64_t limit_us); /* until the next turn is due */
int settler_in_store(const struct settler *s);                                      /* handed over, not back */
bool settler_refused(const struct settler *s); /* something waits to be handed over again: take on nothing new */
bool settler_trouble(const struct settler *s); /* … because the store is full or down, rather than busy */
void settler_silence(struct settler *s);       /* no wake from now on */
/* Silences too. False when jobs are still with the store: then they, and what they point to, must stay in memory for
 * good. */
bool settler_free(struct settler *s) MUST_CHECK;
