/* API tokens of an account: custom channels log in with them, and their value signs what goes out. Shown when made;
 * kept sealed. Works beside a running server. */
#include "cli/run.h"

#include "base/mem.h"
#include "base/secret.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/term.h"
#include "store/setup_custom.h"

static int create(const struct cli_args *args, const struct cli_store *s) {
  int64_t id = 0;
  char token[ACCOUNT_TOKEN_LEN], err[256];
  const char *name = cli_text(args, "name", "");
  if (!setup_account_token_create(s->store, s->instance->id, name, &id, token, err)) return setup_refused(args, s, err);
  int code = CLI_OK;
  if (cli_json(args)) {
    struct output o;
    output_begin(&o, cli_ctx(args));
    jw_object(&o.w);
    jw_kint(&o.w, "id", id);
    jw_kstr(&o.w, "access_token", token);
    jw_kstr(&o.w, "domain", s->instance->name);
    jw_object_end(&o.w);
    code = output_end(&o);
  } else {
    printf("made account token \"%s\", shown this once:\n\n  access_token  %s\n  domain        %s\n",
           term_clean(cli_ctx(args), name), token, term_clean(cli_ctx(args), s->instance->name));
  }
  secret_wipe(token, sizeof token);
  return code;
}

int cli_account_token_create(const struct cli_args *args) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  code = create(args, &s);
  cli_store_end(&s);
  return code;
}

int cli_account_token_list(const struct cli_args *args) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  void *ctx = cli_ctx(args);
  struct output o;
  output_begin(&o, ctx);
  jw_object(&o.w);
  jw_key(&o.w, "items");
  jw_array(&o.w);
  struct term_table *t = term_table_new(ctx, (const char *const[]){"ID", "NAME", "ENABLED", "MADE AT", NULL});
  for (int i = 0; i < s.registry->account_token_count; i++) {
    const struct account_token *k = &s.registry->account_tokens[i];
    if (k->instance_id != s.instance->id) continue;
    jw_object(&o.w);
    jw_kint(&o.w, "id", k->id);
    jw_kstr(&o.w, "name", k->name);
    jw_kbool(&o.w, "enabled", k->enabled);
    jw_ktime(&o.w, "created_at", k->created_at);
    jw_object_end(&o.w);
    term_table_add(t, (const char *const[]){output_number(ctx, k->id), k->name, k->enabled ? "yes" : "no",
                                            term_time(ctx, k->created_at)});
  }
  jw_array_end(&o.w);
  jw_object_end(&o.w);
  if (cli_json(args))
    code = output_end(&o);
  else
    term_table_print(t, stdout, "no account token yet: guichet account-token create --name NAME");
  cli_store_end(&s);
  return code;
}

static int enable(const struct cli_args *args, bool enabled) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  char err[256];
  const struct account_token *t = find_account_token(&s, cli_word(args, 0));
  if (!t) {
    code = CLI_NOT_FOUND;
  } else if (!setup_account_token_enable(s.store, t->instance_id, t->id, enabled, err)) {
    code = setup_refused(args, &s, err);
  } else {
    const char *sentence = mem_printf(cli_ctx(args), "account token \"%s\" is %s; what was issued for it has ended",
                                      t->name, enabled ? "enabled" : "disabled");
    code = output_done(args, t->id, sentence);
  }
  cli_store_end(&s);
  return code;
}

int cli_account_token_enable(const struct cli_args *args) {
  return enable(args, true);
}

int cli_account_token_disable(const struct cli_args *args) {
  return enable(args, false);
}
