/* Instances: contact centres that share nothing. Made and listed here; works beside a running server. */
#include "cli/run.h"

#include "base/mem.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/term.h"
#include "store/setup.h"

int cli_instance_create(const struct cli_args *args) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  char err[256];
  int64_t id = 0;
  const char *name = cli_text(args, "name", "");
  if (setup_instance_create(s.store, name, &id, err)) {
    const char *next =
        "give it an administrator: guichet agent create --login admin --profile administrator --instance";
    code = output_done(args, id, mem_printf(cli_ctx(args), "made instance \"%s\"; %s \"%s\"", name, next, name));
  } else {
    code = setup_refused(args, &s, err);
  }
  cli_store_end(&s);
  return code;
}

static int list_json(const struct cli_args *args, const struct registry *r) {
  struct output o;
  output_begin(&o, cli_ctx(args));
  jw_object(&o.w);
  jw_key(&o.w, "items");
  jw_array(&o.w);
  for (int i = 0; i < r->instance_count; i++) {
    jw_object(&o.w);
    jw_kint(&o.w, "id", r->instances[i].id);
    jw_kstr(&o.w, "name", r->instances[i].name);
    jw_object_end(&o.w);
  }
  jw_array_end(&o.w);
  jw_object_end(&o.w);
  return output_end(&o);
}

int cli_instance_list(const struct cli_args *args) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  if (cli_json(args)) {
    code = list_json(args, s.registry);
  } else {
    struct term_table *t = term_table_new(cli_ctx(args), (const char *const[]){"ID", "NAME", NULL});
    for (int i = 0; i < s.registry->instance_count; i++) {
      const struct instance *n = &s.registry->instances[i];
      term_table_add(t, (const char *const[]){output_number(cli_ctx(args), n->id), n->name});
    }
    term_table_print(t, stdout, "no instance");
  }
  cli_store_end(&s);
  return code;
}
