/* Nothing is served that is not described, nothing is described that is not served, and every document is JSON. */
#include "api/openapi.h"

#include "api/describe.h"
#include "api/openapi_setup.h"
#include "api/routes.h"
#include "api/schema.h"
#include "base/json.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

/* To add a route is to describe it: an OPERATION with its handler in the describe.def of its family. */
static void every_route_is_described(void **state) {
  (void)state;
  for (size_t i = 0; i < api_route_count; i++) {
    const struct route *route = &api_routes[i];
    const struct family *f = family_of(route);
    const struct describe_row *row = describe_route(f, route);
    if (!row) fail_msg("%s %s is not described", http_method_name(route->method), route->pattern);
    size_t count = describe_rows_of(f, row);
    for (const char *at = strchr(route->pattern, '{'); at; at = strchr(at + 1, '{')) {
      size_t len = strcspn(at, "}");
      const char *name = at + 1 + strcspn(at + 1, ":*}");
      name = *name == '}' ? at + 1 : name + 1;
      bool found = false;
      for (size_t k = 1; k <= count; k++)
        found = found || (row[k].kind == DESCRIBE_PATH && strlen(row[k].name) == len - (size_t)(name - at) &&
                          memcmp(row[k].name, name, strlen(row[k].name)) == 0);
      if (!found) fail_msg("%s: {%.*s} is not described", route->pattern, (int)(len - (size_t)(name - at)), name);
    }
    bool answered = false, takes_body = false;
    for (size_t k = 1; k <= count; k++) {
      answered = answered || (row[k].kind == DESCRIBE_ANSWER && row[k].status < 300);
      takes_body = takes_body || row[k].kind == DESCRIBE_BODY;
    }
    if (!answered) fail_msg("%s: no answer is described", route->pattern);
    if (takes_body && !route->body_max) fail_msg("%s: a body is described, none is taken", route->pattern);
  }
}

static void every_description_is_used(void **state) {
  (void)state;
  for (size_t f = 0; f < family_count; f++)
    for (size_t i = 0; i < families[f].row_count; i++) {
      const struct describe_row *row = &families[f].rows[i];
      if (row->kind != DESCRIBE_OPERATION) continue;
      bool served = false;
      for (size_t k = 0; k < api_route_count; k++)
        served = served || (api_routes[k].handler == row->handler && family_of(&api_routes[k]) == &families[f]);
      if (!served) fail_msg("%s is described, but no route has it", row->name);
    }
}

struct mention {
  const struct family *family;
  const char *where;
  const char *wanted; /* NULL: only that each exists */
  bool found;
};
static void mentioned(void *arg, const char *name, size_t len) {
  struct mention *m = arg;
  if (!describe_schema(m->family, name, len)) fail_msg("%s: there is no schema %.*s", m->where, (int)len, name);
  m->found = m->found || (m->wanted && strlen(m->wanted) == len && memcmp(m->wanted, name, len) == 0);
}

static void schemas_exist_and_are_used(void **state) {
  (void)state;
  for (size_t f = 0; f < family_count; f++)
    for (size_t s = 0; s < families[f].row_count; s++) {
      const struct describe_row *schema = &families[f].rows[s];
      struct mention m = {.family = &families[f], .wanted = schema->kind == DESCRIBE_SCHEMA ? schema->name : NULL};
      for (size_t i = 0; i < families[f].row_count; i++) {
        m.where = families[f].rows[i].name;
        if (families[f].rows[i].type) schema_names(families[f].rows[i].type, mentioned, &m);
      }
      for (size_t i = 0; i < families[f].common_count; i++) {
        m.where = "what is common";
        if (families[f].common[i].schema) schema_names(families[f].common[i].schema, mentioned, &m);
      }
      bool error = m.wanted && strcmp(families[f].error_schema, m.wanted) == 0;
      if (m.wanted && !m.found && !error) fail_msg("%s: nothing uses the schema", m.wanted);
    }
}

