/* Custom channels of Voximplant Kit: UUID, salt, callback, the token that signs, timers. A callback is asked before it
 * is saved, unless --anyway. Every change commits by itself and raises the epoch, so that a running server takes it up
 * at once. The salt and the token's value are printed when the channel is made and never again. */
#include "cli/run.h"

#include "base/mem.h"
#include "base/secret.h"
#include "cli/find.h"
#include "cli/one_channel.h"
#include "jobs/callback.h"
#include "store/setup_custom.h"

#include <string.h>

/* ---- the callback ---- */

static int check_callback(const struct cli_args *args, const struct callback_check *check) {
  const struct conf *conf = cli_conf(args);
  char why[200];
  if (!conf) return CLI_USAGE;
  if (callback_check(conf, check, why)) return CLI_OK;
  return cli_fail(CLI_REFUSED, "--callback: %s did not pass the check: %s; --anyway saves it all the same", check->url,
                  why);
}

/* What a check, as every delivery, is signed with must be there. */
static int can_sign(const struct channel *c, const char *token) {
  if (!c->secret)
    return cli_fail(CLI_FAILED, "the channel's salt does not open: put the master key back that belongs to this store");
  if (!token || !*token)
    return cli_fail(CLI_FAILED, "the channel's token is disabled: guichet channel set … --token TOKEN");
  return CLI_OK;
}

/* ---- making one ---- */

/* The token that --token names, or the account's first that is enabled, which is made when there is none. Its value is
 * put into ret_value. */
static int token_for(const struct cli_args *args, const struct cli_store *s, int64_t *ret_id,
                     char ret_value[static 65]) {
  const char *word = cli_text(args, "token", NULL);
  const struct account_token *found = word ? find_account_token(s, word) : NULL;
  if (word && !found) return CLI_NOT_FOUND;
  if (found && !found->enabled) return cli_fail(CLI_REFUSED, "--token: \"%s\" is disabled", found->name);
  for (int i = 0; !found && i < s->registry->account_token_count; i++) {
    const struct account_token *t = &s->registry->account_tokens[i];
    if (t->instance_id == s->instance->id && t->enabled) found = t;
  }
  if (found) {
    *ret_id = found->id;
    snprintf(ret_value, 65, "%s", found->value);
    return CLI_OK;
  }
  char err[256];
  if (!setup_account_token_create(s->store, s->instance->id, "default", ret_id, ret_value, err))
    return cli_fail(CLI_REFUSED, "no account token is enabled, and \"default\" %s; enable one or create another", err);
  return CLI_OK;
}

struct made {
  int64_t id;
  char uuid[CHANNEL_UUID_LEN], salt[CHANNEL_SALT_LEN], token[ACCOUNT_TOKEN_LEN];
};

static int print_made(const struct cli_args *args, const struct cli_store *s, const struct made *m) {
  void *ctx = cli_ctx(args);
  if (!cli_json(args)) {
    printf("made channel \"%s\"\n\n  uuid          %s\n  salt          %s\n  access_token  %s\n  domain        %s\n\n"
           "The salt is shown this once: with the access token it signs what is sent to the callback.\n",
           term_clean(ctx, cli_text(args, "name", "")), m->uuid, m->salt, m->token, term_clean(ctx, s->instance->name));
    return CLI_OK;
  }
  struct output o;
  output_begin(&o, ctx);
  jw_object(&o.w);
  jw_kint(&o.w, "id", m->id);
  jw_kstr(&o.w, "uuid", m->uuid);
  jw_kstr(&o.w, "salt", m->salt);
  jw_kstr(&o.w, "access_token", m->token);
  jw_kstr(&o.w, "domain", s->instance->name);
  jw_object_end(&o.w);
  return output_end(&o);
}

static void take_times(const struct cli_args *args, struct setup_custom *c) {
  c->access_ms = cli_int(args, "access-lifetime", c->access_ms);
  c->refresh_ms = cli_int(args, "refresh-lifetime", c->refresh_ms);
  c->idle_close_ms = cli_int(args, "close-idle", c->idle_close_ms);
  c->bot_close_ms = cli_int(args, "close-bot", c->bot_close_ms);
}

