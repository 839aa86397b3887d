/* The schema of a store, on either engine: its number, the migrations that bring it forward, and the word that tells
 * whether a master key is the store's. */
#pragma once

#include "base/secret.h"
#include "store/db.h"

/* Highest migration this program has. */
int schema_known(void);
int schema_version(struct db *db); /* -1: none, or it cannot be read */
/* One migration and its number, or neither. The transaction is the caller's. */
bool schema_apply(struct db *db, const struct migration *m, char err[static 256]) MUST_CHECK;
/* The first instance and the key's word, in a schema just made. */
bool schema_fill(struct db *db, const struct master_key *key, const char *instance_name,
                 char err[static 256]) MUST_CHECK;
/* With another key every secret would be unreadable: better not start. key_file is for the sentence. */
bool schema_check_key(struct db *db, const struct master_key *key, const char *key_file,
                      char err[static 256]) MUST_CHECK;
