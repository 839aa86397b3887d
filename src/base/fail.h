/* Whose fault it is: bug() ours and we go on, peer_fault() theirs, fatal() only before serving,
 * panic() on broken invariants and out of memory (aborts, keeps the core). */
#pragma once

#include <stdbool.h>

void bug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void peer_fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void fatal(const char *format, ...) __attribute__((format(printf, 1, 2))); /* exit code 1 */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define invariant(cond)                                                                                                \
  do {                                                                                                                 \
    if (!(cond)) panic("broken invariant: %s (%s:%d)", #cond, __FILE__, __LINE__);                                     \
  } while (0)

#define MUST_CHECK   __attribute__((warn_unused_result))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
