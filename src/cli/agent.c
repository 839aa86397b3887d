/* People who log in: agents, supervisors, administrators. Passwords are made here or read from standard input, shown
 * once when made, stored as argon2id. Works beside a running server; disabling ends a person's sessions. */
#include "cli/run.h"

#include "base/mem.h"
#include "base/secret.h"
#include "cli/find.h"
#include "cli/listing.h"
#include "cli/password.h"
#include "store/setup.h"

#include <string.h>

static int profile_of(const struct cli_args *args, enum agent_profile *ret) {
  static const enum agent_profile all[] = {PROFILE_AGENT, PROFILE_SUPERVISOR, PROFILE_ADMINISTRATOR};
  const char *word = cli_text(args, "profile", agent_profile_word(PROFILE_AGENT));
  for (size_t i = 0; i < ARRAY_LEN(all); i++) {
    if (strcmp(agent_profile_word(all[i]), word) != 0) continue;
    *ret = all[i];
    return CLI_OK;
  }
  return cli_fail(CLI_USAGE, "--profile is agent, supervisor or administrator, not \"%s\"", word);
}

/* From standard input, or a new one; *ret_made tells which. */
static int get_password(const struct cli_args *args, char out[static PASSWORD_MAX + 1], bool *ret_made) {
  *ret_made = !cli_has(args, "password-stdin");
  if (!*ret_made) return password_read(out);
  password_make(out);
  return CLI_OK;
}

/* password: NULL when the person knows it. */
static int print_person(const struct cli_args *args, const char *id, const char *login, const char *password) {
  if (cli_json(args)) {
    struct output o;
    output_begin(&o, cli_ctx(args));
    jw_object(&o.w);
    jw_key(&o.w, "id");
    jw_raw(&o.w, id, strlen(id));
    jw_kstr(&o.w, "login", login);
    if (password) jw_kstr(&o.w, "password", password);
    jw_object_end(&o.w);
    return output_end(&o);
  }
  printf("  id        %s\n  login     %s\n", id, term_clean(cli_ctx(args), login));
  if (password) printf("  password  %s   (shown this once)\n", password);
  return CLI_OK;
}

static int create(const struct cli_args *args, const struct cli_store *s, const char *password, bool made) {
  struct setup_agent a = {
      .login = cli_text(args, "login", ""),
      .password = password,
      .first_name = cli_text(args, "first-name", ""),
      .last_name = cli_text(args, "last-name", ""),
  };
  int code = profile_of(args, &a.profile);
  if (code != CLI_OK) return code;
  int64_t id = 0;
  char err[256];
  if (!setup_agent_create(s->store, s->instance->id, &a, &id, err)) return setup_refused(args, s, err);
  return print_person(args, output_number(cli_ctx(args), id), a.login, made ? password : NULL);
}

static int create_with_password(const struct cli_args *args, const struct cli_store *s) {
  char password[PASSWORD_MAX + 1];
  bool made = false;
  int code = get_password(args, password, &made);
  if (code == CLI_OK) code = create(args, s, password, made);
  secret_wipe(password, sizeof password);
  return code;
}

int cli_agent_create(const struct cli_args *args) {
  return cli_with_store(args, create_with_password);
}

static void put_json(struct output *o, const struct agent *a) {
  jw_object(&o->w);
  jw_kint(&o->w, "id", a->id);
  jw_kstr(&o->w, "login", a->login);
  jw_kstr(&o->w, "name", a->display_name);
  jw_kstr(&o->w, "profile", agent_profile_word(a->profile));
  jw_kbool(&o->w, "enabled", a->enabled);
  jw_ktime(&o->w, "created_at", a->created_at);
  jw_object_end(&o->w);
}

static void rows(struct listing *l) {
  for (int i = 0; i < l->store->registry->agent_count; i++) {
    const struct agent *a = &l->store->registry->agents[i];
    if (a->instance_id != l->store->instance->id) continue;
    put_json(&l->out, a);
    term_table_add(l->table, (const char *const[]){output_number(cli_ctx(l->args), a->id), a->login, a->display_name,
                                                   agent_profile_word(a->profile), a->enabled ? "yes" : "no"});
  }
}

int cli_agent_list(const struct cli_args *args) {
  static const struct listing_kind kind = {
      .headings = {"ID", "LOGIN", "NAME", "PROFILE", "ENABLED", NULL},
      .rows = rows,
      .none = "no agent yet: guichet agent create --login NAME",
  };
  return listing_run(args, &kind);
}

static int set_password(const struct cli_args *args, const struct cli_store *s) {
  const struct agent *a = find_agent(s, cli_word(args, 0));
  char password[PASSWORD_MAX + 1];
  char err[256];
  bool made = false;
  if (!a) return CLI_NOT_FOUND;
  int code = get_password(args, password, &made);
  if (code == CLI_OK && !setup_agent_password(s->store, a->instance_id, a->id, password, err)) {
    code = setup_refused(args, s, err);
  } else if (code == CLI_OK) {
    code = print_person(args, output_number(cli_ctx(args), a->id), a->login, made ? password : NULL);
  }
  secret_wipe(password, sizeof password);
  return code;
}

int cli_agent_password(const struct cli_args *args) {
  return cli_with_store(args, set_password);
}

static int set_enabled(const struct cli_args *args, const struct cli_store *s) {
  const struct agent *a = find_agent(s, cli_word(args, 0));
  bool enabled = cli_enables(args);
  char err[256];
  if (!a) return CLI_NOT_FOUND;
  if (!setup_agent_enable(s->store, a->instance_id, a->id, enabled, err)) return setup_refused(args, s, err);
  const char *sentence = mem_printf(cli_ctx(args), "agent \"%s\" %s", a->login,
                                    enabled ? "may log in" : "may no longer log in; their sessions have ended");
  return output_done(args, a->id, sentence);
}

int cli_agent_set_enabled(const struct cli_args *args) {
  return cli_with_store(args, set_enabled);
}
