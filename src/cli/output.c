/* JSON on standard output: built whole, then printed at once, so that a failure on the way leaves nothing half-written.
 * At most 256 MiB. */
#include "cli/output.h"

#include "base/mem.h"

#define OUTPUT_MAX (256 << 20)

void output_begin(struct output *o, void *ctx) {
  buf_init(&o->text, ctx, 1024, OUTPUT_MAX);
  o->w = jw_into(&o->text);
}

int output_end(struct output *o) {
  if (o->text.failed) return cli_fail(CLI_FAILED, "the answer is larger than 256 MiB: ask for less");
  fwrite(o->text.data, 1, o->text.len, stdout);
  fputc('\n', stdout);
  return CLI_OK;
}

const char *output_number(void *ctx, int64_t id) {
  return mem_printf(ctx, "%lld", (long long)id);
}

const char *output_hex(void *ctx, int64_t instance, int64_t id) {
  char *out = mem_bytes(ctx, ID_HEX_LEN);
  return id_format(instance, id, out);
}

void output_id(struct output *o, const char *key, int64_t instance, int64_t id) {
  char hex[ID_HEX_LEN];
  jw_kstr(&o->w, key, id_format(instance, id, hex));
}

int output_done(const struct cli_args *args, int64_t id, const char *sentence) {
  if (!cli_json(args)) {
    printf("%s\n", sentence);
    return CLI_OK;
  }
  struct output o;
  output_begin(&o, cli_ctx(args));
  jw_object(&o.w);
  jw_kint(&o.w, "id", id);
  jw_object_end(&o.w);
  return output_end(&o);
}
