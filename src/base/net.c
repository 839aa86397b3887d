/* Addresses and networks. Pure: a cidr_list is a talloc block that never changes, readable from any thread.
 * An IPv4 address inside IPv6 (::ffff:a.b.c.d) counts as the IPv4 address. What is neither IPv4 nor IPv6 is never
 * public and in no list but "*". */
#include "base/net.h"

#include "base/mem.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* 16 bytes; IPv4 lies in the last four behind ::ffff, and family tells the two apart. */
struct address {
  uint8_t bytes[16];
  int family;
};

struct cidr {
  struct address net;
  int bits; /* of 128 */
};

struct cidr_list {
  size_t count;
  bool everything;
  struct cidr nets[];
};

static const uint8_t mapped_prefix[12] = {[10] = 0xFF, [11] = 0xFF};

static struct address address_v4(const void *four) {
  struct address a = {.family = AF_INET};
  memcpy(a.bytes, mapped_prefix, 12);
  memcpy(a.bytes + 12, four, 4);
  return a;
}

static struct address address_v6(const void *sixteen) {
  struct address a = {.family = AF_INET6};
  memcpy(a.bytes, sixteen, 16);
  if (!memcmp(a.bytes, mapped_prefix, 12)) a.family = AF_INET;
  return a;
}

static bool address_of(const struct sockaddr *from, struct address *ret) {
  if (from && from->sa_family == AF_INET) {
    struct sockaddr_in in;
    memcpy(&in, from, sizeof in);
    *ret = address_v4(&in.sin_addr);
    return true;
  }
  if (from && from->sa_family == AF_INET6) {
    struct sockaddr_in6 in6;
    memcpy(&in6, from, sizeof in6);
    *ret = address_v6(&in6.sin6_addr);
    return true;
  }
  return false;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, int bits) {
  int whole = bits / 8;
  if (memcmp(a, b, (size_t)whole) != 0) return false;
  int rest = bits % 8;
  return !rest || !((a[whole] ^ b[whole]) >> (8 - rest));
}

static bool parse_address(const char *text, struct address *ret) {
  uint8_t raw[16];
  if (inet_pton(AF_INET, text, raw) == 1) {
    *ret = address_v4(raw);
    return true;
  }
  if (inet_pton(AF_INET6, text, raw) == 1) {
    *ret = address_v6(raw);
    return true;
  }
  return false;
}

/* "10.0.0.0/8" or an address alone. Bits behind the prefix are ignored. */
static bool parse_cidr(const char *text, size_t len, struct cidr *ret) {
  char copy[ADDRESS_TEXT_LEN];
  if (len >= sizeof copy) return false;
  memcpy(copy, text, len);
  copy[len] = '\0';
  char *slash = strchr(copy, '/');
  if (slash) *slash++ = '\0';
  struct cidr net = {.bits = 128};
  if (!parse_address(copy, &net.net)) return false;
  bool dotted = !strchr(copy, ':');
  int64_t bits = dotted ? 32 : 128;
  if (slash && !parse_int(slash, 0, bits, &bits)) return false;
  net.bits = (int)bits + (dotted ? 96 : 0);
  if (net.net.family == AF_INET && net.bits < 96) return false; /* a net that is wider than all of IPv4-mapped */
  *ret = net;
  return true;
}

bool cidr_list_parse(void *ctx, const char *text, const struct cidr_list **ret, char err[static 120]) {
  size_t most = strlen(text) / 2 + 1;
  if (most > 100000) {
    snprintf(err, 120, "too long a list of networks");
    return false;
  }
  struct cidr_list *list = mem_zero_(ctx, sizeof *list + most * sizeof list->nets[0], "struct cidr_list");
  for (const char *at = text;;) {
    at += strspn(at, ", \t");
    size_t len = strcspn(at, ", \t");
    if (!len) break;
    if ((len == 1 && *at == '*') || (len == 3 && !strncasecmp(at, "all", 3))) {
      list->everything = true;
    } else if (!parse_cidr(at, len, &list->nets[list->count])) {
      snprintf(err, 120, "\"%.*s\" is not a network such as 10.0.0.0/8 or ::1", len < 50 ? (int)len : 50, at);
      mem_free(list);
      return false;
    } else {
      list->count++;
    }
    at += len;
  }
  *ret = list;
  return true;
}

bool cidr_list_has(const struct cidr_list *list, const struct sockaddr *address) {
  if (list->everything) return true;
  struct address a;
  if (!list->count || !address_of(address, &a)) return false;
  for (size_t i = 0; i < list->count; i++) {
    const struct cidr *net = &list->nets[i];
    if (net->net.family == a.family && same_bits(net->net.bytes, a.bytes, net->bits)) return true;
  }
  return false;
}

