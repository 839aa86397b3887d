/* X-Forwarded-For and X-Forwarded-Proto of a trusted proxy. Pure: owns nothing, any thread. Never believes what a
 * stranger wrote: reads from the right, where the nearest proxy appended, and stops at the first address that is no
 * proxy of ours. */
#include "http/forwarded.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

#define ENTRY_MAX 64

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]:4711" */
static bool read_entry(const char *begin, const char *end, struct sockaddr_storage *ret) {
  while (begin < end && is_blank(*begin)) begin++;
  while (end > begin && is_blank(end[-1])) end--;
  size_t len = (size_t)(end - begin);
  if (!len || len >= ENTRY_MAX) return false;
  char text[ENTRY_MAX];
  memcpy(text, begin, len);
  text[len] = '\0';
  char *address = text;
  if (*address == '[') {
    char *close = strchr(++address, ']');
    if (!close) return false;
    *close = '\0';
  } else {
    char *colon = strchr(address, ':');
    if (colon && colon == strrchr(address, ':')) *colon = '\0';
  }
  return address_parse(address, ret);
}

void forwarded_client(const char *const *values, int count, const struct cidr_list *trusted,
                      struct sockaddr_storage *peer) {
  for (int i = count - 1; i >= 0; i--) {
    const char *end = values[i] + strlen(values[i]);
    for (;;) {
      const char *begin = end;
      while (begin > values[i] && begin[-1] != ',') begin--;
      struct sockaddr_storage address;
      if (!read_entry(begin, end, &address)) return;
      *peer = address;
      if (!cidr_list_has(trusted, (const struct sockaddr *)&address)) return;
      if (begin == values[i]) break;
      end = begin - 1;
    }
  }
}

bool forwarded_is_https(const char *value) {
  const char *comma = strrchr(value, ',');
  const char *last = comma ? comma + 1 : value;
  while (is_blank(*last)) last++;
  return !strncasecmp(last, "https", 5) && !last[5 + strspn(last + 5, " \t")];
}