static int make(const struct cli_args *args, const struct cli_store *s, struct made *m) {
  struct setup_custom c = {
      .name = cli_text(args, "name", ""),
      .callback_url = cli_text(args, "callback", ""),
      .access_ms = CUSTOM_ACCESS_MS,
      .refresh_ms = CUSTOM_REFRESH_MS,
  };
  take_times(args, &c);
  int code = channel_service(args, s, &c.service_id);
  if (code == CLI_OK) code = token_for(args, s, &c.token_id, m->token);
  if (code != CLI_OK) return code;
  setup_custom_salt(m->salt);
  const struct callback_check check = {
      .kind = CHANNEL_VOXIMPLANT, .url = c.callback_url, .secret = m->salt, .token = m->token};
  if (!cli_has(args, "anyway")) code = check_callback(args, &check);
  if (code != CLI_OK) return code;
  char err[256];
  if (!setup_custom_create(s->store, s->instance->id, &c, m->salt, &m->id, m->uuid, err))
    return setup_refused(args, s, err);
  return print_made(args, s, m);
}

static int create(const struct cli_args *args, const struct cli_store *s) {
  struct made m = {.id = 0};
  int code = make(args, s, &m);
  secret_wipe(&m, sizeof m);
  return code;
}

int cli_channel_create(const struct cli_args *args) {
  return cli_with_store(args, create);
}

/* ---- seeing ---- */

static const char *token_name(const struct registry *r, int64_t id) {
  const struct account_token *t = registry_account_token(r, id);
  return t ? t->name : "";
}

static void put_json(struct output *o, const struct registry *r, const struct channel *c) {
  jw_object(&o->w);
  jw_kint(&o->w, "id", c->id);
  jw_kstr(&o->w, "name", c->name);
  jw_kstr(&o->w, "kind", surface_of(c->kind)->word);
  jw_kbool(&o->w, "enabled", c->enabled);
  jw_kstr(&o->w, "uuid", c->client_id);
  jw_kstr(&o->w, "callback", c->webhook_url);
  put_named(o, "service", c->service_id, service_name(r, c->service_id));
  put_named(o, "token", c->token_id, token_name(r, c->token_id));
  jw_kbool(&o->w, "can_sign", c->token != NULL);
  jw_kint(&o->w, "access_lifetime", c->access_ms / 1000);
  jw_kint(&o->w, "refresh_lifetime", c->refresh_ms / 1000);
  jw_kint(&o->w, "close_idle", c->idle_close_ms / 1000);
  jw_kint(&o->w, "close_bot", c->bot_close_ms / 1000);
  jw_ktime(&o->w, "created_at", c->created_at);
  jw_object_end(&o->w);
}

static void rows(struct listing *l) {
  list_channels(l, CHANNEL_VOXIMPLANT, put_json);
}

int cli_channel_list(const struct cli_args *args) {
  static const struct listing_kind kind = {
      .headings = {"ID", "NAME", "ENABLED", "SERVICE", "UUID", "CALLBACK", NULL},
      .rows = rows,
      .none = "no channel yet: guichet channel create --name NAME --callback URL",
  };
  return listing_run(args, &kind);
}

static const char *time_or_never(void *ctx, int64_t ms) {
  return ms ? mem_printf(ctx, "after %lld s of silence", (long long)(ms / 1000)) : "never";
}

