/* Can a webhook be reached from here? Without sending it anything. */
#pragma once

#include "conf/conf.h"

enum probe_result { PROBE_REACHED, PROBE_BAD_URL, PROBE_NO_NAME, PROBE_REFUSED, PROBE_NO_CONNECTION };

/* url: http or https. Resolves the name, asks the guard of outgoing requests, connects to the first address that is
 * allowed. why: one clause for people. Waits for a connection at most timeout_ms. */
enum probe_result probe_url(const char *url, const struct cidr_list *allowed, int timeout_ms, char why[static 200]);
