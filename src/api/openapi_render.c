/* Writes one document of the API: paths, webhooks and the schemas that they name, from the route table and the tables
 * of describe.h. Owns nothing, pure, any thread. A route that is not described is a mistake in our tables: a panic, and
 * a unit test renders every document. */
#include "api/openapi_render.h"

#include "api/caller.h"
#include "api/openapi_setup.h"
#include "api/routes.h"
#include "api/schema.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "core/rights.h"

#include <stdio.h>
#include <string.h>

#define NAME_LEN      OPENAPI_NAME_LEN
#define ROWS_MAX      2000
#define FAMILIES_MAX  32
#define OPERATION_LEN 128

struct rendering {
  struct jw w;
  const struct openapi_document *document;
  const struct family *family;
  const char *server_url;
  const struct route *route;         /* the one that is being written */
  unsigned setup_used[FAMILIES_MAX]; /* bits of enum setup_schema, by the index in setup_families */
  bool used[ROWS_MAX];               /* the family's rows: schemas that something names */
  unsigned access_seen;              /* bits of enum access */
};

static void use_schema(void *arg, const char *name, size_t len);

/* A schema of the setup, by its name. What it names itself is used too. */
static bool use_setup(struct rendering *r, const char *name, size_t len) {
  char wanted[SETUP_SCHEMA_NAME_LEN];
  for (int i = 0; setup_families[i]; i++)
    for (int kind = 0; kind < SETUP_SCHEMA_COUNT; kind++) {
      openapi_setup_name(setup_families[i], (enum setup_schema)kind, wanted);
      if (strlen(wanted) != len || memcmp(wanted, name, len) != 0) continue;
      invariant(i < FAMILIES_MAX);
      r->setup_used[i] |= 1u << kind;
      if (kind == SETUP_SCHEMA_PAGE) r->setup_used[i] |= 1u << SETUP_SCHEMA_ROW;
      if (kind != SETUP_SCHEMA_NEW && kind != SETUP_SCHEMA_CHANGE) use_schema(r, "Named", 5);
      return true;
    }
  return false;
}

static void use_schema(void *arg, const char *name, size_t len) {
  struct rendering *r = arg;
  const struct describe_row *row = describe_schema(r->family, name, len);
  if (!row && use_setup(r, name, len)) return;
  if (!row) panic("there is no schema \"%.*s\" in %s", (int)len, name, r->document->name);
  size_t at = (size_t)(row - r->family->rows), count = describe_rows_of(r->family, row);
  if (r->used[at]) return;
  r->used[at] = true;
  for (size_t i = 1; i <= count; i++) schema_names(row[i].type, use_schema, r);
}

/* "$Row" and so on: the schema of the setup that the path is about. */
static const char *own_type(const struct rendering *r, const char *type, char out[static SETUP_SCHEMA_NAME_LEN]) {
  static const char *const kinds[] = {"$Row", "$Page", "$New", "$Change"};
  for (int i = 0; i < SETUP_SCHEMA_COUNT; i++) {
    const struct setup_family *f =
        strcmp(kinds[i], type) == 0 && r->route ? openapi_setup_family(r->route->pattern) : NULL;
    if (!f) continue;
    openapi_setup_name(f, (enum setup_schema)i, out);
    return out;
  }
  return type;
}

static void write_schema(struct rendering *r, const char *written) {
  char name[SETUP_SCHEMA_NAME_LEN];
  const char *type = own_type(r, written, name);
  schema_names(type, use_schema, r);
  jw_key(&r->w, "schema");
  jw_object(&r->w);
  schema_write(&r->w, type);
  jw_object_end(&r->w);
}

static void write_content(struct rendering *r, const char *media_type, const char *type) {
  jw_key(&r->w, media_type);
  jw_object(&r->w);
  write_schema(r, type);
  jw_object_end(&r->w);
}

/* ---- parameters and bodies ---- */

/* "{id}" "{uuid:id}" "{*id}" in the pattern. */
static bool in_pattern(const char *pattern, const char *name) {
  size_t len = strlen(name);
  for (const char *at = strstr(pattern, name); at; at = strstr(at + 1, name))
    if (at[len] == '}' && strchr("{:*", at[-1])) return true;
  return false;
}

