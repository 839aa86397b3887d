/* Guarded outgoing HTTP: one libcurl multi handle on the caller's thread. The only user of curl. Never follows
 * redirects, never uses a proxy, .netrc, other protocols than http and https, nor reaches a private address unless the
 * allow-list has it: that is checked on the address actually connected to. */
#pragma once

#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outbound;

struct outbound_result {
  int status;               /* HTTP status; 0 when there was none */
  bool complete;            /* the answer came whole, or exceeded body_max after its status was there */
  const char *error;        /* sentence for people when !complete or no status, else "" */
  int64_t retry_after_ms;   /* from Retry-After, 0 when none */
  const char *content_type; /* "" when none */
  const void *body;         /* first body_max bytes */
  size_t body_len;
  bool body_cut;        /* there was more */
  bool refused_address; /* the guard said no */
};

struct outbound_request {
  const char *method; /* "POST" or "GET" */
  const char *url;
  const char *const *headers; /* "Name: value", NULL-terminated; copied */
  const void *body;           /* must stay valid until done */
  size_t body_len;
  int64_t timeout_ms;
  size_t body_max;                                               /* of the answer */
  void (*done)(void *arg, const struct outbound_result *result); /* on the thread that runs outbound_run */
  void *arg;
};

struct outbound *outbound_new(void *ctx, int connections_max);
/* conf must live until it is replaced; only allow_private_targets is read. */
void outbound_set_conf(struct outbound *o, const struct conf *conf);
/* False when the URL is unusable (err says why); done is not called then. */
bool outbound_send(struct outbound *o, const struct outbound_request *request, char err[static 160]) MUST_CHECK;
/* Works for at most wait_ms, or until something finished or outbound_wake was called. */
void outbound_run(struct outbound *o, int wait_ms);
void outbound_wake(struct outbound *o); /* from any thread */
int outbound_active(const struct outbound *o);
void outbound_free(struct outbound *o); /* breaks off what is under way; done is called with an error */
