/* What must be done now and then: forget what is out of date (Idempotency-Keys, ended sessions, event ids, delivered
 * rows of the outbox, files that no answer took), write down when tokens were used last. */
#pragma once

#include "auth/token_use.h"
#include "conf/conf.h"
#include "store/store.h"

#define HOUSEKEEP_EVERY_MS  60000
#define IDEMPOTENCY_KEEP_MS INT64_C(86400000)
/* Rows that one job removes. */
#define EXPIRE_EVENTS     500
#define EXPIRE_DELIVERIES 200

struct housekeep;
/* The settings must live until the stop. */
struct housekeep *housekeep_start(void *ctx, struct store *store, struct token_use *uses, const struct conf *conf);
void housekeep_set_conf(struct housekeep *h, const struct conf *conf);
/* One last round, then it is over. */
void housekeep_stop(struct housekeep *h);
/* One round now, waiting for its commits: for the thread and for tests, which may not run two at once. Never on an
 * HTTP thread. */
void housekeep_round(struct housekeep *h);
