/* http/router: one table of routes, one table of requests. */
#include "http/router.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void nothing(struct request *req) {
  (void)req;
}

#define ROUTE(m, p)                                                                                                    \
  { m, p, nothing, 0, 0, 0, p }
static const struct route routes[] = {
    ROUTE(HTTP_GET, "/"),
    ROUTE(HTTP_GET, "/api/v3/interaction/interactions/{id}"),
    ROUTE(HTTP_DELETE, "/api/v3/interaction/interactions/{id}"),
    ROUTE(HTTP_GET, "/api/v3/interaction/interactions"),
    ROUTE(HTTP_POST, "/api/v3/interaction/interactions"),
    ROUTE(HTTP_POST, "/api/v3/interaction/interactions/search"),
    ROUTE(HTTP_GET, "/slash/"),
    ROUTE(HTTP_PUT, "/{a}/b/{c}/{d}/{e}"),
    ROUTE(HTTP_OPTIONS, "/x/{a}"),
    ROUTE(HTTP_PATCH, "/x/{other}"),
    ROUTE(HTTP_GET, "/x/y/z"),
    ROUTE(HTTP_GET, "/x/{a}/w"),
    ROUTE(HTTP_POST, "/{uuid:channel}"),
    ROUTE(HTTP_POST, "/u/{uuid:channel}"),
    ROUTE(HTTP_GET, "/u/{name}"),
    ROUTE(HTTP_POST, "/u/{name}/v"),
    ROUTE(HTTP_GET, "/files/{*path}"),
    ROUTE(HTTP_GET, "/files/one"),
    ROUTE(HTTP_GET, "/of/{who}/files/{*path}"),
};

struct row {
  enum http_method method;
  const char *path;
  enum route_result result;
  const char *detail; /* pattern and parameters, or the Allow header */
};

