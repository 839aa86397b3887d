/* A client of a running Guichet: runs the outgoing-HTTP layer on the command's own thread until the answer is there.
 * Answers that are refusals become one sentence, in the words of the server, and the exit code that fits their status.
 * Whoever types a command may reach private addresses: the guard of the server's own requests does not apply. */
#include "cli/client.h"

#include "base/mem.h"
#include "base/text.h"
#include "jobs/outbound.h"

#include <ctype.h>
#include <string.h>

#define TIMEOUT_MS 120000
#define PAGE       200

struct client {
  struct outbound *outbound;
  struct conf conf; /* only its allow-list is set */
  const char *url;
};

struct waiting {
  struct client *client;
  struct client_answer answer;
  const char *error; /* NULL: there is an answer */
  bool done;
};

struct client *client_new(void *ctx, const char *url) {
  struct client *c = mem_new(ctx, struct client);
  char err[120];
  if (!cidr_list_parse(c, "*", &c->conf.allow_private_targets, err)) panic("%s", err);
  c->outbound = outbound_new(c, 1);
  outbound_set_conf(c->outbound, &c->conf);
  size_t len = strlen(url);
  while (len && url[len - 1] == '/') len--;
  c->url = mem_strndup(c, url, len);
  return c;
}

void client_free(struct client *c) {
  if (!c) return;
  outbound_free(c->outbound);
  mem_free(c);
}

static void arrived(void *arg, const struct outbound_result *r) {
  struct waiting *w = arg;
  w->done = true;
  if (!r->status || !r->complete || r->body_cut) {
    w->error = r->body_cut ? "the answer is too large" : mem_strdup(w->client, *r->error ? r->error : "no answer");
    return;
  }
  w->answer.status = r->status;
  w->answer.text = mem_strndup(w->client, r->body_len ? r->body : "", r->body_len);
  w->answer.len = r->body_len;
}

static enum cli_exit code_of(int status) {
  if (status == 404) return CLI_NOT_FOUND;
  if (status == 400 || status == 401 || status == 403 || status == 409 || status == 413 || status == 415)
    return CLI_REFUSED;
  return CLI_FAILED;
}

/* The server's own words: v3's problem details, Kiamo.io's errors, OAuth's and, inside "result", those of custom
 * channels all have one of these. */
static const char *reason_of(void *ctx, const struct jval *json) {
  static const char *const keys[] = {"detail", "error_description", "message", "title", "error"};
  const char *reason = "";
  if (jval_type(jval_get(json, "result")) == JT_OBJECT) json = jval_get(json, "result");
  for (size_t i = 0; i < ARRAY_LEN(keys) && !*reason; i++) {
    const char *text = jval_str(jval_get(json, keys[i]), NULL);
    if (text) reason = text;
  }
  const struct jval *first = jval_at(jval_get(json, "details"), 0);
  if (!first) first = jval_at(jval_get(json, "errors"), 0);
  const char *where = jval_str(jval_get(first, "path"), NULL);
  if (!where) where = jval_str(jval_get(first, "pointer"), NULL);
  const char *problem = jval_str(jval_get(first, "problem"), NULL);
  if (!problem) return reason;
  return mem_printf(ctx, "%s: %s%s%s", reason, where ? where : "", where ? ": " : "", problem);
}

static const char *advice(int status) {
  if (status == 401) return "; check the token or the secret, that it is not disabled, and what rights it has";
  if (status == 403) return "; the token lacks the right: see guichet token list";
  if (status == 429 || status == 503) return "; try again in a moment";
  return "";
}

static int refused(struct client *c, const struct client_answer *a) {
  const char *reason = reason_of(c, a->json);
  return cli_fail(code_of(a->status), "%s answers %d%s%s%s", c->url, a->status, *reason ? ": " : "", reason,
                  advice(a->status));
}

int client_call(struct client *c, const struct client_request *request, struct client_answer *ret) {
  const char *type = request->content_type ? mem_printf(c, "Content-Type: %s", request->content_type) : NULL;
  const char *const given[] = {"Accept: application/json", type, request->authorization, request->extra};
  const char *headers[ARRAY_LEN(given) + 1];
  size_t count = 0;
  for (size_t i = 0; i < ARRAY_LEN(given); i++) {
    if (given[i]) headers[count++] = given[i];
  }
  headers[count] = NULL;
  struct waiting w = {.client = c};
  const struct outbound_request out = {
      .method = request->method,
      .url = mem_printf(c, "%s%s", c->url, request->path),
      .headers = headers,
      .body = request->body,
      .body_len = request->body_len,
      .timeout_ms = TIMEOUT_MS,
      .body_max = CLIENT_ANSWER_MAX,
      .done = arrived,
      .arg = &w,
  };
  char err[160];
  if (!outbound_send(c->outbound, &out, err)) return cli_fail(CLI_USAGE, "--url: %s", err);
  while (!w.done) outbound_run(c->outbound, 1000);
  if (w.error) {
    return cli_fail(CLI_FAILED, "%s: %s; is guichet serve running there?", c->url, w.error);
  }
  struct jerror wrong;
  if (w.answer.len) w.answer.json = json_parse(c, w.answer.text, w.answer.len, &wrong);
  if (w.answer.status < 200 || w.answer.status > 299) return refused(c, &w.answer);
  if (w.answer.len && !w.answer.json) {
    return cli_fail(CLI_FAILED, "%s answers something else than JSON: is that Guichet?", c->url);
  }
  *ret = w.answer;
  return CLI_OK;
}

const char *client_token_header(const struct cli_args *args) {
  return mem_printf(cli_ctx(args), "Kiamo-Api-Token: %s", cli_text(args, "token", ""));
}

const char *client_encode(void *ctx, const char *text) {
  struct buf b;
  size_t len = strlen(text);
  buf_init(&b, ctx, len * 3 + 1, len * 3 + 1);
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (isalnum(c) || strchr("-._~", c)) {
      buf_putc(&b, *text);
    } else {
      buf_printf(&b, "%%%02X", c);
    }
  }
  return b.data;
}

int client_each(struct client *c, const struct client_pages *pages) {
  int64_t left = pages->limit;
  const char *cursor = NULL;
  while (left > 0) {
    char glue = strchr(pages->path, '?') ? '&' : '?';
    char *path = mem_printf(c, "%s%climit=%lld%s%s", pages->path, glue, (long long)(left < PAGE ? left : PAGE),
                            cursor ? "&cursor=" : "", cursor ? client_encode(c, cursor) : "");
    struct client_answer page;
    int code = client_call(c, &(struct client_request){"GET", path, pages->authorization}, &page);
    if (code != CLI_OK) return code;
    const struct jval *items = jval_get(page.json, "items");
    struct jspan list = jspan_member(jspan_of(page.text, page.len), "items");
    struct jspan item = {0};
    for (size_t i = 0; left > 0 && jspan_next(list, &item); i++, left--)
      pages->item(pages->arg, jval_at(items, i), item);
    cursor = jval_str(jval_get(page.json, "next"), NULL);
    if (!cursor || !jval_count(items)) return CLI_OK;
  }
  return CLI_OK;
}
