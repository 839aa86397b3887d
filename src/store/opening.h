/* Is a service open? Its calendar in the setup, with the zone it names. Any thread. */
#pragma once

#include "store/registry.h"

/* A disabled service is closed; one without a calendar, or whose zone this system does not know, is open. */
bool opening_now(const struct registry *registry, const struct service *service, int64_t now_ms);
/* When that changes next; 0: not in sight. */
int64_t opening_next(const struct registry *registry, const struct service *service, int64_t now_ms);
