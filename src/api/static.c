/* Serves the files of ui/. Owns nothing: embedded bytes are the program's, those from disk the request's. On HTTP
 * threads; embedded files cost no I/O, those of ui_dir (for people who work on the pages) are read while others wait.
 * Never lists a folder, never leaves the folder: the router passes no dots, and no name may begin with one. */
#include "api/static.h"

#include "api/embedded.h"
#include "api/errors.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "http/router.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define DISK_FILE_MAX (16 << 20)
#define PATH_LEN_MAX  512
#define POLICY                                                                                                         \
  "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "                 \
  "frame-ancestors 'none'"

const char *static_type(const char *path) {
  static const struct {
    const char *suffix, *type;
  } types[] = {
      {"html", "text/html; charset=utf-8"},
      {"js", "text/javascript; charset=utf-8"},
      {"css", "text/css; charset=utf-8"},
      {"json", "application/json"},
      {"svg", "image/svg+xml"},
      {"png", "image/png"},
      {"ico", "image/x-icon"},
      {"webp", "image/webp"},
      {"woff2", "font/woff2"},
      {"ogg", "audio/ogg"},
      {"mp3", "audio/mpeg"},
      {"wav", "audio/wav"},
      {"txt", "text/plain; charset=utf-8"},
      {"webmanifest", "application/manifest+json"},
  };
  const char *dot = strrchr(path, '.');
  for (size_t i = 0; dot && i < ARRAY_LEN(types); i++)
    if (strcmp(dot + 1, types[i].suffix) == 0) return types[i].type;
  return NULL;
}

/* "q=0", "q=0.000": not acceptable. */
static bool is_zero_weight(const char *params, size_t len) {
  const char *end = params + len, *at = memchr(params, '=', len);
  if (!at) return false;
  at++;
  while (at < end && (*at == ' ' || *at == '0' || *at == '.')) at++;
  return at == end || *at == ' ';
}

bool static_accepts_gzip(const char *accept_encoding) {
  bool any = false;
  for (const char *at = accept_encoding; at && *at;) {
    at += strspn(at, " \t,");
    size_t len = strcspn(at, ","), name = strcspn(at, ",; \t");
    const char *params = memchr(at, ';', len);
    bool wanted = !params || !is_zero_weight(params, (size_t)(at + len - params));
    if (name == 4 && strncasecmp(at, "gzip", 4) == 0) return wanted;
    if (name == 1 && *at == '*') any = wanted;
    at += len;
  }
  return any;
}

static const char *opaque_tag(const char *tag) {
  return strncmp(tag, "W/", 2) == 0 ? tag + 2 : tag;
}

bool static_etag_known(const char *if_none_match, const char *etag) {
  const char *wanted = opaque_tag(etag);
  size_t wanted_len = strlen(wanted);
  for (const char *at = if_none_match; at && *at;) {
    at += strspn(at, " \t,");
    if (*at == '*') return true;
    at = opaque_tag(at);
    if (strncmp(at, wanted, wanted_len) == 0) return true;
    at += *at == '"';
    at += strcspn(at, "\"");
    at += *at == '"';
    at += strcspn(at, ",");
  }
  return false;
}

static int by_path(const void *key, const void *row) {
  return strcmp(key, ((const struct embedded_file *)row)->path);
}

static bool is_hidden(const char *path) {
  return *path == '.' || strstr(path, "/.");
}

/* The file as if it were embedded; false when there is none. */
static bool from_disk(struct request *req, const char *dir, const char *path, struct embedded_file *ret) {
  void *pool = request_pool(req);
  struct stat st;
  int fd = open(mem_printf(pool, "%s/%s", dir, path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return false;
  bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= DISK_FILE_MAX;
  size_t len = good ? (size_t)st.st_size : 0;
  char *bytes = mem_bytes(pool, len + 1);
  good = good && read(fd, bytes, len) == (ssize_t)len;
  close(fd);
  if (!good) return false;
  uint8_t hash[SHA256_LEN];
  char hex[2 * SHA256_LEN + 1];
  digest_sha256(bytes, len, hash);
  hex_encode(hash, sizeof hash, hex);
  *ret = (struct embedded_file){
      .path = path, .etag = mem_printf(pool, "W/\"%.24s\"", hex), .bytes = (const unsigned char *)bytes, .len = len};
  return true;
}

static bool find(struct request *req, const char *path, struct embedded_file *ret) {
  const char *dir = request_conf(req)->ui_dir;
  if (strlen(path) > PATH_LEN_MAX || is_hidden(path) || !static_type(path)) return false;
  if (*dir) return from_disk(req, dir, path, ret);
  const struct embedded_file *f = bsearch(path, embedded_files, embedded_file_count, sizeof embedded_files[0], by_path);
  if (f) *ret = *f;
  return f != NULL;
}

static void serve(struct request *req, const char *path) {
  struct embedded_file f;
  if (!find(req, path, &f)) {
    fail_by_path(req, 404, "there is no such page");
    return;
  }
  reply_header(req, "ETag", f.etag);
  reply_header(req, "Cache-Control", "no-cache");
  reply_header(req, "Vary", "Accept-Encoding");
  if (static_etag_known(request_header(req, "If-None-Match"), f.etag)) {
    reply_empty(req, 304);
    return;
  }
  reply_header(req, "Content-Security-Policy", POLICY);
  reply_header(req, "Referrer-Policy", "no-referrer");
  reply_header(req, "Cross-Origin-Opener-Policy", "same-origin");
  bool gzip = f.gzip_len && static_accepts_gzip(request_header(req, "Accept-Encoding"));
  if (gzip) reply_header(req, "Content-Encoding", "gzip");
  reply_static(req, 200, static_type(path), gzip ? f.gzip : f.bytes, gzip ? f.gzip_len : f.len);
}

void static_page(struct request *req) {
  const char *pattern = request_route(req)->pattern + 1;
  serve(req, mem_printf(request_pool(req), "%.*s/index.html", (int)strcspn(pattern, "/"), pattern));
}

void static_file(struct request *req) {
  serve(req, request_param(req, 0));
}
