/* Commands on one connector or custom channel, beside a running server that may be there. */
#include "cli/one_channel.h"

#include "base/mem.h"
#include "cli/find.h"
#include "cli/output.h"
#include "store/setup.h"

#include <string.h>

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
  bool enabled = strcmp(command->sub, "enable") == 0;
  char err[256];
  if (!setup_channel_enable(s->store, c->instance_id, c->id, enabled, err)) return setup_refused(args, s, err);
  const char *sentence = mem_printf(cli_ctx(args), "%s \"%s\" is %s; tokens issued before have ended", command->name,
                                    c->name, enabled ? "enabled" : "disabled");
  return output_done(args, c->id, sentence);
}
