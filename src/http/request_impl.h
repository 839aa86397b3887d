/* What a request is made of. Seen by the .c files of this folder only. */
#pragma once

#include "http/reply.h"
#include "http/router.h"
#include "http/server.h"
#include "http/watch.h"

#define QUERY_MAX      64
#define REQUEST_ID_LEN 17 /* 16 hex digits and NUL */

struct query_param {
  const char *name;
  const char *value;
};

struct extra_header {
  struct extra_header *next;
  const char *name;
  const char *value;
};

struct reply {
  int status; /* 0: none yet */
  bool close;
  bool is_stream;
  const char *content_type;
  const void *bytes;
  size_t len;
  int64_t stream_len;
  size_t block;
  struct stream stream;
  struct extra_header *extra;
};

/* Where a request is; it only ever moves down this list, a refused one skips. */
enum stage { STAGE_HEADERS, STAGE_BODY, STAGE_HANDLING, STAGE_SUSPENDED, STAGE_SENDING };

/* What the library's request pointer points to: the target alone until the headers are complete, then the request. */
struct half {
  bool is_request;
};

/* The target, kept from the request line: the library cuts it up in place. */
struct head {
  struct half half; /* first */
  const char *raw;  /* where it lies */
  size_t len;
  char text[];
};

struct request {
  struct half half; /* first */
  enum stage stage;
  enum http_method method;
  bool is_old; /* HTTP/1.0 */
  bool is_chunked;
  bool stream_waits; /* its read() has suspended the request */
  bool discard_body; /* refused, but so little is to come that the connection is worth keeping */
  bool early;        /* answered before the body was read: the connection lingers */
  void *pool;
  struct http_server *server;
  const struct conf *conf;
  struct connection *connection;
  void *library; /* the HTTP library's connection */

  struct head *head;    /* malloc: it is there before the pool */
  const char *raw_path; /* in head, as is the query until it is decoded */
  const char *path;     /* decoded */
  struct query_param *query;
  int query_count;
  struct route_match match;

  char *body; /* malloc: talloc has no blocks of 256 MB */
  size_t body_len;
  size_t body_cap;
  int64_t body_max;
  int64_t content_length;
  uint64_t bytes_in;
  int refuse_status; /* found while reading the body */
  const char *refuse_reason;

  struct reply reply;
  uint64_t bytes_out;
  int64_t begun_us;
  void *user;
  void (*on_end)(void *arg, bool complete);
  void *on_end_arg;
  struct sockaddr_storage *peer; /* found when first asked for */
  char id[REQUEST_ID_LEN];
};

/* request.c */
enum http_method http_method_of(const char *name);
/* Cuts the target, which the guard has passed, into path and query. NULL, or what is wrong with it (400). */
const char *request_take_target(struct request *req);