static int show(const struct cli_args *args, const struct cli_store *s, const struct channel *c) {
  void *ctx = cli_ctx(args);
  if (cli_json(args)) {
    struct output o;
    output_begin(&o, ctx);
    put_json(&o, s->registry, c);
    return output_end(&o);
  }
  const char *const lines[][2] = {
      {"id", output_number(ctx, c->id)},
      {"name", c->name},
      {"enabled", c->enabled ? "yes" : "no"},
      {"uuid", c->client_id},
      {"salt", "hidden"},
      {"domain", s->instance->name},
      {"callback", *c->webhook_url ? c->webhook_url : "none: answers stay here until one is set"},
      {"service", service_name(s->registry, c->service_id)},
      {"signs with", c->token ? token_name(s->registry, c->token_id) : "nothing: its token is disabled"},
      {"access lifetime", mem_printf(ctx, "%lld s", (long long)(c->access_ms / 1000))},
      {"refresh lifetime", mem_printf(ctx, "%lld s", (long long)(c->refresh_ms / 1000))},
      {"closes", time_or_never(ctx, c->idle_close_ms)},
      {"closes after a bot", time_or_never(ctx, c->bot_close_ms)},
      {"made at", term_time(ctx, c->created_at)},
  };
  for (size_t i = 0; i < ARRAY_LEN(lines); i++) printf("%-19s %s\n", lines[i][0], term_clean(ctx, lines[i][1]));
  return CLI_OK;
}

/* ---- changing one ---- */

static int set(const struct cli_args *args, const struct cli_store *s, const struct channel *c) {
  static const char *const flags[] = {"name",       "callback",  "service",         "token",
                                      "close-idle", "close-bot", "access-lifetime", "refresh-lifetime"};
  bool any = false;
  for (size_t i = 0; i < ARRAY_LEN(flags); i++) any = any || cli_has(args, flags[i]);
  if (!any) return cli_fail(CLI_USAGE, "nothing to set: give --name, --callback, --service, --token or a time");
  struct setup_custom next = {
      .name = cli_text(args, "name", c->name),
      .callback_url = cli_text(args, "callback", c->webhook_url),
      .service_id = c->service_id,
      .token_id = c->token_id,
      .access_ms = c->access_ms,
      .refresh_ms = c->refresh_ms,
      .idle_close_ms = c->idle_close_ms,
      .bot_close_ms = c->bot_close_ms,
  };
  char token[ACCOUNT_TOKEN_LEN], err[256];
  take_times(args, &next);
  int code = channel_service(args, s, &next.service_id);
  snprintf(token, sizeof token, "%s", c->token ? c->token : "");
  if (code == CLI_OK && cli_has(args, "token")) code = token_for(args, s, &next.token_id, token);
  bool moved = strcmp(next.callback_url, c->webhook_url) != 0 && *next.callback_url;
  const struct callback_check check = {.kind = c->kind, .url = next.callback_url, .secret = c->secret, .token = token};
  bool asked = moved && !cli_has(args, "anyway");
  if (code == CLI_OK && asked) code = can_sign(c, token);
  if (code == CLI_OK && asked) code = check_callback(args, &check);
  secret_wipe(token, sizeof token);
  if (code != CLI_OK) return code;
  if (!setup_custom_update(s->store, c->instance_id, c->id, &next, err)) return setup_refused(args, s, err);
  return output_done(args, c->id, mem_printf(cli_ctx(args), "changed channel \"%s\"", next.name));
}

static int check(const struct cli_args *args, const struct cli_store *s, const struct channel *c) {
  (void)s;
  const struct conf *conf = cli_conf(args);
  char why[200];
  if (!conf) return CLI_USAGE;
  if (!*c->webhook_url)
    return cli_fail(CLI_FAILED, "the channel has no callback: guichet channel set … --callback URL");
  if (can_sign(c, c->token) != CLI_OK) return CLI_FAILED;
  const struct callback_check what = {.kind = c->kind, .url = c->webhook_url, .secret = c->secret, .token = c->token};
  if (!callback_check(conf, &what, why))
    return cli_fail(CLI_FAILED, "%s did not pass the check: %s", c->webhook_url, why);
  return output_done(args, c->id, mem_printf(cli_ctx(args), "%s passed the check: %s", c->webhook_url, why));
}

int cli_channel_show(const struct cli_args *args) {
  return with_channel(args, find_custom_channel, show);
}

int cli_channel_set(const struct cli_args *args) {
  return with_channel(args, find_custom_channel, set);
}

int cli_channel_check(const struct cli_args *args) {
  return with_channel(args, find_custom_channel, check);
}

int cli_channel_set_enabled(const struct cli_args *args) {
  return with_channel(args, find_custom_channel, channel_set_enabled);
}
