/* A partner's endpoint for tests: a thread on a free port of 127.0.0.1 that hands each request to a function of the
 * test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct sink_request {
  const char *head; /* request line and headers, NUL-terminated */
  const char *path; /* NUL-terminated */
  const char *body; /* NUL-terminated */
  size_t body_len;
};

/* What to do: answer is sent as it stands (so it may be rubbish); NULL sends nothing. */
struct sink_reply {
  const char *answer;
  size_t answer_len; /* 0: strlen */
  bool close;        /* then; with answer NULL the connection breaks without a byte */
};
typedef void sink_fn(void *arg, const struct sink_request *request, struct sink_reply *reply);

#define SINK_OK  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define SINK_500 "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n"

struct sink;
struct sink *sink_start(sink_fn *fn, void *arg); /* fn runs on the sink's thread */
int sink_port(const struct sink *s);
int sink_connections(const struct sink *s); /* accepted so far */
void sink_stop(struct sink *s);
/* "http://127.0.0.1:PORT/path" in a buffer of the sink's; good until the next call. */
const char *sink_url(struct sink *s, const char *path);
