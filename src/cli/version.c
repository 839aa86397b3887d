/* Which program this is. */
#include "cli/run.h"

#include "cli/output.h"

#ifndef GUICHET_VERSION
#error "GUICHET_VERSION and GUICHET_BUILT come from src/cli/meson.build"
#endif

int cli_version(const struct cli_args *args) {
  if (!cli_json(args)) {
    printf("guichet %s\n", GUICHET_VERSION);
    return CLI_OK;
  }
  struct output o;
  output_begin(&o, cli_ctx(args));
  jw_object(&o.w);
  jw_kstr(&o.w, "name", "guichet");
  jw_kstr(&o.w, "version", GUICHET_VERSION);
  jw_ktime(&o.w, "built", (int64_t)GUICHET_BUILT * 1000);
  jw_kstr(&o.w, "compiler", __VERSION__);
  jw_object_end(&o.w);
  return output_end(&o);
}
