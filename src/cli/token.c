/* API tokens: 40 hex digits that may do what their rights say. Shown when made, kept as a hash. Works beside a running
 * server. */
#include "cli/run.h"

#include "base/mem.h"
#include "base/secret.h"
#include "cli/find.h"
#include "cli/listing.h"
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
  return cli_with_store(args, create);
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

static void rows(struct listing *l) {
  for (int i = 0; i < l->store->registry->token_count; i++) {
    const struct api_token *k = &l->store->registry->tokens[i];
    if (k->instance_id != l->store->instance->id) continue;
    void *ctx = cli_ctx(l->args);
    char rights[RIGHTS_TEXT_LEN];
    put_json(&l->out, k, rights_format(k->rights, rights));
    term_table_add(l->table, (const char *const[]){output_number(ctx, k->id), k->label, k->enabled ? "yes" : "no",
                                                   term_time(ctx, k->last_used_at), rights});
  }
}

int cli_token_list(const struct cli_args *args) {
  static const struct listing_kind kind = {
      .headings = {"ID", "LABEL", "ENABLED", "LAST USED", "RIGHTS", NULL},
      .rows = rows,
      .none = "no token yet: guichet token create --label L --rights \"interaction:GET,POST\"",
  };
  return listing_run(args, &kind);
}

static int set_enabled(const struct cli_args *args, const struct cli_store *s) {
  const struct api_token *t = find_token(s, cli_word(args, 0));
  bool enabled = cli_enables(args);
  char err[256];
  if (!t) return CLI_NOT_FOUND;
  if (!setup_token_enable(s->store, t->instance_id, t->id, enabled, err)) return setup_refused(args, s, err);
  const char *sentence = mem_printf(cli_ctx(args), "token \"%s\" is %s", t->label, enabled ? "enabled" : "disabled");
  return output_done(args, t->id, sentence);
}

int cli_token_set_enabled(const struct cli_args *args) {
  return cli_with_store(args, set_enabled);
}
