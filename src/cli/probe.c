/* Reaching a webhook as the deliverer would, up to the TCP connection: no byte is sent. Blocks the caller up to its
 * timeout and as long as the resolver takes. Owns only the socket of the moment. */
#include "cli/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "https://[::1]:8443/x" to host and port. */
static bool split_url(const char *url, char host[static 256], char port[static 8]) {
  bool tls = !strncmp(url, "https://", 8);
  if (!tls && strncmp(url, "http://", 7) != 0) return false;
  const char *at = url + (tls ? 8 : 7);
  size_t len = strcspn(at, "/?#");
  bool literal = *at == '[';
  const char *end = literal ? memchr(at, ']', len) : memchr(at, ':', len);
  if (literal && !end) return false;
  const char *name = literal ? at + 1 : at;
  size_t name_len = end ? (size_t)(end - name) : len;
  const char *behind = literal ? end + 1 : end ? end : at + len;
  size_t port_len = (size_t)(at + len - behind);
  if (!name_len || name_len > 255 || port_len == 1 || port_len > 6 || (port_len && *behind != ':')) return false;
  memcpy(host, name, name_len);
  host[name_len] = '\0';
  snprintf(port, 8, "%.*s", port_len ? (int)port_len - 1 : 4, port_len ? behind + 1 : tls ? "443" : "80");
  return strspn(port, "0123456789") == strlen(port);
}

static bool connects(const struct addrinfo *a, int timeout_ms, char why[static 200]) {
  int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    snprintf(why, 200, "no socket: %s", strerror(errno));
    return false;
  }
  int trouble = connect(fd, a->ai_addr, a->ai_addrlen) ? errno : 0;
  if (trouble == EINPROGRESS) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    socklen_t len = sizeof trouble;
    if (poll(&p, 1, timeout_ms) <= 0) {
      trouble = ETIMEDOUT;
    } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &trouble, &len)) {
      trouble = errno;
    }
  }
  close(fd);
  char text[ADDRESS_TEXT_LEN];
  snprintf(why, 200, "%s %s", address_text(a->ai_addr, text), trouble ? strerror(trouble) : "answers");
  return !trouble;
}

enum probe_result probe_url(const char *url, const struct cidr_list *allowed, int timeout_ms, char why[static 200]) {
  char host[256];
  char port[8];
  if (!split_url(url, host, port)) {
    snprintf(why, 200, "it is no http or https address");
    return PROBE_BAD_URL;
  }
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct addrinfo *list = NULL;
  int wrong = getaddrinfo(host, port, &hints, &list);
  if (wrong) {
    snprintf(why, 200, "%.120s does not resolve: %s", host, gai_strerror(wrong));
    return PROBE_NO_NAME;
  }
  enum probe_result result = PROBE_REFUSED;
  for (const struct addrinfo *a = list; a && result != PROBE_REACHED; a = a->ai_next) {
    char text[ADDRESS_TEXT_LEN];
    if (!address_is_private(a->ai_addr) || cidr_list_has(allowed, a->ai_addr)) {
      result = connects(a, timeout_ms, why) ? PROBE_REACHED : PROBE_NO_CONNECTION;
    } else if (result == PROBE_REFUSED) {
      snprintf(why, 200, "%s is a private address", address_text(a->ai_addr, text));
    }
  }
  freeaddrinfo(list);
  return result;
}
