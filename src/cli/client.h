/* A client of a running Guichet, for commands: one request at a time, waited for. Talks to whatever address the user
 * names, private ones included. */
#pragma once

#include "base/buf.h"
#include "base/json.h"
#include "cli/cli.h"

#define CLIENT_ANSWER_MAX (64 << 20)

struct client;
/* url: "http://host:port", with or without a slash behind. */
struct client *client_new(void *ctx, const char *url);
void client_free(struct client *c);

struct client_request {
  const char *method;
  const char *path;          /* begins with '/' */
  const char *authorization; /* "Name: value"; NULL: none */
  const char *extra;         /* another header line; NULL: none */
  const char *content_type;  /* NULL: no body */
  const void *body;
  size_t body_len;
};
struct client_answer {
  int status;
  const char *text; /* NUL-terminated, child of the client's context */
  size_t len;
  const struct jval *json; /* NULL when it is none */
};
/* CLI_OK when there is an answer of 200 to 299 with JSON (or nothing) in it; else another code after saying why. */
int client_call(struct client *c, const struct client_request *request, struct client_answer *ret) MUST_CHECK;

/* The header of an API token: --token. */
const char *client_token_header(const struct cli_args *args);
/* Percent-encoded for a path or a query. Child of ctx. */
const char *client_encode(void *ctx, const char *text);

/* Walks a collection's pages: fn for every item, as read and as it stands, until `limit` items. CLI_OK or another code.
 */
struct client_pages {
  const char *path; /* may have a query */
  const char *authorization;
  int64_t limit;
  void (*item)(void *arg, const struct jval *item, struct jspan text);
  void *arg;
};
int client_each(struct client *c, const struct client_pages *pages) MUST_CHECK;
