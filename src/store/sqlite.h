/* The embedded engine behind store/db.h. The only user of sqlite3.h. */
#pragma once

#include "store/engine.h"

enum sqlite_role { SQLITE_WRITER, SQLITE_READER };

/* NULL and a sentence in err. */
struct db *sqlite_open(void *ctx, const char *file, enum sqlite_role role, char err[static 256]) MUST_CHECK;
void sqlite_close(struct db *base); /* never checkpoints */

/* Number of pages in the log after the last commit of this connection; checkpointing as far as readers let. */
int sqlite_wal_pages(const struct db *db);
bool sqlite_checkpoint(struct db *base);
bool sqlite_backup(struct db *db, const char *file, void (*progress)(void *arg, int64_t done, int64_t total), void *arg,
                   char err[static 256]) MUST_CHECK;
bool sqlite_check(struct db *base, char err[static 256]) MUST_CHECK; /* PRAGMA quick_check */
