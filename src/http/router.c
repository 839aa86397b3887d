/* Paths to rows of the route table, by a tree of segments. Owns the tree (child of ctx), borrows the table.
 * Pure and immutable once built, so any thread may look. A literal segment goes before a {uuid:parameter}, and that
 * before a {parameter}, and that before {*the rest}; when one way ends without the method asked for, the next is tried.
 */
#include "http/router.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define SEGMENTS_MAX 16
#define METHODS      (HTTP_OTHER)

struct node {
  const char *literal; /* NULL: a {parameter} */
  size_t literal_len;
  struct node *children; /* literals */
  struct node *next;     /* the next literal of the same parent */
  struct node *uuid, *param, *rest;
  const struct route *routes[METHODS];
  uint32_t allowed;
  bool is_rest;
};

struct router {
  struct node root;
};

static const char *const method_names[] = {
    [HTTP_GET] = "GET",       [HTTP_HEAD] = "HEAD",       [HTTP_POST] = "POST",   [HTTP_PUT] = "PUT",
    [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS", [HTTP_PATCH] = "PATCH", [HTTP_OTHER] = "other",
};

const char *http_method_name(enum http_method m) {
  return method_names[m];
}

static struct node *child_literal(void *ctx, struct node *parent, const char *text, size_t len) {
  struct node **at = &parent->children;
  for (; *at; at = &(*at)->next) {
    if ((*at)->literal_len == len && !memcmp((*at)->literal, text, len)) return *at;
  }
  *at = mem_new(ctx, struct node);
  (*at)->literal = mem_strndup(ctx, text, len);
  (*at)->literal_len = len;
  return *at;
}

static struct node *child_of(void *ctx, struct node *parent, const char *text, size_t len) {
  if (text[0] != '{') return child_literal(ctx, parent, text, len);
  struct node **slot = text[1] == '*'                    ? &parent->rest
                       : strncmp(text, "{uuid:", 6) == 0 ? &parent->uuid
                                                         : &parent->param;
  if (!*slot) *slot = mem_new(ctx, struct node);
  return *slot;
}

static void add_route(struct router *r, const struct route *route) {
  const char *at = route->pattern;
  if (*at != '/') panic("route \"%s\" does not begin with a slash", route->pattern);
  if (route->method == HTTP_OTHER || route->method == HTTP_HEAD)
    panic("route \"%s\": this method has no rows", route->pattern);
  struct node *node = &r->root;
  int segments = 0, params = 0;
  while (*at) {
    const char *begin = ++at;
    at = strchrnul(at, '/');
    if (begin == at) {
      if (*at) panic("route \"%s\" has an empty segment", route->pattern);
      break;
    }
    if (node->is_rest) panic("route \"%s\" goes on behind its rest", route->pattern);
    params += *begin == '{';
    if (++segments > SEGMENTS_MAX || params > ROUTE_PARAMS_MAX) panic("route \"%s\" is too long", route->pattern);
    node = child_of(r, node, begin, (size_t)(at - begin));
    node->is_rest = begin[0] == '{' && begin[1] == '*';
  }
  if (node->routes[route->method]) {
    panic("two routes for %s \"%s\"", http_method_name(route->method), route->pattern);
  }
  node->routes[route->method] = route;
  node->allowed |= 1u << route->method;
  if (route->method == HTTP_GET) node->allowed |= 1u << HTTP_HEAD;
}

struct router *router_new(void *ctx, const struct route *routes, size_t count) {
  struct router *r = mem_new(ctx, struct router);
  for (size_t i = 0; i < count; i++) add_route(r, &routes[i]);
  return r;
}

struct segments {
  char *text[SEGMENTS_MAX];
  size_t len[SEGMENTS_MAX];
  int count;
};

static bool is_dots(const char *s, size_t len) {
  return (len == 1 && s[0] == '.') || (len == 2 && s[0] == '.' && s[1] == '.');
}

/* Splits and decodes into one block of ctx. False when no pattern can match. */
static bool split(void *ctx, const char *raw_path, struct segments *ret) {
  ret->count = 0;
  if (*raw_path != '/') return false;
  while (raw_path[1] == '/') raw_path++; /* a known client doubles the first slash */
  char *out = mem_bytes(ctx, strlen(raw_path) + 1);
  for (const char *at = raw_path; *at;) {
    const char *begin = ++at;
    at = strchrnul(at, '/');
    if (begin == at) return !*at; /* the optional slash at the end; an empty segment elsewhere matches nothing */
    if (ret->count == SEGMENTS_MAX) return false;
    size_t len;
    if (!percent_decode(begin, (size_t)(at - begin), false, out, &len)) return false;
    if (!len || memchr(out, '/', len) || memchr(out, '\0', len) || is_dots(out, len) || !utf8_valid(out, len))
      return false;
    out[len] = '\0';
    ret->text[ret->count] = out;
    ret->len[ret->count++] = len;
    out += len + 1;
  }
  return true;
}

struct search {
  const struct segments *segments;
  enum http_method method;
  struct route_match *match;
};

static const struct route *row_of(const struct search *s, const struct node *node, int params) {
  s->match->allowed |= node->allowed;
  const struct route *found = s->method == HTTP_OTHER ? NULL : node->routes[s->method];
  if (found) s->match->param_count = params;
  return found;
}

/* The segments from depth on, as one text: they stand in one block, each ended by a NUL. */
static char *join_from(const struct segments *segments, int depth) {
  for (int i = depth; i + 1 < segments->count; i++) segments->text[i][segments->len[i]] = '/';
  return segments->text[depth];
}

static const struct route *search(const struct search *s, const struct node *node, int depth, int params) {
  if (depth == s->segments->count) return row_of(s, node, params);
  char *text = s->segments->text[depth];
  size_t len = s->segments->len[depth];
  for (const struct node *c = node->children; c; c = c->next) {
    if (c->literal_len != len || memcmp(c->literal, text, len)) continue;
    const struct route *found = search(s, c, depth + 1, params);
    if (found) return found;
    break;
  }
  const struct node *ways[] = {text_is_uuid(text, len) ? node->uuid : NULL, node->param};
  for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
    const struct route *found = ways[i] ? search(s, ways[i], depth + 1, params + 1) : NULL;
    if (!found) continue;
    s->match->params[params] = text;
    return found;
  }
  const struct route *found = node->rest ? row_of(s, node->rest, params + 1) : NULL;
  if (found) s->match->params[params] = join_from(s->segments, depth);
  return found;
}

enum route_result router_find(const struct router *r, void *ctx, enum http_method method, const char *raw_path,
                              struct route_match *ret) {
  struct segments segments;
  struct route_match match = {0};
  if (!split(ctx, raw_path, &segments)) return ROUTE_NO_PATH;
  struct search s = {.segments = &segments, .method = method == HTTP_HEAD ? HTTP_GET : method, .match = &match};
  match.route = search(&s, &r->root, 0, 0);
  if (!match.route && !match.allowed) return ROUTE_NO_PATH;
  *ret = match;
  return match.route ? ROUTE_FOUND : ROUTE_NO_METHOD;
}

void router_allow_header(uint32_t allowed, char out[static 96]) {
  size_t len = 0;
  out[0] = '\0';
  for (int m = 0; m < METHODS; m++) {
    if (allowed & (1u << m)) len += (size_t)snprintf(out + len, 96 - len, "%s%s", len ? ", " : "", method_names[m]);
  }
}