static bool private_v4(const uint8_t *four) {
  static const struct {
    uint8_t net[4];
    int bits;
  } nets[] = {
      {{0, 0, 0, 0}, 8},       /* this network */
      {{10, 0, 0, 0}, 8},      /* private */
      {{100, 64, 0, 0}, 10},   /* carrier-grade NAT */
      {{127, 0, 0, 0}, 8},     /* loopback */
      {{169, 254, 0, 0}, 16},  /* link-local, cloud metadata */
      {{172, 16, 0, 0}, 12},   /* private */
      {{192, 0, 0, 0}, 24},    /* protocol assignments */
      {{192, 0, 2, 0}, 24},    /* documentation */
      {{192, 88, 99, 0}, 24},  /* 6to4 relays */
      {{192, 168, 0, 0}, 16},  /* private */
      {{198, 18, 0, 0}, 15},   /* benchmarks */
      {{198, 51, 100, 0}, 24}, /* documentation */
      {{203, 0, 113, 0}, 24},  /* documentation */
      {{224, 0, 0, 0}, 4},     /* multicast */
      {{240, 0, 0, 0}, 4},     /* reserved, broadcast */
  };
  for (size_t i = 0; i < ARRAY_LEN(nets); i++) {
    if (same_bits(nets[i].net, four, nets[i].bits)) return true;
  }
  return false;
}

/* Teredo writes the client's address inverted. */
static bool private_teredo(const uint8_t *a) {
  uint8_t client[4];
  for (int i = 0; i < 4; i++) client[i] = a[12 + i] ^ 0xFF;
  return private_v4(client) || private_v4(a + 4);
}

static bool private_v6(const uint8_t *a) {
  enum { ALL = -1, TEREDO = -2 };
  static const struct {
    uint8_t net[12];
    int bits;
    int embedded; /* where an IPv4 address lies that decides, or ALL, or TEREDO */
  } nets[] = {
      {{0}, 96, 12},                                   /* unspecified, loopback, v4-compatible */
      {{[10] = 0xFF, [11] = 0xFF}, 96, 12},            /* v4-mapped */
      {{[8] = 0xFF, [9] = 0xFF}, 96, 12},              /* v4-translated */
      {{0x00, 0x64, 0xFF, 0x9B}, 96, 12},              /* NAT64 */
      {{0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01}, 48, ALL}, /* NAT64, local use */
      {{0x01, 0x00}, 64, ALL},                         /* discard */
      {{0x20, 0x01, 0x00, 0x00}, 32, TEREDO},          /* Teredo */
      {{0x20, 0x01, 0x00, 0x02}, 48, ALL},             /* benchmarks */
      {{0x20, 0x01, 0x00, 0x10}, 28, ALL},             /* ORCHID */
      {{0x20, 0x01, 0x00, 0x20}, 28, ALL},             /* ORCHID */
      {{0x20, 0x01, 0x0D, 0xB8}, 32, ALL},             /* documentation */
      {{0x20, 0x02}, 16, 2},                           /* 6to4 */
      {{0x3F, 0xFF}, 20, ALL},                         /* documentation */
      {{0x5F, 0x00}, 16, ALL},                         /* segment routing */
      {{0xFC}, 7, ALL},                                /* unique local */
      {{0xFE, 0x80}, 10, ALL},                         /* link-local */
      {{0xFE, 0xC0}, 10, ALL},                         /* site-local */
      {{0xFF}, 8, ALL},                                /* multicast */
  };
  for (size_t i = 0; i < ARRAY_LEN(nets); i++) {
    if (!same_bits(nets[i].net, a, nets[i].bits)) continue;
    if (nets[i].embedded == ALL) return true;
    if (nets[i].embedded == TEREDO) return private_teredo(a);
    return private_v4(a + nets[i].embedded);
  }
  return false;
}

bool address_is_private(const struct sockaddr *address) {
  struct address a;
  if (!address_of(address, &a)) return true;
  return private_v6(a.bytes);
}

char *address_text(const struct sockaddr *address, char out[static ADDRESS_TEXT_LEN]) {
  struct address a;
  if (!address_of(address, &a)) {
    snprintf(out, ADDRESS_TEXT_LEN, "%s", address && address->sa_family == AF_UNIX ? "unix" : "unknown");
  } else if (a.family == AF_INET) {
    inet_ntop(AF_INET, a.bytes + 12, out, ADDRESS_TEXT_LEN);
  } else {
    inet_ntop(AF_INET6, a.bytes, out, ADDRESS_TEXT_LEN);
  }
  return out;
}

char *address_network_text(const struct sockaddr *address, char out[static ADDRESS_TEXT_LEN]) {
  struct address a;
  if (!address_of(address, &a) || a.family == AF_INET) return address_text(address, out);
  memset(a.bytes + 8, 0, 8);
  char start[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, a.bytes, start, sizeof start);
  snprintf(out, ADDRESS_TEXT_LEN, "%s/64", start);
  return out;
}

bool address_parse(const char *text, struct sockaddr_storage *ret) {
  struct sockaddr_in in = {.sin_family = AF_INET};
  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
  if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
    memset(ret, 0, sizeof *ret);
    memcpy(ret, &in, sizeof in);
    return true;
  }
  if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1) {
    memset(ret, 0, sizeof *ret);
    memcpy(ret, &in6, sizeof in6);
    return true;
  }
  return false;
}
