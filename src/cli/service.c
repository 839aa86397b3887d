/* Services: the queues that customers' messages go to and agents serve. Works beside a running server. */
#include "cli/run.h"

#include "base/mem.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/term.h"
#include "store/setup.h"

#define SERVICE_PRIORITY 10 /* 1 comes first, 10 last */

int cli_service_create(const struct cli_args *args) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  char err[256];
  int64_t id = 0;
  const char *name = cli_text(args, "name", "");
  if (setup_service_create(s.store, s.instance->id, name, cli_int(args, "priority", SERVICE_PRIORITY), &id, err)) {
    code = output_done(args, id, mem_printf(cli_ctx(args), "made service \"%s\"", name));
  } else {
    code = setup_refused(args, &s, err);
  }
  cli_store_end(&s);
  return code;
}

static int list_json(const struct cli_args *args, const struct cli_store *s) {
  struct output o;
  output_begin(&o, cli_ctx(args));
  jw_object(&o.w);
  jw_key(&o.w, "items");
  jw_array(&o.w);
  for (int i = 0; i < s->registry->service_count; i++) {
    const struct service *v = &s->registry->services[i];
    if (v->instance_id != s->instance->id) continue;
    jw_object(&o.w);
    jw_kint(&o.w, "id", v->id);
    jw_kstr(&o.w, "name", v->name);
    jw_kint(&o.w, "priority", v->priority);
    jw_object_end(&o.w);
  }
  jw_array_end(&o.w);
  jw_object_end(&o.w);
  return output_end(&o);
}

int cli_service_list(const struct cli_args *args) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  if (cli_json(args)) {
    code = list_json(args, &s);
  } else {
    void *ctx = cli_ctx(args);
    struct term_table *t = term_table_new(ctx, (const char *const[]){"ID", "NAME", "PRIORITY", NULL});
    for (int i = 0; i < s.registry->service_count; i++) {
      const struct service *v = &s.registry->services[i];
      if (v->instance_id != s.instance->id) continue;
      const char *priority = mem_printf(ctx, "%lld", (long long)v->priority);
      term_table_add(t, (const char *const[]){output_number(ctx, v->id), v->name, priority});
    }
    term_table_print(t, stdout, "no service yet: guichet service create --name NAME");
  }
  cli_store_end(&s);
  return code;
}
