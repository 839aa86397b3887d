/* Small text jobs: hex, base64, UTF-8, numbers, durations and sizes, percent-decoding. Pure. */
#pragma once

#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void hex_encode(const void *bytes, size_t len, char *out);                 /* 2*len+1 bytes, lower case */
bool hex_decode(const char *hex, size_t hex_len, uint8_t *out) MUST_CHECK; /* hex_len even */
size_t base64_encoded_len(size_t len);                                     /* without NUL */
void base64_encode(const void *bytes, size_t len, char *out); /* standard alphabet, padded, NUL-terminated */
/* Standard or URL alphabet, padding optional, white space (SP CR LF TAB) skipped. Returns false on any
 * other character or impossible length. out holds at least 3*(len/4)+3 bytes. */
bool base64_decode(const char *text, size_t len, uint8_t *out, size_t *ret_len) MUST_CHECK;
bool utf8_valid(const char *text, size_t len);   /* RFC 3629: no surrogates, no overlongs; NUL is a character */
size_t utf8_count(const char *text, size_t len); /* code points of valid text */
/* Percent-decodes in place of out (may equal in); '+' becomes a space if plus. False on bad escapes. */
bool percent_decode(const char *in, size_t len, bool plus, char *out, size_t *ret_len) MUST_CHECK;
bool parse_int(const char *text, int64_t min, int64_t max, int64_t *ret) MUST_CHECK; /* whole text, decimal */
bool parse_duration_ms(const char *text,
                       int64_t *ret_ms) MUST_CHECK; /* "250ms" "15s" "10m" "72h" "14d"; bare number = seconds */
bool parse_size(const char *text, int64_t *ret_bytes) MUST_CHECK; /* "4096" "64k" "25M" "1G", powers of 1024 */
bool parse_bool(const char *text, bool *ret) MUST_CHECK;          /* true false yes no on off 1 0 */
bool text_equal_nocase(const char *a, const char *b);             /* ASCII */
bool text_has_control(const char *text, size_t len);              /* any byte < 0x20 or 0x7f */
bool text_is_uuid(const char *text, size_t len);                  /* 8-4-4-4-12 hex digits, any case */
