/* Asking a custom channel's callback whether it knows us: one GET, signed, as the vendor does when a channel is made or
 * its address changes. Waits for the answer: for commands and workers, never on an HTTP thread. */
#pragma once

#include "conf/conf.h"
#include "core/surface.h"

struct callback_check {
  enum channel_kind kind;
  const char *url, *secret, *token;
};
/* True when it answered as delivered. why: one clause for people, either way. */
bool callback_check(const struct conf *conf, const struct callback_check *check, char why[static 200]) MUST_CHECK;
