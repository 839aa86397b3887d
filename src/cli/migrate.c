/* guichet migrate: which migrations a store has, and the rest of them. With --status it opens the store for reading
 * only.
 */
#include "cli/run.h"

#include "base/mem.h"
#include "cli/output.h"
#include "cli/term.h"
#include "store/schema.h"

static int print_json(const struct cli_args *args, int version) {
  struct output o;
  output_begin(&o, cli_ctx(args));
  jw_object(&o.w);
  jw_kint(&o.w, "schema", version);
  jw_kint(&o.w, "known", schema_known());
  jw_key(&o.w, "migrations");
  jw_array(&o.w);
  for (int i = 0; i < migration_count; i++) {
    jw_object(&o.w);
    jw_kint(&o.w, "number", migrations[i].number);
    jw_kstr(&o.w, "name", migrations[i].name);
    jw_kbool(&o.w, "done", migrations[i].number <= version);
    jw_object_end(&o.w);
  }
  jw_array_end(&o.w);
  jw_object_end(&o.w);
  return output_end(&o);
}

static int print(const struct cli_args *args, int version) {
  if (cli_json(args)) return print_json(args, version);
  struct term_table *t = term_table_new(cli_ctx(args), (const char *const[]){"MIGRATION", "", NULL});
  for (int i = 0; i < migration_count; i++)
    term_table_add(t, (const char *const[]){migrations[i].name, migrations[i].number <= version ? "done" : "to come"});
  term_table_print(t, stdout, "there are no migrations");
  if (version > schema_known()) printf("The store is of a newer version: %d.\n", version);
  return CLI_OK;
}

int cli_migrate(const struct cli_args *args) {
  const char *dir = cli_data(args);
  if (!dir) return CLI_USAGE;
  const char *url = cli_store_url(args);
  char err[256];
  if (!url && !store_is_there(dir))
    return cli_fail(CLI_NOT_FOUND, "there is no store in %s: make one with guichet init", dir);
  if (!cli_has(args, "status")) {
    struct store *s =
        store_open(cli_ctx(args), &(struct store_options){.dir = dir, .url = url, .mode = STORE_TOOL}, err);
    if (!s) return cli_fail(CLI_FAILED, "%s", err);
    store_close(s);
  }
  int version = -1;
  if (!store_schema(dir, url, &version, err)) return cli_fail(CLI_FAILED, "%s", err);
  if (version < 0) return cli_fail(CLI_NOT_FOUND, "the database holds no store yet: make one with guichet init");
  return print(args, version);
}
