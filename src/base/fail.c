/* The four ways to say that something is wrong, each one line of the log. Owns nothing; any thread.
 * bug() and peer_fault() always return; fatal() and panic() never do. */
#include "base/fail.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FAIL_TEXT_MAX 1024

#define SAY(level, event, format)                                                                                      \
  do {                                                                                                                 \
    char text[FAIL_TEXT_MAX];                                                                                          \
    va_list args;                                                                                                      \
    va_start(args, format);                                                                                            \
    vsnprintf(text, sizeof text, format, args);                                                                        \
    va_end(args);                                                                                                      \
    log_at(level, event, log_t("text", text));                                                                         \
  } while (0)

void bug(const char *format, ...) {
  SAY(LOG_ERROR, "bug", format);
}

void peer_fault(const char *format, ...) {
  SAY(LOG_INFO, "peer_fault", format);
}

void fatal(const char *format, ...) {
  SAY(LOG_ERROR, "fatal", format);
  exit(1);
}

void panic(const char *format, ...) {
  SAY(LOG_ERROR, "panic", format);
  abort();
}