static void one_schema_one_name(void **state) {
  (void)state;
  for (size_t f = 0; f < family_count; f++)
    for (size_t i = 0; i < families[f].row_count; i++) {
      const struct describe_row *row = &families[f].rows[i];
      if (row->kind == DESCRIBE_SCHEMA)
        assert_ptr_equal(describe_schema(&families[f], row->name, strlen(row->name)), row);
      if (!row->name || strlen(row->text ? row->text : "") == 0) {
        if (row->kind != DESCRIBE_PROBLEM && row->kind != DESCRIBE_ANSWER) fail_msg("row %zu says nothing", i);
      }
    }
}

static size_t count_operations(const struct jval *document) {
  static const char *const methods[] = {"get", "post", "put", "delete", "patch", "options"};
  size_t n = 0;
  const struct jval *paths = jval_get(document, "paths");
  for (size_t i = 0; i < api_route_count; i++) {
    char pattern[256];
    size_t len = 0;
    for (const char *at = api_routes[i].pattern; *at; at++) {
      pattern[len++] = *at;
      if (*at == '{' && at[1] == '*') at++;
      if (*at == '{' && strncmp(at, "{uuid:", 6) == 0) at += 5;
    }
    pattern[len] = 0;
    const char *method = http_method_name(api_routes[i].method);
    for (size_t k = 0; k < sizeof methods / sizeof methods[0]; k++)
      if (strncasecmp(methods[k], method, 8) == 0) n += jval_get(jval_get(paths, pattern), methods[k]) != NULL;
  }
  return n;
}

static void documents_hold_every_route_once(void **state) {
  (void)state;
  size_t n = 0;
  for (int i = 0; openapi_name(i); i++) {
    void *ctx = mem_pool(NULL, 4096);
    struct buf b;
    struct jerror error;
    buf_init(&b, ctx, 65536, 4 << 20);
    assert_true(openapi_write(&b, openapi_name(i), "https://guichet.example.org"));
    const struct jval *document = json_parse(ctx, b.data, b.len, &error);
    if (!document) fail_msg("%s: %s at %zu", openapi_name(i), error.text, error.offset);
    assert_string_equal(jval_str(jval_get(document, "openapi"), NULL), "3.1.0");
    assert_string_equal(jval_str(jval_get(jval_at(jval_get(document, "servers"), 0), "url"), NULL),
                        "https://guichet.example.org");
    n += count_operations(document);
    mem_free(ctx);
  }
  assert_int_equal(n, api_route_count);
  struct buf b;
  buf_init(&b, NULL, 64, 64);
  assert_false(openapi_write(&b, "nothing", ""));
  assert_int_equal(b.len, 0);
  mem_free(b.data);
}

/* A field of the setup that is new needs a note in api/setup_notes.def. */
static void every_setup_field_is_explained(void **state) {
  (void)state;
  for (int i = 0; setup_families[i]; i++) {
    const struct setup_family *f = setup_families[i];
    for (int k = 0; k < f->field_count + f->read_count; k++)
      if (!openapi_setup_note(f->fields[k].name)) fail_msg("%s: %s is not explained", f->word, f->fields[k].name);
    for (int l = 0; l < f->list_count; l++) {
      if (!openapi_setup_note(f->lists[l].name)) fail_msg("%s: %s is not explained", f->word, f->lists[l].name);
      for (int k = 0; k < f->lists[l].field_count; k++)
        if (!openapi_setup_note(f->lists[l].fields[k].name))
          fail_msg("%s: %s is not explained", f->lists[l].name, f->lists[l].fields[k].name);
    }
  }
  assert_ptr_equal(openapi_setup_family("/api/v3/administration/canned-replies/{id}"), &setup_canned_replies);
  assert_null(openapi_setup_family("/api/v3/administration/nothing"));
  assert_null(openapi_setup_family("/api/v3/agent/services"));
  char name[SETUP_SCHEMA_NAME_LEN];
  openapi_setup_name(&setup_canned_replies, SETUP_SCHEMA_PAGE, name);
  assert_string_equal(name, "SetupCannedReplyPage");
}

int main(void) {
  mem_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_route_is_described),        cmocka_unit_test(every_description_is_used),
      cmocka_unit_test(schemas_exist_and_are_used),      cmocka_unit_test(one_schema_one_name),
      cmocka_unit_test(documents_hold_every_route_once), cmocka_unit_test(every_setup_field_is_explained),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
