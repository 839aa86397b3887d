/* epoll_wait() for the whole process, returning at most one event less than asked for.
 * libmicrohttpd 0.9.75 takes events in rounds of 128, and after a round that was exactly full waits for more before it
 * serves the 128 it has: when every client has already asked and waits for its answer, that is for ever (until a
 * time-out). With a round that is never full it serves what it has. Owns nothing, any thread. epoll_is_ours() tells
 * whether the dynamic linker took this one. */
#include "http/epoll.h"

#include <dlfcn.h>
#include <stddef.h>
#include <sys/epoll.h>

int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout) {
  return epoll_pwait(epfd, events, maxevents > 1 ? maxevents - 1 : maxevents, timeout, NULL);
}

bool epoll_is_ours(void) {
  return dlsym(RTLD_DEFAULT, "epoll_wait") == (void *)epoll_wait;
}
