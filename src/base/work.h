/* A bounded queue with its own threads, for CPU work that must not sit on an HTTP thread (password
 * hashing) and for hand-over between threads. */
#pragma once

#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>

struct work;
struct work *work_new(void *ctx, const char *name, int threads, size_t max_waiting);
/* fn(arg) runs on one of the threads. False when the queue is full or closing: nothing happens then. */
bool work_submit(struct work *w, void (*fn)(void *arg), void *arg) MUST_CHECK;
void work_close(struct work *w); /* runs what waits, joins the threads */
