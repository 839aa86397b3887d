/* A new data folder: store, master key, first instance, first administrator; with --demo all that a first try needs.
 * Passwords, secrets and tokens are printed here and never again. Touches no folder that already holds a store. */
#include "cli/run.h"

#include "base/mem.h"
#include "base/secret.h"
#include "cli/demo.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/term.h"
#include "store/setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEMO_WEBHOOK "http://127.0.0.1:9099/webhook"
#define DEMO_RIGHTS  "interaction:GET,POST,PUT,DELETE;agent:GET,POST,PUT,DELETE"

struct made {
  const char *dir;
  int64_t instance_id;
  const char *instance;
  char admin_password[PASSWORD_MADE_LEN];
  bool demo;
  int64_t service_id, channel_id;
  char client_id[CLIENT_ID_LEN];
  char client_secret[CLIENT_SECRET_LEN];
  char agent_password[PASSWORD_MADE_LEN], colleague_password[PASSWORD_MADE_LEN];
  char token[API_TOKEN_LEN];
};

static bool make_demo(struct store *s, struct made *m, char err[static 256]) {
  if (!setup_service_create(s, m->instance_id, "Customer care", 5, &m->service_id, err)) return false;
  password_make(m->agent_password);
  const struct setup_agent agent = {
      .login = "demo", .password = m->agent_password, .first_name = "Demo", .last_name = "Agent"};
  password_make(m->colleague_password);
  const struct setup_agent colleague = {
      .login = "sam", .password = m->colleague_password, .first_name = "Sam", .last_name = "Rivers"};
  int64_t id = 0;
  if (!setup_agent_create(s, m->instance_id, &agent, &id, err) ||
      !setup_agent_create(s, m->instance_id, &colleague, &id, err) || !demo_fill(s, m->instance_id, err))
    return false;
  const struct setup_channel channel = {.name = "demo-bot", .webhook_url = DEMO_WEBHOOK, .service_id = m->service_id};
  if (!setup_channel_create(s, m->instance_id, CHANNEL_KIAMO_IO, &channel, &m->channel_id, m->client_id,
                            m->client_secret, err)) {
    return false;
  }
  int64_t rights = 0;
  char wrong[160];
  if (!rights_parse(DEMO_RIGHTS, &rights, wrong)) panic("the demo's rights: %s", wrong);
  return setup_token_create(s, m->instance_id, "demo", rights, &id, m->token, err);
}

static int fill(struct store *s, const struct registry *r, struct made *m) {
  const struct instance *instance = registry_instance_named(r, NULL);
  if (!instance) return cli_fail(CLI_FAILED, "the new store holds no instance");
  m->instance_id = instance->id;
  char err[256];
  password_make(m->admin_password);
  const struct setup_agent admin = {.login = "admin",
                                    .password = m->admin_password,
                                    .first_name = "",
                                    .last_name = "",
                                    .profile = PROFILE_ADMINISTRATOR};
  int64_t id = 0;
  if (!setup_agent_create(s, m->instance_id, &admin, &id, err)) return cli_fail(CLI_FAILED, "%s", err);
  if (m->demo && !make_demo(s, m, err)) return cli_fail(CLI_FAILED, "%s", err);
  return CLI_OK;
}

/* ---- telling ---- */

static int print_json(const struct cli_args *args, const struct made *m) {
  struct output o;
  output_begin(&o, cli_ctx(args));
  struct jw *w = &o.w;
  jw_object(w);
  jw_kstr(w, "data", m->dir);
  jw_key(w, "instance");
  jw_object(w);
  jw_kint(&o.w, "id", m->instance_id);
  jw_kstr(w, "name", m->instance);
  jw_object_end(w);
  jw_key(w, "admin");
  jw_object(w);
  jw_kstr(w, "login", "admin");
  jw_kstr(w, "password", m->admin_password);
  jw_object_end(w);
  if (m->demo) {
    jw_key(w, "demo");
    jw_object(w);
    jw_key(w, "service");
    jw_object(w);
    jw_kint(&o.w, "id", m->service_id);
    jw_kstr(w, "name", "Customer care");
    jw_object_end(w);
    jw_key(w, "connector");
    jw_object(w);
    jw_kint(&o.w, "id", m->channel_id);
    jw_kstr(w, "client_id", m->client_id);
    jw_kstr(w, "client_secret", m->client_secret);
    jw_object_end(w);
    jw_key(w, "agent");
    jw_object(w);
    jw_kstr(w, "login", "demo");
    jw_kstr(w, "password", m->agent_password);
    jw_object_end(w);
    jw_key(w, "colleague");
    jw_object(w);
    jw_kstr(w, "login", "sam");
    jw_kstr(w, "password", m->colleague_password);
    jw_object_end(w);
    jw_kstr(w, "token", m->token);
    jw_object_end(w);
  }
  jw_object_end(w);
  return output_end(&o);
}

