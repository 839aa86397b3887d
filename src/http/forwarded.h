/* Who a trusted proxy says the client is. Pure. */
#pragma once

#include "base/net.h"

#define FORWARDED_MAX 8 /* X-Forwarded-For headers looked at */

/* values: the X-Forwarded-For headers in the order they came. *peer holds the proxy we talk to and becomes the
 * right-most address that is not itself a trusted proxy; when all are, the left-most; what stands left of something
 * unreadable is not believed. */
void forwarded_client(const char *const *values, int count, const struct cidr_list *trusted,
                      struct sockaddr_storage *peer);
/* X-Forwarded-Proto: the last of a list counts, it is the nearest proxy's. */
bool forwarded_is_https(const char *value);
