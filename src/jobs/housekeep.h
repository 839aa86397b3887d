/* What must be done now and then: forget old Idempotency-Keys and ended sessions, write down when tokens were used
 * last. */
#pragma once

#include "auth/token_use.h"
#include "store/store.h"

#define HOUSEKEEP_EVERY_MS  60000
#define IDEMPOTENCY_KEEP_MS INT64_C(86400000)

struct housekeep;
struct housekeep *housekeep_start(void *ctx, struct store *store, struct token_use *uses);
/* One last round, then it is over. */
void housekeep_stop(struct housekeep *h);
/* One round now, waiting for its commit: for tests and for the stop. Never on an HTTP thread. */
void housekeep_round(struct housekeep *h);
