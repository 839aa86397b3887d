/* Connectors: a partner's access, with client id, secret and webhook. Every change commits by itself and raises the
 * store's epoch, so that a running server takes it up at once. A secret is printed when it is made and never again.
 * Never reads or prints the secrets of the registry. */
#include "cli/run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "cli/find.h"
#include "cli/one_channel.h"
#include "store/setup.h"

#include <string.h>

#define KEEP_OLD_MS (60 * 60 * 1000)

static int print_created(const struct cli_args *args, const char *id, const char *client_id, const char *secret) {
  if (!cli_json(args)) {
    printf("made connector \"%s\"\n\n  id             %s\n  client_id      %s\n  client_secret  %s\n\n"
           "The secret is shown this once: it gets the partner's tokens and signs what is sent to the webhook.\n",
           term_clean(cli_ctx(args), cli_text(args, "name", "")), id, client_id, secret);
    return CLI_OK;
  }
  struct output o;
  output_begin(&o, cli_ctx(args));
  jw_object(&o.w);
  jw_key(&o.w, "id");
  jw_raw(&o.w, id, strlen(id));
  jw_kstr(&o.w, "client_id", client_id);
  jw_kstr(&o.w, "client_secret", secret);
  jw_object_end(&o.w);
  return output_end(&o);
}

static int create(const struct cli_args *args, const struct cli_store *s) {
  struct setup_channel c = {
      .name = cli_text(args, "name", ""),
      .webhook_url = cli_text(args, "webhook", ""),
      .show_agent = cli_int(args, "show-agent", 0),
  };
  int code = channel_service(args, s, &c.service_id);
  if (code != CLI_OK) return code;
  int64_t id = 0;
  char client_id[CLIENT_ID_LEN];
  char secret[CLIENT_SECRET_LEN];
  char err[256];
  if (!setup_channel_create(s->store, s->instance->id, CHANNEL_KIAMO_IO, &c, &id, client_id, secret, err)) {
    return setup_refused(args, s, err);
  }
  code = print_created(args, output_number(cli_ctx(args), id), client_id, secret);
  secret_wipe(secret, sizeof secret);
  return code;
}

int cli_connector_create(const struct cli_args *args) {
  return cli_with_store(args, create);
}

/* ---- seeing ---- */

static void put_json(struct output *o, const struct registry *r, const struct channel *c) {
  jw_object(&o->w);
  jw_kint(&o->w, "id", c->id);
  jw_kstr(&o->w, "name", c->name);
  jw_kstr(&o->w, "kind", surface_of(c->kind)->word);
  jw_kbool(&o->w, "enabled", c->enabled);
  jw_kstr(&o->w, "client_id", c->client_id);
  jw_kstr(&o->w, "webhook", c->webhook_url);
  put_named(o, "service", c->service_id, service_name(r, c->service_id));
  jw_kbool(&o->w, "show_agent", c->show_agent);
  bool two = c->old_secret && c->old_until > clock_wall_ms();
  jw_ktime(&o->w, "old_secret_until", two ? c->old_until : 0);
  jw_ktime(&o->w, "created_at", c->created_at);
  jw_object_end(&o->w);
}

static void rows(struct listing *l) {
  list_channels(l, CHANNEL_KIAMO_IO, put_json);
}

int cli_connector_list(const struct cli_args *args) {
  static const struct listing_kind kind = {
      .headings = {"ID", "NAME", "ENABLED", "SERVICE", "CLIENT ID", "WEBHOOK", NULL},
      .rows = rows,
      .none = "no connector yet: guichet connector create --name NAME --webhook URL",
  };
  return listing_run(args, &kind);
}

