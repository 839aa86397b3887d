/* A partner's retry key: (customer, id, created_at) of a message. Two equal ones are one message. */
#pragma once

#include "store/db.h"

/* Of customer and id; equal ones may be of different messages. On disk: never changes. */
int64_t retry_hash(int64_t customer_id, const char *ext_id, size_t len);
/* Is the message stored? In a transaction of its instance's, also when it was stored by another job of the same one. */
bool retry_known(struct db *tx, int64_t instance_id, int64_t customer_id, const char *ext_id, int64_t created_at);
/* The message has been inserted in this transaction. */
void retry_remember(struct db *tx, int64_t customer_id, const char *ext_id, int64_t created_at, int64_t message_id);
