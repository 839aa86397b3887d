/* PostgreSQL (15 or later) behind store/db.h. The only user of libpq-fe.h. Transactions are READ COMMITTED; rows that a
 * decision rests on are locked: a statement marked `locks:…` in sql/queries locks what it reads, on writers. */
#pragma once

#include "store/engine.h"

enum postgres_role {
  POSTGRES_WRITER,
  POSTGRES_READER /* read only, one snapshot a transaction */
};

/* NULL and a sentence in err, without a password. url: whatever libpq takes, several hosts too. */
struct db *postgres_open(void *ctx, const char *url, enum postgres_role role, char err[static 256]) MUST_CHECK;
/* Once more after TROUBLE_LOST; false with db_error. Blocks for some seconds when nobody answers. */
bool postgres_reopen(struct db *db) MUST_CHECK;
/* For news between processes: listens from now on; waits until there is something to hear, wake_fd is readable or
 * timeout_ms have passed; takes the next line that another connection has sent. */
bool postgres_listen(struct db *db) MUST_CHECK;
void postgres_wait(struct db *base, int wake_fd, int timeout_ms);
bool postgres_heard(struct db *db, char *out, size_t room);
/* Is it the address of a PostgreSQL? */
bool postgres_is_url(const char *url);
