/* A custom channel's connector: logs in and sends one event, in the shape of the vendor's client. The same --id again
 * is a retry: the server stores it once. */
#include "cli/send_kit.h"

#include "base/id.h"
#include "base/mem.h"
#include "cli/client.h"
#include "cli/output.h"

#include <string.h>

#define BODY_MAX (1 << 20)

static int missing(const struct cli_args *args, const char *const *flags) {
  for (; *flags; flags++)
    if (!cli_has(args, *flags)) return cli_fail(CLI_USAGE, "--%s is missing: --kind voximplant needs it", *flags);
  return CLI_OK;
}

static int get_token(const struct cli_args *args, struct client *c, const char **ret_token) {
  void *ctx = cli_ctx(args);
  *ret_token = cli_text(args, "token", NULL);
  if (*ret_token) return CLI_OK;
  int code = missing(args, (const char *const[]){"domain", "access-token", NULL});
  if (code != CLI_OK) return code;
  char *body = mem_printf(ctx, "channel_uuid=%s", client_encode(ctx, cli_text(args, "channel", "")));
  const struct client_request request = {
      .method = "POST",
      .path = mem_printf(ctx, "/api/v3/botService/login?access_token=%s&domain=%s",
                         client_encode(ctx, cli_text(args, "access-token", "")),
                         client_encode(ctx, cli_text(args, "domain", ""))),
      .content_type = "application/x-www-form-urlencoded",
      .body = body,
      .body_len = strlen(body),
  };
  struct client_answer answer;
  code = client_call(c, &request, &answer);
  if (code != CLI_OK) return code;
  *ret_token = jval_str(jval_get(jval_get(answer.json, "result"), "access_token"), NULL);
  return *ret_token ? CLI_OK : cli_fail(CLI_FAILED, "the answer holds no access_token: is that Guichet?");
}

static void put_event(const struct cli_args *args, struct jw *w, const char *id) {
  jw_object(w);
  jw_key(w, "client_data");
  jw_object(w);
  jw_kstr(w, "client_id", cli_text(args, "customer", ""));
  if (cli_has(args, "name")) jw_kstr(w, "client_display_name", cli_text(args, "name", ""));
  jw_object_end(w);
  jw_kstr(w, "event_id", id);
  jw_kstr(w, "event_type", "send_message");
  jw_key(w, "event_data");
  jw_object(w);
  jw_key(w, "message");
  jw_object(w);
  jw_kstr(w, "message_id", id);
  jw_kstr(w, "text", cli_text(args, "text", ""));
  jw_object_end(w);
  jw_object_end(w);
  jw_object_end(w);
}

static int print_answer(const struct cli_args *args, const struct client_answer *a, const char *token, const char *id) {
  if (!cli_json(args)) {
    printf("stored (%d): %s\n", a->status, id);
    return CLI_OK;
  }
  struct output o;
  output_begin(&o, cli_ctx(args));
  jw_object(&o.w);
  jw_kint(&o.w, "status", a->status);
  jw_kstr(&o.w, "event", id);
  jw_kstr(&o.w, "access_token", token);
  jw_key(&o.w, "answer");
  jw_raw(&o.w, a->text, a->len);
  jw_object_end(&o.w);
  return output_end(&o);
}

int send_kit(const struct cli_args *args) {
  static const char *const others[] = {"client-id", "client-secret", "file", "history", "created-at"};
  for (size_t i = 0; i < ARRAY_LEN(others); i++)
    if (cli_has(args, others[i])) return cli_fail(CLI_USAGE, "--%s belongs to --kind kiamo_io", others[i]);
  int code = missing(args, (const char *const[]){"channel", "customer", "text", NULL});
  if (code != CLI_OK) return code;
  void *ctx = cli_ctx(args);
  char made[33];
  id_random_hex(16, made);
  const char *id = cli_text(args, "id", made), *token = NULL;
  struct buf body;
  buf_init(&body, ctx, 1024, BODY_MAX);
  struct jw w = jw_into(&body);
  put_event(args, &w, id);
  if (body.failed) return cli_fail(CLI_REFUSED, "the event is larger than %d MiB", BODY_MAX >> 20);
  struct client *c = client_new(ctx, cli_text(args, "url", CLI_DEFAULT_URL));
  code = get_token(args, c, &token);
  if (code == CLI_OK) {
    const struct client_request request = {
        .method = "POST",
        .path = mem_printf(ctx, "/%s", client_encode(ctx, cli_text(args, "channel", ""))),
        .authorization = mem_printf(ctx, "Authorization: Bearer %s", token),
        .content_type = "application/json",
        .body = body.data,
        .body_len = body.len,
    };
    struct client_answer answer;
    code = client_call(c, &request, &answer);
    if (code == CLI_OK) code = print_answer(args, &answer, token, id);
  }
  client_free(c);
  return code;
}
