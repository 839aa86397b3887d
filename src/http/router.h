/* Routes are rows of one table; 404, 405, Allow and HEAD come from it. Pure: no I/O.
 * Patterns: literal segments, {names}, e.g. "/api/v3/interaction/interactions/{id}", and {uuid:names}, which take
 * nothing but a UUID (36 characters, any case), and at the end {*names}, which take one segment or more, slashes
 * included. A trailing slash in the pattern
 * is optional in the request. Segments are matched after percent-decoding, a decoded '/' or NUL never matches. */
#pragma once

#include "http/request.h"

struct route {
  enum http_method method;
  const char *pattern;
  void (*handler)(struct request *req); /* on an HTTP thread, with the whole body there */
  uint16_t access;                      /* meaning is the application's: which kind of caller */
  uint16_t api;                         /* meaning is the application's: which API a token must hold */
  int64_t body_max;                     /* bytes; 0: no body; -1: conf.body_max */
  const char *summary;                  /* one line, for the documentation */
};

enum route_result { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };

struct route_match {
  const struct route *route;
  int param_count;
  char *params[ROUTE_PARAMS_MAX]; /* decoded, in ctx */
  uint32_t allowed;               /* ROUTE_NO_METHOD: bit (1 << method) for each method the path has */
};

struct router;
/* Compiles the table (kept, not copied). Panics on two rows with the same method and shape. */
struct router *router_new(void *ctx, const struct route *routes, size_t count);
/* raw_path: as it stands in the request line, without the query. HEAD finds GET rows. */
enum route_result router_find(const struct router *r, void *ctx, enum http_method method, const char *raw_path,
                              struct route_match *ret);
void router_allow_header(uint32_t allowed, char out[static 96]); /* "GET, HEAD, POST" */
