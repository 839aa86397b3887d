/* An agent's answer from a terminal. Each run has its own idempotency key, so a request that the network repeats is one
 * answer. */
#include "cli/run.h"

#include "base/id.h"
#include "base/mem.h"
#include "cli/client.h"
#include "cli/file.h"
#include "cli/output.h"

#include <string.h>

#define BODY_MAX (256 << 20)

static void put_file(struct jw *w, int index, const struct file_given *f) {
  (void)index;
  jw_object(w);
  jw_kstr(w, "name", f->name);
  jw_kstr(w, "mime_type", f->type);
  jw_key(w, "data");
  jw_base64(w, f->bytes, f->len);
  jw_object_end(w);
}

static int build(const struct cli_args *args, struct buf *body) {
  struct jw w = jw_into(body);
  jw_object(&w);
  jw_kstr(&w, "text", cli_word(args, 1) ? cli_word(args, 1) : "");
  int code = CLI_OK;
  if (cli_has(args, "file")) {
    jw_key(&w, "attachments");
    jw_array(&w);
    code = file_each_given(args, put_file, &w);
    jw_array_end(&w);
  }
  jw_object_end(&w);
  if (code == CLI_OK && body->failed) {
    return cli_fail(CLI_REFUSED, "the request is larger than %d MiB: send less at once", BODY_MAX >> 20);
  }
  return code;
}

static int print_answer(const struct cli_args *args, const struct client_answer *a) {
  if (cli_json(args)) {
    struct output o;
    output_begin(&o, cli_ctx(args));
    jw_raw(&o.w, a->text, a->len);
    return output_end(&o);
  }
  const char *id = jval_str(jval_get(a->json, "id"), NULL);
  printf("stored, and on its way to the partner: message %s\n", id ? id : "?");
  return CLI_OK;
}

int cli_reply(const struct cli_args *args) {
  void *ctx = cli_ctx(args);
  if (!cli_word(args, 1) && !cli_has(args, "file")) {
    return cli_fail(CLI_USAGE, "nothing to send: give the text in quotes behind the ID, or --file");
  }
  struct buf body;
  buf_init(&body, ctx, 4096, BODY_MAX);
  int code = build(args, &body);
  if (code != CLI_OK) return code;
  char key[33];
  id_random_hex(16, key);
  struct client *c = client_new(ctx, cli_text(args, "url", CLI_DEFAULT_URL));
  const struct client_request request = {
      .method = "POST",
      .path = mem_printf(ctx, "/api/v3/interaction/interactions/%s/messages", client_encode(ctx, cli_word(args, 0))),
      .authorization = client_token_header(args),
      .extra = mem_printf(ctx, "Idempotency-Key: %s", key),
      .content_type = "application/json",
      .body = body.data,
      .body_len = body.len,
  };
  struct client_answer answer;
  code = client_call(c, &request, &answer);
  if (code == CLI_OK) code = print_answer(args, &answer);
  client_free(c);
  return code;
}
