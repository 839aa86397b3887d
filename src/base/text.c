/* Small text jobs. Pure: owns nothing, allocates nothing, any thread. Never reads beyond the length it is given. */
#include "base/text.h"

#include <string.h>

enum { B64_SPACE = 64, B64_PAD = 65, B64_BAD = 66 };

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define RUN10(c, n)                                                                                                    \
  [(c)] = (n), [(c) + 1] = (n) + 1, [(c) + 2] = (n) + 2, [(c) + 3] = (n) + 3, [(c) + 4] = (n) + 4,                     \
  [(c) + 5] = (n) + 5, [(c) + 6] = (n) + 6, [(c) + 7] = (n) + 7, [(c) + 8] = (n) + 8, [(c) + 9] = (n) + 9
#define RUN6(c, n)                                                                                                     \
  [(c)] = (n), [(c) + 1] = (n) + 1, [(c) + 2] = (n) + 2, [(c) + 3] = (n) + 3, [(c) + 4] = (n) + 4, [(c) + 5] = (n) + 5
#define RUN26(c, n) RUN10(c, n), RUN10((c) + 10, (n) + 10), RUN6((c) + 20, (n) + 20)

/* Values are one more than the digit, so that 0 means "not in the alphabet". */
static const uint8_t base64_class[256] = {
    RUN26('A', 1), RUN26('a', 27), RUN10('0', 53), ['+'] = 63,  ['-'] = 63,  ['/'] = 64,
    ['_'] = 64,    [' '] = 65,     ['\t'] = 65,    ['\r'] = 65, ['\n'] = 65, ['='] = 66,
};
static const uint8_t hex_class[256] = {RUN10('0', 1), RUN6('a', 11), RUN6('A', 11)};

static inline int base64_value(char c) {
  int class = base64_class[(uint8_t)c];
  return class ? class - 1 : B64_BAD;
}

static inline int hex_value(char c) {
  return hex_class[(uint8_t)c] - 1;
}

void hex_encode(const void *bytes, size_t len, char *out) {
  const uint8_t *in = bytes;
  for (size_t i = 0; i < len; i++) {
    *out++ = "0123456789abcdef"[in[i] >> 4];
    *out++ = "0123456789abcdef"[in[i] & 15];
  }
  *out = '\0';
}

bool hex_decode(const char *hex, size_t hex_len, uint8_t *out) {
  if (hex_len % 2) return false;
  for (size_t i = 0; i < hex_len; i += 2) {
    int high = hex_value(hex[i]);
    int low = hex_value(hex[i + 1]);
    if (high < 0 || low < 0) return false;
    *out++ = (uint8_t)(high << 4 | low);
  }
  return true;
}

size_t base64_encoded_len(size_t len) {
  return (len / 3 + (len % 3 != 0)) * 4;
}

void base64_encode(const void *bytes, size_t len, char *out) {
  const uint8_t *in = bytes;
  for (; len >= 3; len -= 3, in += 3) {
    uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
    *out++ = base64_digits[group >> 18];
    *out++ = base64_digits[group >> 12 & 63];
    *out++ = base64_digits[group >> 6 & 63];
    *out++ = base64_digits[group & 63];
  }
  if (len) {
    uint32_t group = (uint32_t)in[0] << 16 | (len == 2 ? (uint32_t)in[1] << 8 : 0);
    *out++ = base64_digits[group >> 18];
    *out++ = base64_digits[group >> 12 & 63];
    *out++ = len == 2 ? base64_digits[group >> 6 & 63] : '=';
    *out++ = '=';
  }
  *out = '\0';
}

/* What is left of a text when its digits have ended: padding and white space only. */
static bool base64_tail(const char *text, size_t len, int *ret_pads) {
  int pads = 0;
  for (size_t i = 0; i < len; i++) {
    int v = base64_value(text[i]);
    if (v == B64_PAD) {
      pads++;
    } else if (v != B64_SPACE) {
      return false;
    }
    if (pads > 2) return false;
  }
  *ret_pads = pads;
  return true;
}

bool base64_decode(const char *text, size_t len, uint8_t *out, size_t *ret_len) {
  uint8_t *to = out;
  uint32_t group = 0;
  int digits = 0;
  int pads = 0;
  for (size_t i = 0; i < len;) {
    if (!digits && len - i >= 4) {
      uint32_t a = (uint32_t)base64_value(text[i]), b = (uint32_t)base64_value(text[i + 1]);
      uint32_t c = (uint32_t)base64_value(text[i + 2]), d = (uint32_t)base64_value(text[i + 3]);
      if ((a | b | c | d) < 64) {
        group = a << 18 | b << 12 | c << 6 | d;
        *to++ = (uint8_t)(group >> 16);
        *to++ = (uint8_t)(group >> 8);
        *to++ = (uint8_t)group;
        group = 0;
        i += 4;
        continue;
      }
    }
    int v = base64_value(text[i]);
    if (v == B64_BAD) return false;
    if (v == B64_PAD) {
      if (!base64_tail(text + i, len - i, &pads)) return false;
      break;
    }
    i++;
    if (v == B64_SPACE) continue;
    group = group << 6 | (uint32_t)v;
    if (++digits == 4) {
      *to++ = (uint8_t)(group >> 16);
      *to++ = (uint8_t)(group >> 8);
      *to++ = (uint8_t)group;
      group = 0;
      digits = 0;
    }
  }
  if (digits == 1 || (pads && digits + pads != 4)) return false;
  /* Bits beyond the last byte must be zero: two texts must not stand for the same bytes (signatures). */
  if (digits == 2) {
    if (group & 15) return false;
    *to++ = (uint8_t)(group >> 4);
  } else if (digits == 3) {
    if (group & 3) return false;
    *to++ = (uint8_t)(group >> 10);
    *to++ = (uint8_t)(group >> 2);
  }
  *ret_len = (size_t)(to - out);
  return true;
}

