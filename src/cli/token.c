/* API tokens: 40 hex digits that may do what their rights say. Shown when made, kept as a hash. Works beside a running
 * server. */
#include "cli/run.h"

#include "base/mem.h"
#include "base/secret.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/term.h"
#include "store/setup.h"

static int create(const struct cli_args *args, const struct cli_store *s) {
  int64_t rights = 0;
  char wrong[160];
  if (!rights_parse(cli_text(args, "rights", ""), &rights, wrong)) return cli_fail(CLI_USAGE, "--%s", wrong);
  int64_t id = 0;
  char token[API_TOKEN_LEN];
  char err[256];
  const char *label = cli_text(args, "label", "");
  if (!setup_token_create(s->store, s->instance->id, label, rights, &id, token, err))
    return setup_refused(args, s, err);
  int code = CLI_OK;
  if (cli_json(args)) {
    struct output o;
    output_begin(&o, cli_ctx(args));
    jw_object(&o.w);
    jw_kint(&o.w, "id", id);
    jw_kstr(&o.w, "token", token);
    jw_object_end(&o.w);
    code = output_end(&o);
  } else {
    printf("made token \"%s\", shown this once:\n\n  %s\n\nIt goes into the header Kiamo-Api-Token.\n",
           term_clean(cli_ctx(args), label), token);
  }
  secret_wipe(token, sizeof token);
  return code;
}

int cli_token_create(const struct cli_args *args) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  code = create(args, &s);
  cli_store_end(&s);
  return code;
}

static void put_json(struct output *o, const struct api_token *t, const char *rights) {
  jw_object(&o->w);
  jw_kint(&o->w, "id", t->id);
  jw_kstr(&o->w, "label", t->label);
  jw_kstr(&o->w, "rights", rights);
  jw_kbool(&o->w, "enabled", t->enabled);
  jw_ktime(&o->w, "created_at", t->created_at);
  jw_ktime(&o->w, "last_used_at", t->last_used_at);
  jw_object_end(&o->w);
}

int cli_token_list(const struct cli_args *args) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  void *ctx = cli_ctx(args);
  struct output o;
  output_begin(&o, ctx);
  jw_object(&o.w);
  jw_key(&o.w, "items");
  jw_array(&o.w);
  struct term_table *t =
      term_table_new(ctx, (const char *const[]){"ID", "LABEL", "ENABLED", "LAST USED", "RIGHTS", NULL});
  for (int i = 0; i < s.registry->token_count; i++) {
    const struct api_token *k = &s.registry->tokens[i];
    if (k->instance_id != s.instance->id) continue;
    char rights[RIGHTS_TEXT_LEN];
    put_json(&o, k, rights_format(k->rights, rights));
    term_table_add(t, (const char *const[]){output_number(ctx, k->id), k->label, k->enabled ? "yes" : "no",
                                            term_time(ctx, k->last_used_at), rights});
  }
  jw_array_end(&o.w);
  jw_object_end(&o.w);
  if (cli_json(args)) {
    code = output_end(&o);
  } else {
    term_table_print(t, stdout, "no token yet: guichet token create --label L --rights \"interaction:GET,POST\"");
  }
  cli_store_end(&s);
  return code;
}

static int enable(const struct cli_args *args, bool enabled) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  char err[256];
  const struct api_token *t = find_token(&s, cli_word(args, 0));
  if (!t) {
    code = CLI_NOT_FOUND;
  } else if (!setup_token_enable(s.store, t->instance_id, t->id, enabled, err)) {
    code = setup_refused(args, &s, err);
  } else {
    const char *sentence = mem_printf(cli_ctx(args), "token \"%s\" is %s", t->label, enabled ? "enabled" : "disabled");
    code = output_done(args, t->id, sentence);
  }
  cli_store_end(&s);
  return code;
}

int cli_token_enable(const struct cli_args *args) {
  return enable(args, true);
}

int cli_token_disable(const struct cli_args *args) {
  return enable(args, false);
}