static void write_parameters(struct rendering *r, const struct describe_row *rows, size_t count, const char *pattern) {
  static const char *const places[] = {
      [DESCRIBE_PATH] = "path", [DESCRIBE_QUERY] = "query", [DESCRIBE_HEADER] = "header"};
  struct jw *w = &r->w;
  jw_key(w, "parameters");
  jw_array(w);
  for (size_t i = 0; i < count; i++) {
    const struct describe_row *p = &rows[i];
    bool is_path = p->kind == DESCRIBE_PATH;
    if (!is_path && p->kind != DESCRIBE_QUERY && p->kind != DESCRIBE_HEADER) continue;
    if (is_path && !in_pattern(pattern, p->name)) continue;
    jw_object(w);
    jw_kstr(w, "name", p->name);
    jw_kstr(w, "in", places[p->kind]);
    if (p->required) jw_kbool(w, "required", true);
    jw_kstr(w, "description", p->text);
    write_schema(r, p->type);
    if (p->example) {
      jw_key(w, "example");
      schema_write_example(w, p->type, p->example);
    }
    jw_object_end(w);
  }
  jw_array_end(w);
}

static void write_body(struct rendering *r, const struct describe_row *rows, size_t count) {
  struct jw *w = &r->w;
  const struct describe_row *first = NULL;
  for (size_t i = 0; i < count; i++) {
    const struct describe_row *b = &rows[i];
    if (b->kind != DESCRIBE_BODY) continue;
    if (!first) {
      jw_key(w, "requestBody");
      jw_object(w);
      jw_kstr(w, "description", b->text);
      jw_kbool(w, "required", b->required);
      jw_key(w, "content");
      jw_object(w);
      first = b;
    }
    write_content(r, b->name, b->type);
  }
  if (!first) return;
  jw_object_end(w);
  jw_object_end(w);
}

/* ---- answers ---- */

static void answer_begin(struct rendering *r, int status, const char *text) {
  struct jw *w = &r->w;
  char key[16] = "default";
  if (status) snprintf(key, sizeof key, "%d", status);
  jw_key(w, key);
  jw_object(w);
  jw_kstr(w, "description", text);
  if (status != 429 && status != 503) return;
  jw_key(w, "headers");
  jw_object(w);
  jw_key(w, "Retry-After");
  jw_object(w);
  jw_kstr(w, "description", "Seconds to wait");
  write_schema(r, "integer 0..");
  jw_object_end(w);
  jw_object_end(w);
}

/* codes: "1010 1020", or NULL. */
static void write_error_schema(struct rendering *r, const char *codes) {
  const struct family *f = r->family;
  struct jw *w = &r->w;
  use_schema(r, f->error_schema, strlen(f->error_schema));
  jw_key(w, "schema");
  jw_object(w);
  schema_write(w, f->error_schema);
  if (codes && f->code_field) {
    jw_key(w, "properties");
    jw_object(w);
    jw_key(w, f->code_field);
    jw_object(w);
    jw_key(w, "enum");
    jw_array(w);
    for (const char *at = codes; *at; at += strspn(at, " ")) {
      char code[64];
      snprintf(code, sizeof code, "%s%.*s", f->code_prefix, (int)strcspn(at, " "), at);
      jw_str(w, code);
      at += strcspn(at, " ");
    }
    jw_array_end(w);
    jw_object_end(w);
    jw_object_end(w);
  }
  jw_object_end(w);
}

static void write_problem(struct rendering *r, int status, const char *codes, const char *schema, const char *text) {
  struct jw *w = &r->w;
  answer_begin(r, status, text);
  jw_key(w, "content");
  jw_object(w);
  jw_key(w, r->family->error_type);
  jw_object(w);
  if (schema)
    write_schema(r, schema);
  else
    write_error_schema(r, codes);
  jw_object_end(w);
  jw_object_end(w);
  jw_object_end(w);
}

static unsigned features_of(const struct route *route, const struct describe_row *rows, size_t count) {
  static const unsigned of_access[] = {[ACCESS_PUBLIC] = 0,
                                       [ACCESS_CONNECTOR] = WHEN_CONNECTOR,
                                       [ACCESS_CHANNEL] = WHEN_CONNECTOR,
                                       [ACCESS_API] = WHEN_API | WHEN_TOKEN,
                                       [ACCESS_PERSON] = WHEN_API};
  unsigned features = of_access[route->access];
  for (size_t i = 0; i < count; i++) {
    if (rows[i].kind != DESCRIBE_BODY) continue;
    features |= WHEN_BODY | (strcmp(rows[i].name, "application/json") == 0 ? WHEN_JSON : 0u);
  }
  return features;
}

