/* API tokens of an account: custom channels log in with them, and their value signs what goes out. Shown when made;
 * kept sealed. Works beside a running server. */
#include "cli/run.h"

#include "base/mem.h"
#include "base/secret.h"
#include "cli/find.h"
#include "cli/listing.h"
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
  return cli_with_store(args, create);
}

static void rows(struct listing *l) {
  for (int i = 0; i < l->store->registry->account_token_count; i++) {
    const struct account_token *k = &l->store->registry->account_tokens[i];
    if (k->instance_id != l->store->instance->id) continue;
    void *ctx = cli_ctx(l->args);
    struct jw *w = &l->out.w;
    jw_object(w);
    jw_kint(w, "id", k->id);
    jw_kstr(w, "name", k->name);
    jw_kbool(w, "enabled", k->enabled);
    jw_ktime(w, "created_at", k->created_at);
    jw_object_end(w);
    term_table_add(l->table, (const char *const[]){output_number(ctx, k->id), k->name, k->enabled ? "yes" : "no",
                                                   term_time(ctx, k->created_at)});
  }
}

int cli_account_token_list(const struct cli_args *args) {
  static const struct listing_kind kind = {
      .headings = {"ID", "NAME", "ENABLED", "MADE AT", NULL},
      .rows = rows,
      .none = "no account token yet: guichet account-token create --name NAME",
  };
  return listing_run(args, &kind);
}

static int set_enabled(const struct cli_args *args, const struct cli_store *s) {
  const struct account_token *t = find_account_token(s, cli_word(args, 0));
  bool enabled = cli_enables(args);
  char err[256];
  if (!t) return CLI_NOT_FOUND;
  if (!setup_account_token_enable(s->store, t->instance_id, t->id, enabled, err)) return setup_refused(args, s, err);
  const char *sentence = mem_printf(cli_ctx(args), "account token \"%s\" is %s; what was issued for it has ended",
                                    t->name, enabled ? "enabled" : "disabled");
  return output_done(args, t->id, sentence);
}

int cli_account_token_set_enabled(const struct cli_args *args) {
  return cli_with_store(args, set_enabled);
}
