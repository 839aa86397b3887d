/* A request and its reply. Lives in one talloc pool from the first header to the last byte sent.
 * Unless said otherwise a function may only be called by whoever holds the request: the HTTP thread inside a handler,
 * or, between request_suspend() and request_resume(), the one thread that was given it. */
#pragma once

#include "base/buf.h"
#include "base/fail.h"
#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS, HTTP_PATCH, HTTP_OTHER };
const char *http_method_name(enum http_method m);

#define ROUTE_PARAMS_MAX 4

struct request;
struct route;

void *request_pool(struct request *req);                    /* talloc context, freed after the last byte */
const struct conf *request_conf(const struct request *req); /* the settings this request began with */
const struct route *request_route(const struct request *req);
enum http_method request_method(const struct request *req);
const char *request_path(const struct request *req); /* decoded, as routed; without the query */
const char *request_param(const struct request *req,
                          int index); /* decoded {parameter} of the pattern; NULL beyond the last */
const char *request_query(const struct request *req, const char *name); /* decoded; NULL when absent; "" when empty */
const char *request_query_nth(const struct request *req, const char *name, int n); /* the same given again, from 0 */
const char *request_header(const struct request *req, const char *name);           /* any case; NULL when absent */
const char *request_body(const struct request *req, size_t *ret_len); /* complete body; NUL behind it; "" when none */
const struct sockaddr *request_peer(const struct request *req); /* the client: behind a trusted proxy, whom it names */
bool request_is_secure(const struct request *req);              /* TLS here, or a trusted proxy says https */
const char *request_id(const struct request *req); /* short random text, also in X-Request-Id and the log */

/* The application's own data about the caller (who is asking), a child of request_pool. */
void request_set_user(struct request *req, void *user);
void *request_user(const struct request *req);

/* Runs when the request ends, however it ends (sent whole: complete = true). At most one; on an HTTP thread. */
void request_on_end(struct request *req, void (*fn)(void *arg, bool complete), void *arg);

/* Handing a request to another thread: suspend first, then give it away. Exactly one request_resume() must follow,
 * after a reply was set; it may come from any thread, also before the handler has returned. */
void request_suspend(struct request *req);
void request_resume(struct request *req);

/* How many request bytes this client's TCP has not yet acknowledged of what we sent; -1 when unknown or broken. */
int request_unacked(const struct request *req);