static bool is_described(const struct describe_row *rows, size_t count, int status) {
  for (size_t i = 0; i < count; i++)
    if ((rows[i].kind == DESCRIBE_ANSWER || rows[i].kind == DESCRIBE_PROBLEM) && rows[i].status == status) return true;
  return false;
}

/* route NULL: a webhook, whose answers are the partner's. */
static void write_answers(struct rendering *r, const struct route *route, const struct describe_row *rows,
                          size_t count) {
  struct jw *w = &r->w;
  jw_key(w, "responses");
  jw_object(w);
  for (size_t i = 0; i < count; i++) {
    const struct describe_row *a = &rows[i];
    if (a->kind == DESCRIBE_PROBLEM) write_problem(r, a->status, a->name, NULL, a->text);
    if (a->kind != DESCRIBE_ANSWER) continue;
    answer_begin(r, a->status, a->text);
    if (a->name) {
      jw_key(w, "content");
      jw_object(w);
      write_content(r, a->name, a->type);
      jw_object_end(w);
    }
    jw_object_end(w);
  }
  unsigned features = route ? features_of(route, rows, count) : 0;
  for (size_t i = 0; route && i < r->family->common_count; i++) {
    const struct describe_common *c = &r->family->common[i];
    if ((c->when & features) == c->when && !is_described(rows, count, c->status))
      write_problem(r, c->status, c->codes, c->schema, c->text);
  }
  jw_object_end(w);
}

/* ---- security ---- */

static const struct scheme {
  const char *name;
  unsigned access; /* bits of enum access */
  const char *json, *url_key_tail;
} schemes[] = {
    {"token", 1u << ACCESS_API,
     "{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"Kiamo-Api-Token\",\"description\":\"A token of an "
     "administrator's making, "
     "with rights: APIs and methods. 40 hex digits\"}",
     NULL},
    {"session", 1u << ACCESS_API | 1u << ACCESS_PERSON,
     "{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"guichet_session\",\"description\":\"The cookie that a login "
     "sets\"}",
     NULL},
    {"client", 1u << ACCESS_CONNECTOR,
     "{\"type\":\"oauth2\",\"description\":\"The connector's client id and secret, for an access token\",\"flows\":"
     "{\"clientCredentials\":{\"scopes\":{},\"tokenUrl\":\"",
     "/oauth2/v1/token\"}}}"},
    {"bearer", 1u << ACCESS_CHANNEL,
     "{\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\",\"description\":\"The access token that a "
     "login answers; older "
     "clients send it as `X-Kit-Authorization`\"}",
     NULL},
};

static void write_security(struct rendering *r, int access) {
  struct jw *w = &r->w;
  r->access_seen |= 1u << access;
  jw_key(w, "security");
  jw_array(w);
  for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
    if (!(schemes[i].access & 1u << access)) continue;
    jw_object(w);
    jw_key(w, schemes[i].name);
    jw_array(w);
    jw_array_end(w);
    jw_object_end(w);
  }
  jw_array_end(w);
}

static void write_schemes(struct rendering *r) {
  struct jw *w = &r->w;
  jw_key(w, "securitySchemes");
  jw_object(w);
  for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
    if (!(schemes[i].access & r->access_seen)) continue;
    char text[1024];
    snprintf(text, sizeof text, "%s%s%s", schemes[i].json, schemes[i].url_key_tail ? r->server_url : "",
             schemes[i].url_key_tail ? schemes[i].url_key_tail : "");
    jw_key(w, schemes[i].name);
    jw_raw(w, text, strlen(text));
  }
  jw_object_end(w);
}

/* ---- operations ---- */

/* The first literal segment behind the family's prefix (and package): "interactions". */
static void tag_of(const struct openapi_document *d, const struct route *route, char out[static NAME_LEN]) {
  const char *at = route->pattern;
  char package[NAME_LEN + 2];
  for (size_t i = 0; i < ARRAY_LEN(d->family->prefixes) && d->family->prefixes[i]; i++) {
    size_t len = strlen(d->family->prefixes[i]);
    if (strncmp(at, d->family->prefixes[i], len) == 0 && !strchr(d->family->prefixes[i], '{')) {
      at += len;
      break;
    }
  }
  snprintf(package, sizeof package, "%s/", d->name);
  if (strncmp(at, package, strlen(package)) == 0) at += strlen(package);
  while (*at == '/') at++;
  while (at[0] == 'v' && at[1] >= '1' && at[1] <= '9' && at[2] == '/') at += 3;
  snprintf(out, NAME_LEN, "%.*s", *at == '{' ? 6 : (int)strcspn(at, "/"), *at == '{' ? "events" : at);
}

