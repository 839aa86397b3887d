/* See epoll.c. */
#pragma once

#include <stdbool.h>

/* Is our epoll_wait the one the HTTP library gets? */
bool epoll_is_ours(void);
