/* Words of the command line to rows of the setup. Looks only into the instance that is meant: an id of another is
 * unknown here. Reads the registry's snapshot, changes nothing. */
#include "cli/find.h"

#include "base/text.h"
#include "cli/args.h"

#include <string.h>
#include <strings.h>

/* The id in `word`, else 0. An id goes before a name that looks like one. */
static int64_t id_of(const char *word) {
  int64_t id = 0;
  return parse_int(word, 1, INT64_MAX, &id) ? id : 0;
}

/* kind 0: any */
static const struct channel *channel_like(const struct cli_store *s, int kind, const char *word) {
  int64_t id = id_of(word);
  for (int i = 0; i < s->registry->channel_count; i++) {
    const struct channel *c = &s->registry->channels[i];
    if (c->instance_id != s->instance->id || (kind && (int)c->kind != kind)) continue;
    if (c->id == id || !strcmp(c->name, word) || !strcasecmp(c->client_id, word)) return c;
  }
  return NULL;
}

const struct channel *find_connector(const struct cli_store *s, const char *word) {
  const struct channel *c = channel_like(s, CHANNEL_KIAMO_IO, word);
  if (!c)
    cli_fail(CLI_NOT_FOUND, "there is no connector \"%s\" in \"%s\"; guichet connector list shows them", word,
             s->instance->name);
  return c;
}

const struct channel *find_custom_channel(const struct cli_store *s, const char *word) {
  const struct channel *c = channel_like(s, CHANNEL_VOXIMPLANT, word);
  if (!c)
    cli_fail(CLI_NOT_FOUND, "there is no channel \"%s\" in \"%s\"; guichet channel list shows them", word,
             s->instance->name);
  return c;
}

const struct channel *find_channel(const struct cli_store *s, const char *word) {
  const struct channel *c = channel_like(s, 0, word);
  if (!c)
    cli_fail(CLI_NOT_FOUND,
             "there is no connector \"%s\" in \"%s\"; guichet connector list and guichet channel list show them", word,
             s->instance->name);
  return c;
}

const struct account_token *find_account_token(const struct cli_store *s, const char *word) {
  int64_t id = id_of(word);
  for (int i = 0; i < s->registry->account_token_count; i++) {
    const struct account_token *t = &s->registry->account_tokens[i];
    if (t->instance_id == s->instance->id && (t->id == id || !strcmp(t->name, word))) return t;
  }
  cli_fail(CLI_NOT_FOUND, "there is no account token \"%s\" in \"%s\"; guichet account-token list shows them", word,
           s->instance->name);
  return NULL;
}

const struct service *find_service(const struct cli_store *s, const char *word) {
  const struct service *v = registry_service(s->registry, id_of(word));
  if (v && v->instance_id == s->instance->id) return v;
  for (int i = 0; i < s->registry->service_count; i++) {
    v = &s->registry->services[i];
    if (v->instance_id == s->instance->id && !strcmp(v->name, word)) return v;
  }
  cli_fail(CLI_NOT_FOUND, "there is no service \"%s\" in \"%s\"; guichet service list shows them", word,
           s->instance->name);
  return NULL;
}

const struct agent *find_agent(const struct cli_store *s, const char *word) {
  const struct agent *a = registry_agent(s->registry, id_of(word));
  if (a && a->instance_id == s->instance->id) return a;
  for (int i = 0; i < s->registry->agent_count; i++) {
    a = &s->registry->agents[i];
    if (a->instance_id == s->instance->id && !strcmp(a->login, word)) return a;
  }
  cli_fail(CLI_NOT_FOUND, "there is no agent \"%s\" in \"%s\"; guichet agent list shows them", word, s->instance->name);
  return NULL;
}

const struct api_token *find_token(const struct cli_store *s, const char *word) {
  int64_t id = id_of(word);
  const struct api_token *labelled = NULL;
  int same = 0;
  for (int i = 0; i < s->registry->token_count; i++) {
    const struct api_token *t = &s->registry->tokens[i];
    if (t->instance_id != s->instance->id) continue;
    if (t->id == id) return t;
    if (strcmp(t->label, word) != 0) continue;
    labelled = t;
    same++;
  }
  if (same == 1) return labelled;
  if (same > 1) {
    cli_fail(CLI_NOT_FOUND, "%d tokens are labelled \"%s\": name the one by its id; guichet token list shows them",
             same, word);
    return NULL;
  }
  cli_fail(CLI_NOT_FOUND, "there is no token \"%s\" in \"%s\"; guichet token list shows them", word, s->instance->name);
  return NULL;
}

/* Is the field before the colon one of the command's flags? "first name" is --first-name. */
static bool names_flag(const struct cli_args *args, const char *err) {
  size_t len = strcspn(err, ":");
  const struct cli_flag *f;
  for (int i = 0; (f = args_flag(cli_args_command(args), i)); i++) {
    if (strlen(f->name) != len) continue;
    size_t same = 0;
    while (same < len && (f->name[same] == err[same] || (f->name[same] == '-' && err[same] == ' '))) same++;
    if (same == len) return true;
  }
  return false;
}

int setup_refused(const struct cli_args *args, const struct cli_store *s, const char *err) {
  struct store_stats stats;
  store_stats(s->store, &stats);
  return cli_fail(stats.down || stats.full_now ? CLI_FAILED : CLI_REFUSED, "%s%s", names_flag(args, err) ? "--" : "",
                  err);
}
