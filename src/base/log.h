/* Structured log: one line per outcome on stderr, `ts=… level=… event=… key=value …`.
 * Values with spaces, quotes or control characters are quoted and escaped, so no input can forge a line.
 * Context pairs (request, channel, interaction) are pushed per thread and appended to every line. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
bool log_level_parse(const char *text, enum log_level *ret_level); /* "error" "warn" "info" "debug" */
bool log_enabled(enum log_level level);

/* A pair; build with the helpers, end the list with log_end (the macro does). */
struct log_kv {
  const char *key;
  enum { LOG_KV_END, LOG_KV_TEXT, LOG_KV_INT } kind;
  const char *text;
  int64_t number;
};
static inline struct log_kv log_t(const char *key, const char *text) {
  return (struct log_kv){.key = key, .kind = LOG_KV_TEXT, .text = text};
}
static inline struct log_kv log_i(const char *key, int64_t number) {
  return (struct log_kv){.key = key, .kind = LOG_KV_INT, .number = number};
}
void log_write(enum log_level level, const char *event, const struct log_kv *pairs);
#define log_at(level, event, ...)                                                                                      \
  do {                                                                                                                 \
    if (log_enabled(level))                                                                                            \
      log_write((level), (event), (const struct log_kv[]){__VA_ARGS__ __VA_OPT__(, ){.kind = LOG_KV_END}});            \
  } while (0)

/* Per-thread context: at most 8 pairs, values copied (63 bytes). pop removes the newest. */
void log_push(const char *key, const char *value);
void log_pop(void);
