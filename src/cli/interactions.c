/* The agent's list on a terminal: interactions that wait or are in work, by the API of a running server. */
#include "cli/run.h"

#include "base/mem.h"
#include "cli/client.h"
#include "cli/output.h"
#include "cli/term.h"

struct list {
  void *ctx;
  struct output json;
  struct term_table *table;
};

/* A text some members deep; "" when it is not there. */
static const char *text_at(const struct jval *v, const char *outer, const char *inner) {
  const char *text = jval_str(outer ? jval_get(jval_get(v, outer), inner) : jval_get(v, inner), NULL);
  return text ? text : "";
}

static void take(void *arg, const struct jval *item, struct jspan text) {
  struct list *l = arg;
  jw_raw(&l->json.w, text.text, text.len);
  const char *name = text_at(item, "customer", "name");
  const char *customer = text_at(item, "customer", "externalId");
  char *who = *name ? mem_printf(l->ctx, "%s (%s)", name, customer) : mem_strdup(l->ctx, customer);
  const char *agent = text_at(item, "agent", "name");
  term_table_add(l->table, (const char *const[]){text_at(item, NULL, "id"), text_at(item, NULL, "state"),
                                                 text_at(item, "service", "name"), who, *agent ? agent : "-",
                                                 text_at(item, NULL, "openedAt")});
}

int cli_interactions(const struct cli_args *args) {
  void *ctx = cli_ctx(args);
  struct list l = {.ctx = ctx};
  output_begin(&l.json, ctx);
  jw_object(&l.json.w);
  jw_key(&l.json.w, "items");
  jw_array(&l.json.w);
  l.table = term_table_new(ctx, (const char *const[]){"ID", "STATE", "SERVICE", "CUSTOMER", "AGENT", "OPENED", NULL});
  const char *state = cli_text(args, "state", NULL);
  const char *base = "/api/v3/interaction/interactions";
  struct client *c = client_new(ctx, cli_text(args, "url", CLI_DEFAULT_URL));
  const struct client_pages pages = {
      .path = state ? mem_printf(ctx, "%s?state=%s", base, client_encode(ctx, state)) : base,
      .authorization = client_token_header(args),
      .limit = cli_int(args, "limit", 200),
      .item = take,
      .arg = &l,
  };
  int code = client_each(c, &pages);
  client_free(c);
  if (code != CLI_OK) return code;
  jw_array_end(&l.json.w);
  jw_object_end(&l.json.w);
  if (cli_json(args)) return output_end(&l.json);
  term_table_print(l.table, stdout, "nothing waits");
  return CLI_OK;
}
