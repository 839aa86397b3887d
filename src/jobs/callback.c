/* One request through the guard of outbound.h, on the caller's thread, with a multi handle of its own. Owns nothing
 * afterwards. */
#include "jobs/callback.h"

#include "base/mem.h"
#include "jobs/outbound.h"

#include <stdio.h>

#define TIMEOUT_MS 10000
#define ANSWER_MAX 4096

struct waiting {
  bool over, passed;
  const struct surface *surface;
  char *why; /* of 200 */
};

static void done(void *arg, const struct outbound_result *result) {
  struct waiting *w = arg;
  w->over = true;
  w->passed = result->complete && w->surface->delivered(result->status);
  if (result->complete)
    snprintf(w->why, 200, "it answered %d", result->status);
  else
    snprintf(w->why, 200, "%s", result->error);
}

bool callback_check(const struct conf *conf, const struct callback_check *check, char why[static 200]) {
  struct waiting w = {.surface = surface_of(check->kind), .why = why};
  char lines[SURFACE_HEADERS_MAX][SURFACE_HEADER_LEN], err[160];
  const char *headers[SURFACE_HEADERS_MAX + 1] = {NULL};
  const struct surface_signing signing = {.secret = check->secret, .token = check->token};
  int n = w.surface->headers(&signing, lines);
  for (int i = 0; i < n; i++) headers[i] = lines[i];
  struct outbound *o = outbound_new(NULL, 1);
  outbound_set_conf(o, conf);
  const struct outbound_request request = {.method = "GET",
                                           .url = check->url,
                                           .headers = headers,
                                           .timeout_ms = TIMEOUT_MS,
                                           .body_max = ANSWER_MAX,
                                           .done = done,
                                           .arg = &w};
  if (outbound_send(o, &request, err)) {
    while (!w.over) outbound_run(o, 100);
  } else {
    snprintf(why, 200, "%s", err);
  }
  outbound_free(o);
  return w.passed;
}