/* Length of the sequence that starts at s and is not ASCII; 0 when it is wrong. */
static size_t utf8_sequence(const uint8_t *s, size_t left) {
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
  size_t len;
  if (s[0] >= 0xC2 && s[0] <= 0xDF) {
    len = 2;
  } else if (s[0] >= 0xE0 && s[0] <= 0xEF) {
    len = 3;
    if (s[0] == 0xE0) low = 0xA0;  /* overlong */
    if (s[0] == 0xED) high = 0x9F; /* surrogates */
  } else if (s[0] >= 0xF0 && s[0] <= 0xF4) {
    len = 4;
    if (s[0] == 0xF0) low = 0x90;  /* overlong */
    if (s[0] == 0xF4) high = 0x8F; /* beyond U+10FFFF */
  } else {
    return 0;
  }
  if (left < len || s[1] < low || s[1] > high) return 0;
  for (size_t i = 2; i < len; i++) {
    if ((s[i] & 0xC0) != 0x80) return 0;
  }
  return len;
}

bool utf8_valid(const char *text, size_t len) {
  const uint8_t *s = (const uint8_t *)text;
  size_t i = 0;
  while (i < len) {
    uint64_t eight;
    if (len - i >= sizeof eight) {
      memcpy(&eight, s + i, sizeof eight);
      if (!(eight & UINT64_C(0x8080808080808080))) {
        i += sizeof eight;
        continue;
      }
    }
    if (s[i] < 0x80) {
      i++;
      continue;
    }
    size_t step = utf8_sequence(s + i, len - i);
    if (!step) return false;
    i += step;
  }
  return true;
}

size_t utf8_count(const char *text, size_t len) {
  size_t count = 0;
  for (size_t i = 0; i < len; i++) count += ((uint8_t)text[i] & 0xC0) != 0x80;
  return count;
}

bool percent_decode(const char *in, size_t len, bool plus, char *out, size_t *ret_len) {
  size_t to = 0;
  for (size_t i = 0; i < len; i++) {
    char c = in[i];
    if (c == '%') {
      if (len - i < 3) return false;
      int high = hex_value(in[i + 1]);
      int low = hex_value(in[i + 2]);
      if (high < 0 || low < 0) return false;
      c = (char)(high << 4 | low);
      i += 2;
    } else if (c == '+' && plus) {
      c = ' ';
    }
    out[to++] = c;
  }
  *ret_len = to;
  return true;
}

/* Digits at *text to a number, moving *text behind them; false when there are none or too many. */
static bool take_digits(const char **text, uint64_t *ret) {
  const char *at = *text;
  uint64_t n = 0;
  if (*at < '0' || *at > '9') return false;
  for (; *at >= '0' && *at <= '9'; at++) {
    if (__builtin_mul_overflow(n, UINT64_C(10), &n) || __builtin_add_overflow(n, (uint64_t)(*at - '0'), &n))
      return false;
  }
  *text = at;
  *ret = n;
  return true;
}

bool parse_int(const char *text, int64_t min, int64_t max, int64_t *ret) {
  bool negative = *text == '-';
  if (negative) text++;
  uint64_t n;
  if (!take_digits(&text, &n) || *text) return false;
  if (n > (uint64_t)INT64_MAX + negative) return false;
  int64_t value = negative ? (int64_t)(0 - n) : (int64_t)n;
  if (value < min || value > max) return false;
  *ret = value;
  return true;
}

struct unit {
  const char *name;
  int64_t factor;
};

static bool parse_units(const char *text, const struct unit *units, size_t count, int64_t *ret) {
  uint64_t n;
  if (!take_digits(&text, &n) || n > INT64_MAX) return false;
  for (size_t i = 0; i < count; i++) {
    if (!text_equal_nocase(text, units[i].name)) continue;
    int64_t value;
    if (__builtin_mul_overflow((int64_t)n, units[i].factor, &value)) return false;
    *ret = value;
    return true;
  }
  return false;
}

bool parse_duration_ms(const char *text, int64_t *ret_ms) {
  static const struct unit units[] = {{"", 1000},   {"ms", 1},      {"s", 1000},
                                      {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
  return parse_units(text, units, ARRAY_LEN(units), ret_ms);
}

bool parse_size(const char *text, int64_t *ret_bytes) {
  static const struct unit units[] = {{"", 1}, {"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}};
  return parse_units(text, units, ARRAY_LEN(units), ret_bytes);
}

bool parse_bool(const char *text, bool *ret) {
  static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
  for (size_t i = 0; i < ARRAY_LEN(words); i++) {
    if (text_equal_nocase(text, words[i])) {
      *ret = i % 2;
      return true;
    }
  }
  return false;
}

static inline char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool text_equal_nocase(const char *a, const char *b) {
  for (; *a && lower(*a) == lower(*b); a++, b++) {
  }
  return lower(*a) == lower(*b);
}

bool text_has_control(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f) return true;
  }
  return false;
}

bool text_is_uuid(const char *text, size_t len) {
  static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (len != sizeof shape - 1) return false;
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (shape[i] == '-' ? c != '-' : !hex) return false;
  }
  return true;
}
