/* Commands on one connector or custom channel, beside a running server that may be there. */
#include "cli/one_channel.h"

#include "base/mem.h"
#include "cli/find.h"
#include "store/setup.h"

int with_channel(const struct cli_args *args, find_channel_fn *find, channel_fn *fn) {
  struct cli_store s;
  int code = cli_store_begin(args, &s);
  if (code != CLI_OK) return code;
  const struct channel *c = find(&s, cli_word(args, 0));
  code = c ? fn(args, &s, c) : CLI_NOT_FOUND;
  cli_store_end(&s);
  return code;
}

int channel_set_enabled(const struct cli_args *args, const struct cli_store *s, const struct channel *c) {
  const struct cli_command *command = cli_args_command(args);
  bool enabled = cli_enables(args);
  char err[256];
  if (!setup_channel_enable(s->store, c->instance_id, c->id, enabled, err)) return setup_refused(args, s, err);
  const char *sentence = mem_printf(cli_ctx(args), "%s \"%s\" is %s; tokens issued before have ended", command->name,
                                    c->name, enabled ? "enabled" : "disabled");
  return output_done(args, c->id, sentence);
}

int channel_service(const struct cli_args *args, const struct cli_store *s, int64_t *ret_id) {
  const char *word = cli_text(args, "service", NULL);
  const struct service *v = word ? find_service(s, word) : NULL;
  if (v) *ret_id = v->id;
  return word && !v ? CLI_NOT_FOUND : CLI_OK;
}

const char *service_name(const struct registry *r, int64_t id) {
  const struct service *v = registry_service(r, id);
  return v ? v->name : "";
}

void put_named(struct output *o, const char *key, int64_t id, const char *name) {
  jw_key(&o->w, key);
  jw_object(&o->w);
  jw_kint(&o->w, "id", id);
  jw_kstr(&o->w, "name", name);
  jw_object_end(&o->w);
}

void list_channels(struct listing *l, enum channel_kind kind, put_channel_fn *put) {
  const struct registry *r = l->store->registry;
  for (int i = 0; i < r->channel_count; i++) {
    const struct channel *c = &r->channels[i];
    if (c->instance_id != l->store->instance->id || c->kind != kind) continue;
    put(&l->out, r, c);
    term_table_add(l->table, (const char *const[]){output_number(cli_ctx(l->args), c->id), c->name,
                                                   c->enabled ? "yes" : "no", service_name(r, c->service_id),
                                                   c->client_id, *c->webhook_url ? c->webhook_url : "-"});
  }
}
