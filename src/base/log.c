/* One line per outcome on stderr. Owns the level (atomic) and the context pairs of each thread. Any thread.
 * A line is built on the stack and written by one write(2), so lines never mix. A line too long for LINE_MAX_BYTES is
 * cut and marked. When stderr is gone the line is lost: logging never fails and never blocks its caller on errors. */
#include "base/log.h"

#include "base/clock.h"
#include "base/fail.h"
#include "base/text.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096 /* PIPE_BUF: whole even when stderr is a pipe with several writers */
#define CONTEXT_MAX    8
#define CONTEXT_TEXT   64

struct line {
  char text[LINE_MAX_BYTES];
  size_t len;
  bool cut;
};

static const char cut_mark[] = " cut=true\n";
#define LINE_ROOM (LINE_MAX_BYTES - sizeof cut_mark)

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static _Atomic int level_now = LOG_INFO;

static _Thread_local struct {
  char key[CONTEXT_MAX][CONTEXT_TEXT];
  char value[CONTEXT_MAX][CONTEXT_TEXT];
  int count; /* may exceed CONTEXT_MAX: pushes beyond it are counted, so that pops stay paired */
} context;

void log_set_level(enum log_level level) {
  atomic_store_explicit(&level_now, level, memory_order_relaxed);
}

bool log_level_parse(const char *text, enum log_level *ret_level) {
  for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
    if (!text_equal_nocase(text, level_names[i])) continue;
    *ret_level = (enum log_level)i;
    return true;
  }
  return false;
}

bool log_enabled(enum log_level level) {
  return (int)level <= atomic_load_explicit(&level_now, memory_order_relaxed);
}

/* All of bytes or nothing: a cut never falls into an escape or a character. */
static void put(struct line *line, const char *bytes, size_t len) {
  if (line->cut || len > LINE_ROOM - line->len) {
    line->cut = true;
    return;
  }
  memcpy(line->text + line->len, bytes, len);
  line->len += len;
}

static bool is_plain(const char *text, size_t len) {
  if (!len) return false;
  for (size_t i = 0; i < len; i++) {
    uint8_t c = (uint8_t)text[i];
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=') return false;
  }
  return true;
}

static void put_hex_byte(struct line *line, uint8_t c) {
  put(line, (char[]){'\\', 'x', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15]}, 4);
}

/* Length of the printable character at s, 0 when its first byte must be escaped: control characters (C1 and the
 * Unicode line separators too) and everything that is not UTF-8. */
static size_t printable(const uint8_t *s, size_t left) {
  if (s[0] < 0x20 || s[0] == 0x7f) return 0;
  if (s[0] < 0x80) return 1;
  size_t len = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
  if (len > left || !utf8_valid((const char *)s, len)) return 0;
  if (s[0] == 0xC2 && s[1] < 0xA0) return 0;
  if (s[0] == 0xE2 && s[1] == 0x80 && (s[2] | 1) == 0xA9) return 0;
  return len;
}

static void put_quoted(struct line *line, const char *text, size_t len) {
  static const char short_form[256] = {['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['"'] = '"', ['\\'] = '\\'};
  const uint8_t *s = (const uint8_t *)text;
  put(line, "\"", 1);
  for (size_t i = 0; i < len && !line->cut;) {
    size_t step = printable(s + i, len - i);
    if (short_form[s[i]]) {
      put(line, (char[]){'\\', short_form[s[i]]}, 2);
      i++;
    } else if (step) {
      put(line, text + i, step);
      i += step;
    } else {
      put_hex_byte(line, s[i++]);
    }
  }
  put(line, "\"", 1);
}

static void put_key(struct line *line, const char *key) {
  put(line, " ", 1);
  put(line, key, strlen(key));
  put(line, "=", 1);
}

static void put_text(struct line *line, const char *text) {
  if (!text) text = "";
  size_t len = strnlen(text, LINE_MAX_BYTES);
  if (is_plain(text, len)) {
    size_t room = LINE_ROOM - line->len;
    put(line, text, len < room ? len : room);
    if (len > room) line->cut = true;
  } else {
    put_quoted(line, text, len);
  }
}

static void put_number(struct line *line, int64_t n) {
  char digits[20];
  size_t at = sizeof digits;
  uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest);
  if (n < 0) digits[--at] = '-';
  put(line, digits + at, sizeof digits - at);
}

static void send_line(const struct line *line) {
  int kept = errno;
  for (size_t sent = 0; sent < line->len;) {
    ssize_t n = write(STDERR_FILENO, line->text + sent, line->len - sent);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    sent += (size_t)n;
  }
  errno = kept;
}

void log_write(enum log_level level, const char *event, const struct log_kv *pairs) {
  struct line line;
  line.len = 0;
  line.cut = false;
  char time[CLOCK_RFC3339_LEN];
  clock_rfc3339(clock_wall_ms(), time);
  put(&line, "ts=", 3);
  put(&line, time, CLOCK_RFC3339_LEN - 1);
  put_key(&line, "level");
  put_text(&line, level_names[level]);
  put_key(&line, "event");
  put_text(&line, event);
  for (; pairs && pairs->kind != LOG_KV_END; pairs++) {
    put_key(&line, pairs->key);
    if (pairs->kind == LOG_KV_INT) {
      put_number(&line, pairs->number);
    } else {
      put_text(&line, pairs->text);
    }
  }
  for (int i = 0; i < context.count && i < CONTEXT_MAX; i++) {
    put_key(&line, context.key[i]);
    put_text(&line, context.value[i]);
  }
  const char *end = line.cut ? cut_mark : "\n";
  size_t end_len = strlen(end);
  memcpy(line.text + line.len, end, end_len);
  line.len += end_len;
  send_line(&line);
}

static void copy_text(char to[static CONTEXT_TEXT], const char *from) {
  size_t len = from ? strnlen(from, CONTEXT_TEXT - 1) : 0;
  memcpy(to, from ? from : "", len);
  to[len] = '\0';
}

void log_push(const char *key, const char *value) {
  if (context.count < CONTEXT_MAX) {
    copy_text(context.key[context.count], key);
    copy_text(context.value[context.count], value);
  }
  context.count++;
}

void log_pop(void) {
  invariant(context.count > 0);
  context.count--;
}