/* How many routes of the document before this one have the same handler: other ways to the same call. */
static int alias_number(const struct openapi_document *d, const struct route *route) {
  int n = 0;
  for (const struct route *at = api_routes; at < route; at++)
    n += at->handler == route->handler && openapi_belongs(d, at);
  return n;
}

/* The name of the call: a "*" in it is the word of the setup's family, an older way to a call has a number. */
static int operation_id(const struct rendering *r, const struct route *route, const char *name,
                        char out[static OPERATION_LEN]) {
  const struct setup_family *f = openapi_setup_family(route->pattern);
  size_t star = strcspn(name, "*");
  char word[SETUP_SCHEMA_NAME_LEN] = "";
  if (name[star] && f) {
    openapi_setup_word(f, word);
    snprintf(out, OPERATION_LEN, "%.*s%s%s", (int)star, name, word, name + star + 1);
    return 0;
  }
  int alias = alias_number(r->document, route);
  snprintf(out, OPERATION_LEN, alias ? "%s%d" : "%s", name, alias + 1);
  return alias;
}

static void write_text(struct rendering *r, const struct route *route, const char *text) {
  char all[2048];
  if (route->access == ACCESS_API)
    snprintf(all, sizeof all, "%s\n\nNeeds the right %s of the API %s, or a session.", text,
             http_method_name(route->method), api_word((enum api_name)route->api));
  else
    snprintf(all, sizeof all, "%s", text);
  jw_kstr(&r->w, "description", all);
}

static void write_operation(struct rendering *r, const struct route *route) {
  static const char *const keys[] = {[HTTP_GET] = "get",       [HTTP_POST] = "post",       [HTTP_PUT] = "put",
                                     [HTTP_DELETE] = "delete", [HTTP_OPTIONS] = "options", [HTTP_PATCH] = "patch"};
  struct jw *w = &r->w;
  const struct describe_row *row = describe_route(r->family, route);
  if (!row) panic("%s \"%s\" is not described", http_method_name(route->method), route->pattern);
  size_t count = describe_rows_of(r->family, row);
  char tag[NAME_LEN], id[OPERATION_LEN];
  int alias = operation_id(r, route, row->name, id);
  tag_of(r->document, route, tag);
  r->route = route;
  jw_key(w, keys[route->method]);
  jw_object(w);
  jw_kstr(w, "operationId", id);
  jw_kstr(w, "summary", route->summary);
  write_text(r, route, row->text);
  jw_key(w, "tags");
  jw_array(w);
  jw_str(w, tag);
  jw_array_end(w);
  if (alias && route->access) jw_kbool(w, "deprecated", true);
  write_security(r, route->access);
  write_parameters(r, row + 1, count, route->pattern);
  write_body(r, row + 1, count);
  write_answers(r, route, row + 1, count);
  r->route = NULL;
  jw_object_end(w);
}

/* "{uuid:channel}" and "{*path}" are "{channel}" and "{path}" to others. */
static void plain_pattern(const char *pattern, char out[static 256]) {
  size_t n = 0;
  for (const char *at = pattern; *at && n < 255; at++) {
    out[n++] = *at;
    if (*at == '{' && strncmp(at, "{uuid:", 6) == 0) at += 5;
    if (*at == '{' && at[1] == '*') at++;
  }
  out[n] = 0;
}

static void write_paths(struct rendering *r) {
  jw_key(&r->w, "paths");
  jw_object(&r->w);
  for (size_t i = 0; i < api_route_count; i++) {
    const struct route *route = &api_routes[i];
    bool first = openapi_belongs(r->document, route);
    for (size_t k = 0; k < i && first; k++) first = strcmp(api_routes[k].pattern, route->pattern) != 0;
    if (!first) continue;
    char pattern[256];
    plain_pattern(route->pattern, pattern);
    jw_key(&r->w, pattern);
    jw_object(&r->w);
    for (size_t k = i; k < api_route_count; k++)
      if (strcmp(api_routes[k].pattern, route->pattern) == 0) write_operation(r, &api_routes[k]);
    jw_object_end(&r->w);
  }
  jw_object_end(&r->w);
}

