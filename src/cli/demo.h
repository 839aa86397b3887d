/* What a demo's instance has besides its service, agents and connector. */
#pragma once

#include "store/store.h"

/* The agents demo and sam and the service "Customer care" are there. False with a sentence in err. */
bool demo_fill(struct store *s, int64_t instance_id, char err[static 256]) MUST_CHECK;
