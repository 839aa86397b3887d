/* A partner's side: gets a token and sends messages, as a connector's platform would. History goes first and in the
 * same request. Sending the same --id and --created-at again is a retry: the server stores it once. */
#include "cli/run.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/file.h"
#include "cli/output.h"
#include "cli/send_kit.h"

#include <string.h>

#define BODY_MAX (256 << 20)

/* ---- the body ---- */

static void put_file(struct jw *w, int index, const struct file_given *f) {
  char id[16];
  snprintf(id, sizeof id, "f%d", index + 1);
  jw_object(w);
  jw_kstr(w, "id", id);
  jw_kstr(w, "name", f->name);
  jw_kstr(w, "mime_type", f->type);
  jw_key(w, "content");
  jw_object(w);
  jw_kstr(w, "type", "base64");
  jw_key(w, "data");
  jw_base64(w, f->bytes, f->len);
  jw_object_end(w);
  jw_object_end(w);
}

static int put_message(const struct cli_args *args, struct jw *w, const char *id) {
  const char *customer = cli_text(args, "customer", "");
  jw_object(w);
  jw_kstr(w, "id", id);
  jw_kint(w, "created_at", cli_int(args, "created-at", clock_wall_ms() / 1000));
  jw_kstr(w, "customer_id", customer);
  jw_key(w, "sender");
  jw_object(w);
  jw_kstr(w, "type", "human");
  jw_kstr(w, "id", customer);
  jw_kstr(w, "name", cli_text(args, "name", customer));
  jw_object_end(w);
  jw_key(w, "body");
  jw_object(w);
  jw_kstr(w, "message", cli_text(args, "text", ""));
  int code = CLI_OK;
  if (cli_has(args, "file")) {
    jw_key(w, "attachments");
    jw_array(w);
    code = file_each_given(args, put_file, w);
    jw_array_end(w);
  }
  jw_object_end(w);
  jw_object_end(w);
  return code;
}

/* The file's messages as they stand: an array, or an object with the member "messages". */
static int put_history(const struct cli_args *args, struct jw *w, struct jw *ids) {
  const char *path = cli_text(args, "history", NULL);
  if (!path) return CLI_OK;
  char *text = NULL;
  size_t len = 0;
  int code = file_read(cli_ctx(args), "history", path, &text, &len);
  if (code != CLI_OK) return code;
  struct jerror wrong;
  const struct jval *doc = json_parse(cli_ctx(args), text, len, &wrong);
  if (!doc) return cli_fail(CLI_USAGE, "--history: %s: %s (byte %zu)", path, wrong.text, wrong.offset);
  struct jspan list = jspan_of(text, len);
  if (jval_type(doc) == JT_OBJECT) {
    doc = jval_get(doc, "messages");
    list = jspan_member(list, "messages");
  }
  if (jval_type(doc) != JT_ARRAY) {
    return cli_fail(CLI_USAGE, "--history: %s holds neither an array of messages nor {\"messages\":[…]}", path);
  }
  struct jspan one = {0};
  for (size_t i = 0; jspan_next(list, &one); i++) {
    jw_raw(w, one.text, one.len);
    jw_str(ids, jval_str(jval_get(jval_at(doc, i), "id"), NULL));
  }
  return CLI_OK;
}

/* ---- the way ---- */

static int get_token(const struct cli_args *args, struct client *c, const char **ret_token) {
  *ret_token = cli_text(args, "token", NULL);
  if (*ret_token) return CLI_OK;
  const char *id = cli_text(args, "client-id", NULL);
  const char *secret = cli_text(args, "client-secret", NULL);
  if (!id)
    return cli_fail(CLI_USAGE, "--client-id is missing: who sends? (Or give --token, an access token from before.)");
  if (!secret) return cli_fail(CLI_USAGE, "--client-secret is missing: it was shown when the connector was made");
  char *body = mem_printf(cli_ctx(args), "grant_type=client_credentials&client_id=%s&client_secret=%s",
                          client_encode(cli_ctx(args), id), client_encode(cli_ctx(args), secret));
  const struct client_request request = {
      .method = "POST",
      .path = "/oauth2/v1/token",
      .content_type = "application/x-www-form-urlencoded",
      .body = body,
      .body_len = strlen(body),
  };
  struct client_answer answer;
  int code = client_call(c, &request, &answer);
  if (code != CLI_OK) return code;
  *ret_token = jval_str(jval_get(answer.json, "access_token"), NULL);
  if (!*ret_token) return cli_fail(CLI_FAILED, "the answer holds no access_token: is that Guichet?");
  return CLI_OK;
}

