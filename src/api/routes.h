/* THE table of routes. 404, 405, Allow, rights, metrics and documentation come from it. */
#pragma once

#include "http/router.h"

extern const struct route api_routes[];
extern const size_t api_route_count;
const char *access_word(int access); /* "public", "connector", "channel", "api", "person" */