static void print_demo(const struct made *m, const char *program) {
  printf("  agents         demo / %s\n"
         "                 sam / %s\n"
         "  connector      demo-bot, webhook " DEMO_WEBHOOK "\n"
         "    client_id      %s\n"
         "    client_secret  %s\n"
         "  API token      %s\n\n",
         m->agent_password, m->colleague_password, m->client_id, m->client_secret, m->token);
  printf("Try it, each in a terminal of its own.\n\n"
         "The server (a webhook on this machine is a private address, so it must be allowed):\n"
         "  %s serve --data %s --allow-private-targets 127.0.0.0/8\n\n"
         "The partner's webhook:\n"
         "  %s listen --port 9099 --secret %s\n\n",
         program, m->dir, program, m->client_secret);
  printf("A customer writes, an agent sees it and answers (the ID is in the list):\n"
         "  %s send --client-id %s --client-secret %s --customer ann --text \"Hello\"\n"
         "  %s interactions --token %s\n"
         "  %s reply --token %s ID \"Hello Ann, how can I help?\"\n\n",
         program, m->client_id, m->client_secret, program, m->token, program, m->token);
  printf("The same by curl:\n"
         "  curl -s http://127.0.0.1:8080/oauth2/v1/token -F grant_type=client_credentials -F client_id=%s -F "
         "client_secret=%s\n"
         "  curl -s http://127.0.0.1:8080/messaging/v1/messages -H \"Authorization: Bearer ACCESS_TOKEN\" -H "
         "\"Content-Type: application/json\" \\\n"
         "    -d '{\"messages\":[{\"id\":\"1\",\"created_at\":1700000000,\"customer_id\":\"ann\","
         "\"sender\":{\"type\":\"human\",\"id\":\"ann\",\"name\":\"Ann\"},\"body\":{\"message\":\"Hello\"}}]}'\n"
         "  curl -s http://127.0.0.1:8080/api/v3/interaction/interactions -H \"Kiamo-Api-Token: %s\"\n",
         m->client_id, m->client_secret, m->token);
}

static void print_text(const struct cli_args *args, const struct made *m) {
  void *ctx = cli_ctx(args);
  const char *program = term_clean(ctx, program_invocation_name);
  printf("Made the instance \"%s\" in %s. What follows is shown this once.\n\n"
         "  administrator  admin / %s\n",
         term_clean(ctx, m->instance), term_clean(ctx, m->dir), m->admin_password);
  if (m->demo) {
    print_demo(m, program);
  } else {
    printf("\nNext: %s connector create --data %s --name NAME --webhook URL\n      %s serve --data %s\n", program,
           m->dir, program, m->dir);
  }
  printf("\nKeep a copy of %s/master.key apart from backups: without it the secrets in them cannot be read.\n", m->dir);
}

/* ---- the command ---- */

static int fill_and_print(const struct cli_args *args, struct made *m) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  code = fill(s.store, s.registry, m);
  cli_store_end(&s);
  if (code != CLI_OK) return code;
  if (cli_json(args)) return print_json(args, m);
  print_text(args, m);
  return CLI_OK;
}

int cli_init(const struct cli_args *args) {
  struct made m = {.demo = cli_has(args, "demo"), .instance = cli_text(args, "name", "Guichet")};
  m.dir = cli_data(args);
  if (!m.dir) return CLI_USAGE;
  char err[256];
  const char *url = cli_store_url(args);
  bool made = url ? store_create_remote(m.dir, url, m.instance, err) : store_create(m.dir, m.instance, err);
  if (!made) return cli_fail(CLI_REFUSED, "%s", err);
  int code = fill_and_print(args, &m);
  secret_wipe(&m, sizeof m);
  return code;
}
