/* One thread that calls back later. For short, rare waits (holding a stream's end); callbacks must be quick. */
#pragma once

#include <stdint.h>

/* fn(arg) runs on the timer's thread after at least ms. Any thread. The thread starts with the first call. */
void timer_after(int64_t ms, void (*fn)(void *arg), void *arg);
void timer_stop(void); /* runs what waits at once, joins the thread */