static int show(const struct cli_args *args, const struct cli_store *s, const struct channel *c) {
  void *ctx = cli_ctx(args);
  if (cli_json(args)) {
    struct output o;
    output_begin(&o, ctx);
    put_json(&o, s->registry, c);
    return output_end(&o);
  }
  bool two = c->old_secret && c->old_until > clock_wall_ms();
  const char *const lines[][2] = {
      {"id", output_number(ctx, c->id)},
      {"name", c->name},
      {"kind", surface_of(c->kind)->word},
      {"enabled", c->enabled ? "yes" : "no"},
      {"client_id", c->client_id},
      {"client_secret", two ? "hidden; the one before the rotation is good too"
                            : "hidden; guichet connector rotate-secret makes a new one"},
      {"old secret until", two ? term_time(ctx, c->old_until) : "-"},
      {"webhook", *c->webhook_url ? c->webhook_url : "none: answers stay here until one is set"},
      {"service", service_name(s->registry, c->service_id)},
      {"answers come from", c->show_agent ? "the agent's name" : "the instance's name"},
      {"made at", term_time(ctx, c->created_at)},
  };
  for (size_t i = 0; i < ARRAY_LEN(lines); i++) printf("%-17s %s\n", lines[i][0], term_clean(ctx, lines[i][1]));
  return CLI_OK;
}

/* ---- changing one ---- */

static int set(const struct cli_args *args, const struct cli_store *s, const struct channel *c) {
  struct setup_channel next = {
      .name = cli_text(args, "name", c->name),
      .webhook_url = cli_text(args, "webhook", c->webhook_url),
      .service_id = c->service_id,
      .show_agent = cli_int(args, "show-agent", c->show_agent),
  };
  if (!cli_has(args, "name") && !cli_has(args, "webhook") && !cli_has(args, "service") &&
      !cli_has(args, "show-agent")) {
    return cli_fail(CLI_USAGE, "nothing to set: give --name, --webhook, --service or --show-agent");
  }
  int code = channel_service(args, s, &next.service_id);
  if (code != CLI_OK) return code;
  char err[256];
  if (!setup_channel_update(s->store, c->instance_id, c->id, &next, err)) return setup_refused(args, s, err);
  return output_done(args, c->id, mem_printf(cli_ctx(args), "changed connector \"%s\"", next.name));
}

static int rotate(const struct cli_args *args, const struct cli_store *s, const struct channel *c) {
  char secret[CLIENT_SECRET_LEN];
  char err[256];
  int64_t keep_ms = cli_int(args, "keep-old", KEEP_OLD_MS);
  if (!setup_channel_rotate(s->store, c->instance_id, c->id, keep_ms, secret, err)) return setup_refused(args, s, err);
  int64_t until = keep_ms > 0 ? clock_wall_ms() + keep_ms : 0;
  int code = CLI_OK;
  if (cli_json(args)) {
    struct output o;
    output_begin(&o, cli_ctx(args));
    jw_object(&o.w);
    jw_kint(&o.w, "id", c->id);
    jw_kstr(&o.w, "client_id", c->client_id);
    jw_kstr(&o.w, "client_secret", secret);
    jw_ktime(&o.w, "old_secret_until", until);
    jw_object_end(&o.w);
    code = output_end(&o);
  } else {
    printf("connector \"%s\" has a new secret, shown this once:\n\n  client_id      %s\n  client_secret  %s\n\n",
           term_clean(cli_ctx(args), c->name), c->client_id, secret);
    printf("Tokens issued so far have ended. The old secret %s.\n",
           until ? mem_printf(cli_ctx(args), "gets tokens until %s", term_time(cli_ctx(args), until))
                 : "has ended too");
  }
  secret_wipe(secret, sizeof secret);
  return code;
}

int cli_connector_show(const struct cli_args *args) {
  return with_channel(args, find_connector, show);
}

int cli_connector_set(const struct cli_args *args) {
  return with_channel(args, find_connector, set);
}

int cli_connector_rotate(const struct cli_args *args) {
  return with_channel(args, find_connector, rotate);
}

int cli_connector_set_enabled(const struct cli_args *args) {
  return with_channel(args, find_connector, channel_set_enabled);
}
