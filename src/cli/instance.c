/* Instances: contact centres that share nothing. Made and listed here; works beside a running server. */
#include "cli/run.h"

#include "base/mem.h"
#include "cli/find.h"
#include "cli/listing.h"
#include "store/setup.h"

static int create(const struct cli_args *args, const struct cli_store *s) {
  static const char next[] =
      "give it an administrator: guichet agent create --login admin --profile administrator --instance";
  char err[256];
  int64_t id = 0;
  const char *name = cli_text(args, "name", "");
  if (!setup_instance_create(s->store, name, &id, err)) return setup_refused(args, s, err);
  return output_done(args, id, mem_printf(cli_ctx(args), "made instance \"%s\"; %s \"%s\"", name, next, name));
}

int cli_instance_create(const struct cli_args *args) {
  return cli_with_store(args, create);
}

static void rows(struct listing *l) {
  for (int i = 0; i < l->store->registry->instance_count; i++) {
    const struct instance *n = &l->store->registry->instances[i];
    struct jw *w = &l->out.w;
    jw_object(w);
    jw_kint(w, "id", n->id);
    jw_kstr(w, "name", n->name);
    jw_object_end(w);
    term_table_add(l->table, (const char *const[]){output_number(cli_ctx(l->args), n->id), n->name});
  }
}

int cli_instance_list(const struct cli_args *args) {
  static const struct listing_kind kind = {.headings = {"ID", "NAME", NULL}, .rows = rows, .none = "no instance"};
  return listing_run(args, &kind);
}
