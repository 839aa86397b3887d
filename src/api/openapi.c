/* Which documents of the API there are, and serving them. Owns the list and, of each, the bytes last rendered: they
 * change only when the setting public_url does. On HTTP threads, under a lock that is held for a copy of some 50 kB,
 * once for a rendering. */
#include "api/openapi.h"

#include "api/app.h"
#include "api/errors.h"
#include "api/openapi_render.h"
#include "api/routes.h"
#include "api/static.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define DOCUMENTS_MAX 32
#define DOCUMENT_SIZE (4 << 20)
#define NAME_LEN      OPENAPI_NAME_LEN
#define URL_LEN       512

struct document {
  struct openapi_document is;
  char server_url[URL_LEN]; /* what body was rendered for */
  char etag[32];
  struct buf *body; /* NULL: not yet */
};

static struct {
  pthread_once_t once;
  pthread_mutex_t lock; /* of the bodies */
  struct document list[DOCUMENTS_MAX];
  int count;
} documents = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- which documents there are ---- */

/* The name of the document of a route of this family: the family's, or the package behind the prefix. */
static void document_name(const struct family *f, const struct route *route, char out[static NAME_LEN]) {
  const char *package = route->pattern + (strchr(f->name, '%') ? strlen(f->prefixes[0]) : 0);
  if (strchr(f->name, '%'))
    snprintf(out, NAME_LEN, "%.*s", (int)strcspn(package, "/"), package);
  else
    snprintf(out, NAME_LEN, "%s", f->name);
}

/* A family's text, with the name where it says %s. */
static void fill_in(const char *pattern, const char *name, char out[static NAME_LEN * 2]) {
  size_t before = strcspn(pattern, "%");
  bool any = pattern[before] != 0;
  snprintf(out, NAME_LEN * 2, "%.*s%s%s", (int)before, pattern, any ? name : "", any ? pattern + before + 2 : "");
}

static void list_documents(void) {
  char name[NAME_LEN];
  for (size_t i = 0; i < api_route_count; i++) {
    const struct family *f = family_of(&api_routes[i]);
    document_name(f, &api_routes[i], name);
    int at = 0;
    while (at < documents.count && strcmp(documents.list[at].is.name, name) != 0) at++;
    if (at < documents.count) continue;
    invariant(documents.count < DOCUMENTS_MAX);
    struct document *d = &documents.list[documents.count++];
    d->is.family = f;
    snprintf(d->is.name, sizeof d->is.name, "%s", name);
    fill_in(f->title, name, d->is.title);
    fill_in(f->url, name, d->is.url);
  }
}

bool openapi_belongs(const struct openapi_document *d, const struct route *route) {
  char name[NAME_LEN];
  if (family_of(route) != d->family) return false;
  document_name(d->family, route, name);
  return strcmp(name, d->name) == 0;
}

static struct document *find(const char *name) {
  pthread_once(&documents.once, list_documents);
  for (int i = 0; i < documents.count; i++)
    if (strcmp(documents.list[i].is.name, name) == 0) return &documents.list[i];
  return NULL;
}

const char *openapi_name(int index) {
  pthread_once(&documents.once, list_documents);
  return index < documents.count ? documents.list[index].is.name : NULL;
}

const char *openapi_name_of(const struct route *route) {
  pthread_once(&documents.once, list_documents);
  int at = 0;
  while (!openapi_belongs(&documents.list[at].is, route)) at++;
  return documents.list[at].is.name;
}

bool openapi_write(struct buf *out, const char *name, const char *server_url) {
  const struct document *d = find(name);
  if (d) openapi_render(out, &d->is, server_url);
  return d != NULL;
}

/* ---- serving ---- */

static void refresh(struct document *d, const char *server_url) {
  if (d->body && strcmp(d->server_url, server_url) == 0) return;
  if (d->body) mem_free(d->body);
  d->body = mem_new(NULL, struct buf);
  buf_init(d->body, d->body, 65536, DOCUMENT_SIZE);
  snprintf(d->server_url, sizeof d->server_url, "%s", server_url);
  openapi_render(d->body, &d->is, server_url);
  uint8_t hash[SHA256_LEN];
  char hex[2 * SHA256_LEN + 1];
  digest_sha256(d->body->data, d->body->len, hash);
  hex_encode(hash, sizeof hash, hex);
  snprintf(d->etag, sizeof d->etag, "W/\"%.24s\"", hex);
}

static struct document *document_at(const char *path) {
  pthread_once(&documents.once, list_documents);
  size_t len = strlen(path);
  if (len > 1 && path[len - 1] == '/') len--;
  for (int i = 0; i < documents.count; i++)
    if (strlen(documents.list[i].is.url) == len && memcmp(documents.list[i].is.url, path, len) == 0)
      return &documents.list[i];
  return NULL;
}

void openapi_document(struct request *req) {
  struct document *d = document_at(request_path(req));
  if (!d) {
    fail_by_path(req, 404, "there is no such package");
    return;
  }
  char server_url[URL_LEN], etag[32];
  snprintf(server_url, sizeof server_url, "%s", api_public_url(request_conf(req)));
  pthread_mutex_lock(&documents.lock);
  refresh(d, server_url);
  size_t len = d->body->len;
  char *copy = mem_strndup(request_pool(req), d->body->data, len);
  snprintf(etag, sizeof etag, "%s", d->etag);
  pthread_mutex_unlock(&documents.lock);
  reply_header(req, "ETag", etag);
  reply_header(req, "Cache-Control", "no-cache");
  if (static_etag_known(request_header(req, "If-None-Match"), etag))
    reply_empty(req, 304);
  else
    reply_static(req, 200, "application/json", copy, len);
}

void openapi_documents(struct request *req) {
  pthread_once(&documents.once, list_documents);
  struct buf *b = mem_new(request_pool(req), struct buf);
  buf_init(b, request_pool(req), 1024, 65536);
  struct jw w = jw_into(b);
  jw_array(&w);
  for (int i = 0; i < documents.count; i++) {
    jw_object(&w);
    jw_kstr(&w, "name", documents.list[i].is.name);
    jw_kstr(&w, "title", documents.list[i].is.title);
    jw_kstr(&w, "url", documents.list[i].is.url);
    jw_object_end(&w);
  }
  jw_array_end(&w);
  reply_header(req, "Cache-Control", "no-cache");
  reply_json(req, 200, b);
}
