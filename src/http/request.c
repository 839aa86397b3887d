/* What a handler may ask of a request, apart from what the HTTP library must be asked (server.c). Owns nothing beyond
 * the request's pool. On the thread that holds the request. */
#include "http/request.h"

#include "base/mem.h"
#include "base/text.h"
#include "http/request_impl.h"

#include <string.h>
#include <strings.h>

void *request_pool(struct request *req) {
  return req->pool;
}
const struct conf *request_conf(const struct request *req) {
  return req->conf;
}
const struct route *request_route(const struct request *req) {
  return req->match.route;
}
enum http_method request_method(const struct request *req) {
  return req->method;
}
const char *request_id(const struct request *req) {
  return req->id;
}
void request_set_user(struct request *req, void *user) {
  req->user = user;
}
void *request_user(const struct request *req) {
  return req->user;
}

enum http_method http_method_of(const char *name) {
  for (enum http_method m = HTTP_GET; m < HTTP_OTHER; m++) {
    if (!strcmp(name, http_method_name(m))) return m;
  }
  return HTTP_OTHER;
}

const char *request_path(const struct request *req) {
  return req->path;
}

const char *request_param(const struct request *req, int index) {
  return index >= 0 && index < req->match.param_count ? req->match.params[index] : NULL;
}

const char *request_query_nth(const struct request *req, const char *name, int n) {
  for (int i = 0; i < req->query_count; i++) {
    if (!strcmp(req->query[i].name, name) && n-- == 0) return req->query[i].value;
  }
  return NULL;
}

const char *request_query(const struct request *req, const char *name) {
  return request_query_nth(req, name, 0);
}

const char *request_body(const struct request *req, size_t *ret_len) {
  *ret_len = req->body_len;
  return req->body ? req->body : "";
}

void request_on_end(struct request *req, void (*fn)(void *arg, bool complete), void *arg) {
  invariant(!req->on_end);
  req->on_end = fn;
  req->on_end_arg = arg;
}

/* Decodes len bytes at in into out, NUL behind. False when it is no text. */
static bool decode_text(const char *in, size_t len, bool plus, char *out, size_t *ret_len) {
  if (!percent_decode(in, len, plus, out, ret_len)) return false;
  if (memchr(out, '\0', *ret_len) || !utf8_valid(out, *ret_len)) return false;
  out[*ret_len] = '\0';
  return true;
}

static const char *take_query(struct request *req, const char *query) {
  size_t len = strlen(query);
  int count = 1;
  for (const char *at = query; *at; at++) count += *at == '&';
  if (count > QUERY_MAX) return "too many query parameters";
  req->query = mem_array(req->pool, struct query_param, (size_t)count);
  char *out = mem_bytes(req->pool, len + 2 * (size_t)count);
  for (const char *at = query; *at; at += *at == '&') {
    const char *end = strchrnul(at, '&');
    const char *equals = memchr(at, '=', (size_t)(end - at));
    const char *name_end = equals ? equals : end;
    const char *value = equals ? equals + 1 : end;
    struct query_param *p = &req->query[req->query_count];
    size_t n;
    p->name = out;
    if (!decode_text(at, (size_t)(name_end - at), true, out, &n)) return "malformed query";
    out += n + 1;
    p->value = out;
    if (!decode_text(value, (size_t)(end - value), true, out, &n)) return "malformed query";
    out += n + 1;
    if (end > at) req->query_count++;
    at = end;
  }
  return NULL;
}

/* "http://host:port/path" is what a client sends to a proxy; we are no proxy, but must understand it. */
static char *without_authority(char *target) {
  if (*target == '/') return target;
  char *authority = strstr(target, "://") + 3;
  return authority + strcspn(authority, "/?");
}

const char *request_take_target(struct request *req) {
  char *origin = without_authority(req->head->text);
  size_t path_len = strcspn(origin, "?");
  const char *query = origin[path_len] ? origin + path_len + 1 : "";
  origin[path_len] = '\0';
  req->raw_path = path_len ? origin : "/";
  req->path = req->raw_path;
  if (memchr(origin, '%', path_len)) {
    size_t n;
    char *path = mem_bytes(req->pool, path_len + 1);
    if (!percent_decode(origin, path_len, false, path, &n)) return "malformed escape in the path";
    path[n] = '\0';
    if (!utf8_valid(path, n)) return "the path is not UTF-8";
    req->path = path;
  }
  return *query ? take_query(req, query) : NULL;
}