static const struct row rows[] = {
    {HTTP_GET, "/", ROUTE_FOUND, "/"},
    {HTTP_GET, "//", ROUTE_FOUND, "/"},
    {HTTP_HEAD, "/", ROUTE_FOUND, "/"},
    {HTTP_POST, "/", ROUTE_NO_METHOD, "GET, HEAD"},
    {HTTP_OTHER, "/", ROUTE_NO_METHOD, "GET, HEAD"},
    {HTTP_GET, "", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "x", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/api", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/api/v3/interaction/interactions", ROUTE_FOUND, "/api/v3/interaction/interactions"},
    {HTTP_GET, "/api/v3/interaction/interactions/", ROUTE_FOUND, "/api/v3/interaction/interactions"},
    {HTTP_GET, "//api/v3/interaction/interactions", ROUTE_FOUND, "/api/v3/interaction/interactions"},
    {HTTP_GET, "/api//v3/interaction/interactions", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/api/v3/interaction/interactions//", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/API/v3/interaction/interactions", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/%61pi/v3/interaction/interactions", ROUTE_FOUND, "/api/v3/interaction/interactions"},
    {HTTP_GET, "/api/v3/interaction/interactions/42", ROUTE_FOUND, "/api/v3/interaction/interactions/{id} 42"},
    {HTTP_HEAD, "/api/v3/interaction/interactions/42", ROUTE_FOUND, "/api/v3/interaction/interactions/{id} 42"},
    {HTTP_GET, "/api/v3/interaction/interactions/42/", ROUTE_FOUND, "/api/v3/interaction/interactions/{id} 42"},
    {HTTP_DELETE, "/api/v3/interaction/interactions/a%20b", ROUTE_FOUND, "/api/v3/interaction/interactions/{id} a b"},
    {HTTP_GET, "/api/v3/interaction/interactions/a+b", ROUTE_FOUND, "/api/v3/interaction/interactions/{id} a+b"},
    {HTTP_GET, "/api/v3/interaction/interactions/%c3%a9", ROUTE_FOUND,
     "/api/v3/interaction/interactions/{id} \xc3\xa9"},
    {HTTP_GET, "/api/v3/interaction/interactions/%7Bid%7D", ROUTE_FOUND, "/api/v3/interaction/interactions/{id} {id}"},
    {HTTP_GET, "/api/v3/interaction/interactions/a%2Fb", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/api/v3/interaction/interactions/a%2fb", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/api/v3/interaction/interactions/a%00", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/api/v3/interaction/interactions/%", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/api/v3/interaction/interactions/%4", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/api/v3/interaction/interactions/%zz", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/api/v3/interaction/interactions/%ff", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/api/v3/interaction/interactions/.", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/api/v3/interaction/interactions/..", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/api/v3/interaction/interactions/%2e%2E", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/api/v3/interaction/interactions/...", ROUTE_FOUND, "/api/v3/interaction/interactions/{id} ..."},
    {HTTP_GET, "/api/v3/../v3/interaction/interactions", ROUTE_NO_PATH, NULL},
    {HTTP_PATCH, "/api/v3/interaction/interactions/42", ROUTE_NO_METHOD, "GET, HEAD, DELETE"},
    {HTTP_PUT, "/api/v3/interaction/interactions", ROUTE_NO_METHOD, "GET, HEAD, POST"},
    /* A literal goes before a parameter, and yields where it has not the method. */
    {HTTP_POST, "/api/v3/interaction/interactions/search", ROUTE_FOUND, "/api/v3/interaction/interactions/search"},
    {HTTP_GET, "/api/v3/interaction/interactions/search", ROUTE_FOUND, "/api/v3/interaction/interactions/{id} search"},
    {HTTP_PUT, "/api/v3/interaction/interactions/search", ROUTE_NO_METHOD, "GET, HEAD, POST, DELETE"},
    {HTTP_GET, "/slash", ROUTE_FOUND, "/slash/"},
    {HTTP_GET, "/slash/", ROUTE_FOUND, "/slash/"},
    {HTTP_PUT, "/1/b/2/3/4", ROUTE_FOUND, "/{a}/b/{c}/{d}/{e} 1 2 3 4"},
    {HTTP_PUT, "/1/b/2/3", ROUTE_NO_PATH, NULL},
    {HTTP_PUT, "/1/b/2/3/4/5", ROUTE_NO_PATH, NULL},
    {HTTP_OPTIONS, "/x/y", ROUTE_FOUND, "/x/{a} y"},
    {HTTP_GET, "/x/y", ROUTE_NO_METHOD, "OPTIONS, PATCH"},
    {HTTP_GET, "/x/y/z", ROUTE_FOUND, "/x/y/z"},
    {HTTP_GET, "/x/y/w", ROUTE_FOUND, "/x/{a}/w y"}, /* back out of the literal "y" */
    /* A typed parameter takes a UUID and nothing else, and goes before one that takes all. */
    {HTTP_POST, "/8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f", ROUTE_FOUND,
     "/{uuid:channel} 8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f"},
    {HTTP_POST, "//8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f/", ROUTE_FOUND,
     "/{uuid:channel} 8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f"},
    {HTTP_POST, "/8F14E45F-CEEA-467F-A0E6-1A2B3C4D5E6F", ROUTE_FOUND,
     "/{uuid:channel} 8F14E45F-CEEA-467F-A0E6-1A2B3C4D5E6F"},
    {HTTP_POST, "/8f14e45f%2Dceea%2D467f%2Da0e6%2D1a2b3c4d5e6%66", ROUTE_FOUND,
     "/{uuid:channel} 8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f"},
    {HTTP_GET, "/8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f", ROUTE_NO_METHOD, "POST"},
    {HTTP_POST, "/8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6", ROUTE_NO_PATH, NULL},
    {HTTP_POST, "/8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f0", ROUTE_NO_PATH, NULL},
    {HTTP_POST, "/8f14e45fceea467fa0e61a2b3c4d5e6f", ROUTE_NO_PATH, NULL},
    {HTTP_POST, "/8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6g", ROUTE_NO_PATH, NULL},
    {HTTP_POST, "/8f14e45f-ceea-467f-a0e61-a2b3c4d5e6f", ROUTE_NO_PATH, NULL},
    {HTTP_POST, "/%7B8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f%7D", ROUTE_NO_PATH, NULL},
    {HTTP_POST, "/8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f/x", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/favicon.ico", ROUTE_NO_PATH, NULL},
    {HTTP_POST, "/u/8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f", ROUTE_FOUND,
     "/u/{uuid:channel} 8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f"},
    {HTTP_GET, "/u/8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f", ROUTE_FOUND,
     "/u/{name} 8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f"},
    {HTTP_PUT, "/u/8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f", ROUTE_NO_METHOD, "GET, HEAD, POST"},
    {HTTP_POST, "/u/8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f/v", ROUTE_FOUND,
     "/u/{name}/v 8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f"},
    {HTTP_POST, "/u/x", ROUTE_NO_METHOD, "GET, HEAD"},
    {HTTP_GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18", ROUTE_NO_PATH, NULL},
    /* The rest of a path: one segment or more, each as strictly looked at as any; what is more exact goes before. */
    {HTTP_GET, "/files/a", ROUTE_FOUND, "/files/{*path} a"},
    {HTTP_HEAD, "/files/a/b%20c/d.e", ROUTE_FOUND, "/files/{*path} a/b c/d.e"},
    {HTTP_GET, "/files/one", ROUTE_FOUND, "/files/one"},
    {HTTP_GET, "/files/one/two", ROUTE_FOUND, "/files/{*path} one/two"},
    {HTTP_GET, "/files/a/", ROUTE_FOUND, "/files/{*path} a"},
    {HTTP_GET, "/of/me/files/a/b", ROUTE_FOUND, "/of/{who}/files/{*path} me a/b"},
    {HTTP_GET, "/files", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/files//a", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/files/../a", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/files/a/%2e%2e/b", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/files/a%2fb", ROUTE_NO_PATH, NULL},
    {HTTP_GET, "/files/a%00", ROUTE_NO_PATH, NULL},
    {HTTP_POST, "/files/a/b", ROUTE_NO_METHOD, "GET, HEAD"},
};

static char *describe(void *ctx, enum route_result result, const struct route_match *m) {
  if (result == ROUTE_NO_PATH) return NULL;
  char *text = mem_bytes(ctx, 96);
  if (result == ROUTE_NO_METHOD) {
    router_allow_header(m->allowed, text);
    return text;
  }
  text = mem_strdup(ctx, m->route->pattern);
  for (int i = 0; i < m->param_count; i++) text = mem_printf(ctx, "%s %s", text, m->params[i]);
  return text;
}

static void finds(void **state) {
  (void)state;
  void *ctx = mem_pool(NULL, 4096);
  struct router *r = router_new(ctx, routes, ARRAY_LEN(routes));
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct route_match m = {.param_count = 77};
    enum route_result result = router_find(r, ctx, rows[i].method, rows[i].path, &m);
    char *detail = describe(ctx, result, &m);
    if (result != rows[i].result || (detail && strcmp(detail, rows[i].detail))) {
      fail_msg("%s %s: result %d %s", http_method_name(rows[i].method), rows[i].path, result, detail ? detail : "");
    }
    if (result == ROUTE_NO_PATH) assert_int_equal(m.param_count, 77); /* out-parameters stay as they were */
  }
  mem_free(ctx);
}

/* A table that cannot be meant ends the process before it serves anything. */
static void refuses_tables(void **state) {
  (void)state;
  static const struct route bad[][2] = {
      {ROUTE(HTTP_GET, "/a/{x}"), ROUTE(HTTP_GET, "/a/{y}")},
      {ROUTE(HTTP_GET, "/a/{uuid:x}"), ROUTE(HTTP_GET, "/a/{uuid:y}")},
      {ROUTE(HTTP_GET, "/a"), ROUTE(HTTP_GET, "/a/")},
      {ROUTE(HTTP_GET, "/a"), ROUTE(HTTP_GET, "a")},
      {ROUTE(HTTP_GET, "/a"), ROUTE(HTTP_GET, "/a//b")},
      {ROUTE(HTTP_GET, "/a"), ROUTE(HTTP_HEAD, "/b")},
      {ROUTE(HTTP_GET, "/a"), ROUTE(HTTP_GET, "/{a}/{b}/{c}/{d}/{e}")},
      {ROUTE(HTTP_GET, "/a/{*x}"), ROUTE(HTTP_GET, "/a/{*y}")},
      {ROUTE(HTTP_GET, "/a"), ROUTE(HTTP_GET, "/a/{*x}/b")},
  };
  for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
    pid_t child = fork();
    if (!child) {
      close(STDERR_FILENO);
      router_new(NULL, bad[i], 2);
      _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && !WEXITSTATUS(status)) fail_msg("table %zu was taken", i);
  }
}

int main(void) {
  mem_init();
  const struct CMUnitTest tests[] = {cmocka_unit_test(finds), cmocka_unit_test(refuses_tables)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
