/* Addresses and networks: CIDR lists, and which addresses are not public. Pure. */
#pragma once

#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct cidr_list; /* talloc child of ctx; immutable */

/* "10.0.0.0/8, ::1, 192.168.1.5": separated by commas or spaces. "*" or "all" is everything. Empty gives an empty list.
 * False with a message (for people) in err[120] on a bad entry. */
bool cidr_list_parse(void *ctx, const char *text, const struct cidr_list **ret, char err[static 120]) MUST_CHECK;
bool cidr_list_has(const struct cidr_list *list, const struct sockaddr *address);

/* Loopback, RFC 1918, 100.64/10, link-local, unique local, multicast, unspecified, 0/8, 240/4, documentation and
 * benchmark nets, and whatever embeds such an IPv4 address: v4-mapped, v4-compatible, NAT64 64:ff9b::/96, 6to4, Teredo.
 */
bool address_is_private(const struct sockaddr *address);

#define ADDRESS_TEXT_LEN 64
char *address_text(const struct sockaddr *address, char out[static ADDRESS_TEXT_LEN]); /* without port */
/* What one party has to itself: an IPv4 address, or the 64-bit prefix of an IPv6 address ("2001:db8::/64"). */
char *address_network_text(const struct sockaddr *address, char out[static ADDRESS_TEXT_LEN]);
/* Numeric address text to sockaddr; false when it is no numeric address. */
bool address_parse(const char *text, struct sockaddr_storage *ret) MUST_CHECK;