static int print_answer(const struct cli_args *args, const struct client_answer *a, const char *token,
                        struct buf *ids) {
  if (!cli_json(args)) {
    printf("stored (%d): %s\n", a->status, ids->data);
    return CLI_OK;
  }
  struct output o;
  output_begin(&o, cli_ctx(args));
  jw_object(&o.w);
  jw_kint(&o.w, "status", a->status);
  jw_key(&o.w, "messages");
  jw_raw(&o.w, ids->data, ids->len);
  jw_kstr(&o.w, "access_token", token);
  jw_key(&o.w, "answer");
  jw_raw(&o.w, a->len ? a->text : "null", a->len ? a->len : 4);
  jw_object_end(&o.w);
  return output_end(&o);
}

static int send_body(const struct cli_args *args, const struct buf *body, struct buf *ids) {
  struct client *c = client_new(cli_ctx(args), cli_text(args, "url", CLI_DEFAULT_URL));
  const char *token = NULL;
  int code = get_token(args, c, &token);
  if (code == CLI_OK) {
    const struct client_request request = {
        .method = "POST",
        .path = "/messaging/v1/messages",
        .authorization = mem_printf(cli_ctx(args), "Authorization: Bearer %s", token),
        .content_type = "application/json",
        .body = body->data,
        .body_len = body->len,
    };
    struct client_answer answer;
    code = client_call(c, &request, &answer);
    if (code == CLI_OK) code = print_answer(args, &answer, token, ids);
  }
  client_free(c);
  return code;
}

static int send_kiamo_io(const struct cli_args *args) {
  bool speaks = cli_has(args, "text") || cli_has(args, "file");
  if (!speaks && !cli_has(args, "history"))
    return cli_fail(CLI_USAGE, "nothing to send: give --text, --file or --history");
  if (speaks && !cli_has(args, "customer")) return cli_fail(CLI_USAGE, "--customer is missing: who writes?");
  char made[17];
  id_random_hex(8, made);
  const char *id = cli_text(args, "id", made);
  struct buf body;
  struct buf id_list;
  buf_init(&body, cli_ctx(args), 4096, BODY_MAX);
  buf_init(&id_list, cli_ctx(args), 256, BODY_MAX);
  struct jw w = jw_into(&body);
  struct jw ids = jw_into(&id_list);
  jw_object(&w);
  jw_key(&w, "messages");
  jw_array(&w);
  jw_array(&ids);
  int code = put_history(args, &w, &ids);
  if (code == CLI_OK && speaks) {
    code = put_message(args, &w, id);
    jw_str(&ids, id);
  }
  jw_array_end(&ids);
  jw_array_end(&w);
  jw_object_end(&w);
  if (code != CLI_OK) return code;
  if (body.failed) return cli_fail(CLI_REFUSED, "the request is larger than %d MiB: send less at once", BODY_MAX >> 20);
  return send_body(args, &body, &id_list);
}

/* The partners of each kind of channel. */
static const struct {
  const char *kind;
  int (*send)(const struct cli_args *args);
} partners[] = {{"kiamo_io", send_kiamo_io}, {"voximplant", send_kit}};

int cli_send(const struct cli_args *args) {
  const char *kind = cli_text(args, "kind", partners[0].kind);
  for (size_t i = 0; i < ARRAY_LEN(partners); i++)
    if (!strcmp(partners[i].kind, kind)) return partners[i].send(args);
  return cli_fail(CLI_USAGE, "--kind: \"%s\" is not one of kiamo_io, voximplant", kind);
}
