/* Services: the queues that customers' messages go to and agents serve. Works beside a running server. */
#include "cli/run.h"

#include "base/mem.h"
#include "cli/find.h"
#include "cli/listing.h"
#include "store/setup.h"

#define SERVICE_PRIORITY 10 /* 1 comes first, 10 last */

static int create(const struct cli_args *args, const struct cli_store *s) {
  char err[256];
  int64_t id = 0;
  const char *name = cli_text(args, "name", "");
  int64_t priority = cli_int(args, "priority", SERVICE_PRIORITY);
  if (!setup_service_create(s->store, s->instance->id, name, priority, &id, err)) return setup_refused(args, s, err);
  return output_done(args, id, mem_printf(cli_ctx(args), "made service \"%s\"", name));
}

int cli_service_create(const struct cli_args *args) {
  return cli_with_store(args, create);
}

static void rows(struct listing *l) {
  for (int i = 0; i < l->store->registry->service_count; i++) {
    const struct service *v = &l->store->registry->services[i];
    if (v->instance_id != l->store->instance->id) continue;
    void *ctx = cli_ctx(l->args);
    struct jw *w = &l->out.w;
    jw_object(w);
    jw_kint(w, "id", v->id);
    jw_kstr(w, "name", v->name);
    jw_kint(w, "priority", v->priority);
    jw_object_end(w);
    term_table_add(l->table,
                   (const char *const[]){output_number(ctx, v->id), v->name, output_number(ctx, v->priority)});
  }
}

int cli_service_list(const struct cli_args *args) {
  static const struct listing_kind kind = {
      .headings = {"ID", "NAME", "PRIORITY", NULL},
      .rows = rows,
      .none = "no service yet: guichet service create --name NAME",
  };
  return listing_run(args, &kind);
}
