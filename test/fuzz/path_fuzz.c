/* Any bytes as the path of a request. What is found must be what the pattern says: parameters are UTF-8 without slash
 * and NUL, never dots, and the same path built from them is found again. */
#include "base/mem.h"
#include "base/text.h"
#include "http/router.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void nothing(struct request *req) {
  (void)req;
}

static const struct route routes[] = {
    {HTTP_GET, "/", nothing, 0, 0, 0, ""},
    {HTTP_GET, "/a/{x}", nothing, 0, 0, 0, ""},
    {HTTP_POST, "/a/b", nothing, 0, 0, 0, ""},
    {HTTP_GET, "/a/b/c/", nothing, 0, 0, 0, ""},
    {HTTP_PUT, "/{a}/{b}/{c}/{d}", nothing, 0, 0, 0, ""},
    {HTTP_DELETE, "/{a}/b/{c}", nothing, 0, 0, 0, ""},
};

/* The pattern with its parameters filled in, every byte escaped. */
static char *rebuild(void *ctx, const struct route_match *m) {
  char *path = mem_strdup(ctx, "");
  int param = 0;
  for (const char *at = m->route->pattern; *at; at++) {
    if (*at != '{') {
      path = mem_printf(ctx, "%s%c", path, *at);
      continue;
    }
    for (const char *c = m->params[param]; *c; c++) path = mem_printf(ctx, "%s%%%02x", path, (unsigned char)*c);
    param++;
    at = strchr(at, '}');
  }
  invariant(param == m->param_count);
  return path;
}

static void check(void *ctx, const struct router *r, enum http_method method, const struct route_match *m) {
  for (int i = 0; i < m->param_count; i++) {
    const char *p = m->params[i];
    invariant(*p && !strchr(p, '/') && utf8_valid(p, strlen(p)) && strcmp(p, ".") && strcmp(p, ".."));
  }
  struct route_match again;
  invariant(router_find(r, ctx, method, rebuild(ctx, m), &again) == ROUTE_FOUND && again.route == m->route);
  for (int i = 0; i < m->param_count; i++) invariant(!strcmp(again.params[i], m->params[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  void *ctx = talloc_new(NULL);
  const struct router *r = router_new(ctx, routes, ARRAY_LEN(routes));
  char *path = mem_strndup(ctx, (const char *)data, size);
  for (enum http_method m = HTTP_GET; m <= HTTP_OTHER; m++) {
    struct route_match match;
    char allow[96];
    enum route_result result = router_find(r, ctx, m, path, &match);
    if (result == ROUTE_FOUND) check(ctx, r, m, &match);
    if (result == ROUTE_NO_METHOD) {
      router_allow_header(match.allowed, allow);
      invariant(*allow);
    }
  }
  talloc_free(ctx);
  return 0;
}
