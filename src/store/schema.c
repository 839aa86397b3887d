/* Migrations in the words of the engine at hand, and what a new store begins with. Runs when a store is opened or made,
 * on the caller's thread. Owns nothing; what fails leaves the transaction to its caller to undo. */
#include "store/schema.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/engine.h"
#include "store/setup_defaults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int schema_known(void) {
  return migrations[migration_count - 1].number;
}

int schema_version(struct db *db) {
  struct db_rows rows;
  db_open(db, &rows, Q_META_GET, v_text("schema_version"));
  int version = db_next(&rows) ? atoi(col_text(&rows, 0, NULL)) : -1;
  db_close(&rows);
  return version;
}

/* The schema's placeholders, in the engine's words. */
static char *in_its_words(void *ctx, const struct db_engine *engine, const char *sql) {
  const struct {
    const char *token, *text;
  } words[] = {{"@ID@", engine->id_type}, {"@BYTES@", engine->bytes_type}, {"@SQLITE_ONLY@", ""}};
  struct buf out;
  buf_init(&out, ctx, strlen(sql) * 2, 1 << 20);
  while (*sql) {
    size_t i = 0;
    while (i < ARRAY_LEN(words) && strncmp(sql, words[i].token, strlen(words[i].token)) != 0) i++;
    if (i < ARRAY_LEN(words)) {
      buf_puts(&out, words[i].text);
      sql += strlen(words[i].token);
    } else {
      buf_putc(&out, *sql++);
    }
  }
  invariant(!out.failed);
  return out.data;
}

bool schema_apply(struct db *db, const struct migration *m, char err[static 256]) {
  void *pool = mem_pool(NULL, 65536);
  bool ours = !db->engine->concurrent || !strstr(m->sql, "@SQLITE_ONLY@");
  bool ok = !ours || db_script(db, in_its_words(pool, db->engine, m->sql), err);
  if (ok && db_exec(db, Q_META_SET, v_text("schema_version"), v_text(mem_printf(pool, "%d", m->number))) != DB_OK) {
    snprintf(err, 256, "migration %.40s: %.180s", m->name, db_error(db));
    ok = false;
  }
  mem_free(pool);
  return ok;
}

static void key_word(const struct master_key *key, char out[static 2 * SHA256_LEN + 1]) {
  uint8_t derived[SHA256_LEN];
  secret_derive(key, "key-check", derived);
  hex_encode(derived, sizeof derived, out);
}

bool schema_fill(struct db *db, const struct master_key *key, const char *instance_name, char err[static 256]) {
  char word[2 * SHA256_LEN + 1];
  key_word(key, word);
  if (db_exec(db, Q_INSTANCE_INSERT, v_int(1), v_text(instance_name), v_int(clock_wall_ms())) != DB_OK ||
      setup_defaults_insert(db, 1) != DB_OK) {
    snprintf(err, 256, "cannot write the first instance: %.150s", db_error(db));
    return false;
  }
  if (db_exec(db, Q_META_SET, v_text("key_check"), v_text(word)) == DB_OK) return true;
  snprintf(err, 256, "cannot write the key's check: %.150s", db_error(db));
  return false;
}

bool schema_check_key(struct db *db, const struct master_key *key, const char *key_file, char err[static 256]) {
  char word[2 * SHA256_LEN + 1];
  struct db_rows rows;
  key_word(key, word);
  db_open(db, &rows, Q_META_GET, v_text("key_check"));
  bool fits = db_next(&rows) && secret_equal_text(col_text(&rows, 0, NULL), word);
  db_close(&rows);
  if (!fits)
    snprintf(err, 256, "the master key %.140s is not the one this store was made with: put the right one there",
             key_file);
  return fits;
}
