/* Reading the whole setup from the store. For registry.c only. */
#pragma once

#include "store/registry.h"

/* Fills r but for its epoch; everything is a child of ctx. False when the store could not be read; what was opened of
 * secrets until then is in r all the same, to be wiped. */
bool registry_read(struct store *store, void *ctx, struct registry *r);
