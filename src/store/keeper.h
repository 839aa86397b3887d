/* The thread beside the writers of a PostgreSQL: is the server there, what do the other nodes say, what do we tell
 * them, which channels are ours. */
#pragma once

#include "store/store_impl.h"

bool keeper_start(struct store *s, char err[static 256]) MUST_CHECK; /* joins the nodes; then the thread */
void keeper_stop(struct store *s);
void keeper_poke(struct store *s); /* there is news; any thread */
