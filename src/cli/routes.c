/* guichet routes: the table of routes, for people and for programs, or the description of an API. Opens nothing. */
#include "cli/run.h"

#include "api/openapi.h"
#include "api/routes.h"
#include "base/mem.h"
#include "cli/output.h"
#include "cli/term.h"
#include "core/rights.h"

static int print_document(const struct cli_args *args, const char *name) {
  struct buf *b = mem_new(cli_ctx(args), struct buf);
  buf_init(b, b, 65536, 16 << 20);
  if (openapi_write(b, name, cli_text(args, "url", CLI_DEFAULT_URL))) {
    puts(b->data);
    return CLI_OK;
  }
  struct buf names;
  buf_init(&names, cli_ctx(args), 128, 4096);
  for (int i = 0; openapi_name(i); i++) buf_printf(&names, "%s%s", i ? ", " : "", openapi_name(i));
  return cli_fail(CLI_NOT_FOUND, "there is no API called %s; there are %s", name, names.data);
}

int cli_routes(const struct cli_args *args) {
  if (cli_has(args, "openapi")) return print_document(args, cli_text(args, "openapi", ""));
  struct output o;
  struct term_table *t =
      term_table_new(cli_ctx(args), (const char *const[]){"METHOD", "PATH", "CALLER", "API", "WHAT", NULL});
  output_begin(&o, cli_ctx(args));
  jw_array(&o.w);
  for (size_t i = 0; i < api_route_count; i++) {
    const struct route *r = &api_routes[i];
    const char *api = r->access ? api_word((enum api_name)r->api) : "";
    term_table_add(
        t, (const char *const[]){http_method_name(r->method), r->pattern, access_word(r->access), api, r->summary});
    jw_object(&o.w);
    jw_kstr(&o.w, "method", http_method_name(r->method));
    jw_kstr(&o.w, "pattern", r->pattern);
    jw_kstr(&o.w, "access", access_word(r->access));
    jw_kstr(&o.w, "api", api);
    jw_kstr(&o.w, "document", openapi_name_of(r));
    jw_kstr(&o.w, "summary", r->summary);
    jw_object_end(&o.w);
  }
  jw_array_end(&o.w);
  if (cli_json(args)) return output_end(&o);
  term_table_print(t, stdout, "");
  return CLI_OK;
}
