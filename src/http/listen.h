/* The listening socket and the thread that accepts. The library could do both, but cannot stop accepting without a race
 * that aborts the process, and leaves it to chance how connections fall to its threads. */
#pragma once

#include "base/fail.h"

#include <sys/socket.h>

struct listener;

/* address: "ADDR:PORT", "[v6]:PORT" ("[::]" takes IPv4 too). accepted() owns fd; called on the listener's thread; IPv4
 * clients of an IPv6 socket come as IPv4. NULL and one sentence in err when it cannot. */
struct listener *listener_open(void *ctx, const char *address, char err[static 256]) MUST_CHECK;
int listener_port(const struct listener *l);
void listener_run(struct listener *l, void (*accepted)(void *arg, int fd, const struct sockaddr *peer, socklen_t len),
                  void *arg);
void listener_close(struct listener *l); /* also when never run; twice does nothing */