static void write_webhooks(struct rendering *r) {
  struct jw *w = &r->w;
  const struct family *f = r->family;
  bool any = false;
  for (size_t i = 0; i < f->row_count; i++) any = any || f->rows[i].kind == DESCRIBE_WEBHOOK;
  if (!any) return;
  jw_key(w, "webhooks");
  jw_object(w);
  for (size_t i = 0; i < f->row_count; i++) {
    const struct describe_row *row = &f->rows[i];
    if (row->kind != DESCRIBE_WEBHOOK) continue;
    size_t count = describe_rows_of(f, row);
    jw_key(w, row->name);
    jw_object(w);
    jw_key(w, "post");
    jw_object(w);
    jw_kstr(w, "summary", row->name);
    jw_kstr(w, "description", row->text);
    write_parameters(r, row + 1, count, "");
    write_body(r, row + 1, count);
    write_answers(r, NULL, row + 1, count);
    jw_object_end(w);
    jw_object_end(w);
  }
  jw_object_end(w);
}

/* ---- schemas ---- */

static void write_fields(struct rendering *r, const struct describe_row *fields, size_t count) {
  struct jw *w = &r->w;
  jw_key(w, "properties");
  jw_object(w);
  bool any_required = false;
  for (size_t i = 0; i < count; i++) {
    const struct describe_row *f = &fields[i];
    any_required = any_required || f->required;
    jw_key(w, f->name);
    jw_object(w);
    schema_write(w, f->type);
    jw_kstr(w, "description", f->text);
    if (f->example) {
      jw_key(w, "examples");
      jw_array(w);
      schema_write_example(w, f->type, f->example);
      jw_array_end(w);
    }
    jw_object_end(w);
  }
  jw_object_end(w);
  if (!any_required) return;
  jw_key(w, "required");
  jw_array(w);
  for (size_t i = 0; i < count; i++)
    if (fields[i].required) jw_str(w, fields[i].name);
  jw_array_end(w);
}

static void write_components(struct rendering *r) {
  struct jw *w = &r->w;
  jw_key(w, "components");
  jw_object(w);
  jw_key(w, "schemas");
  jw_object(w);
  for (size_t i = 0; i < r->family->row_count; i++) {
    const struct describe_row *row = &r->family->rows[i];
    if (row->kind != DESCRIBE_SCHEMA || !r->used[i]) continue;
    jw_key(w, row->name);
    jw_object(w);
    jw_kstr(w, "type", "object");
    jw_kstr(w, "description", row->text);
    write_fields(r, row + 1, describe_rows_of(r->family, row));
    jw_object_end(w);
  }
  for (int i = 0; setup_families[i]; i++)
    for (int kind = 0; kind < SETUP_SCHEMA_COUNT; kind++) {
      char name[SETUP_SCHEMA_NAME_LEN];
      if (!(r->setup_used[i] & 1u << kind)) continue;
      openapi_setup_name(setup_families[i], (enum setup_schema)kind, name);
      jw_key(w, name);
      jw_object(w);
      openapi_setup_write(w, setup_families[i], (enum setup_schema)kind);
      jw_object_end(w);
    }
  jw_object_end(w);
  write_schemes(r);
  jw_object_end(w);
}

/* ---- the whole ---- */

void openapi_render(struct buf *out, const struct openapi_document *d, const char *server_url) {
  struct rendering *r = mem_new(NULL, struct rendering);
  *r = (struct rendering){.w = jw_into(out), .document = d, .family = d->family, .server_url = server_url};
  struct jw *w = &r->w;
  invariant(d->family->row_count < ROWS_MAX);
  jw_object(w);
  jw_kstr(w, "openapi", "3.1.0");
  jw_key(w, "info");
  jw_object(w);
  jw_kstr(w, "title", d->title);
  jw_kstr(w, "version", GUICHET_VERSION);
  jw_kstr(w, "description", d->family->intro);
  jw_object_end(w);
  jw_key(w, "servers");
  jw_array(w);
  jw_object(w);
  jw_kstr(w, "url", server_url);
  jw_object_end(w);
  jw_array_end(w);
  write_paths(r);
  write_webhooks(r);
  write_components(r);
  jw_object_end(w);
  mem_free(r);
  if (out->failed) panic("the document %s outgrows its buffer", d->name);
}
