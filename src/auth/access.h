/* Access tokens of connectors and custom channels: JWT, HS256 only, signed with a key derived from the master key.
 * The only user of jwt.h of libjwt. Any thread after access_setup(). */
#pragma once

#include "base/secret.h"

#include <stddef.h>
#include <stdint.h>

#define ACCESS_TOKEN_MAX 2048 /* longer ones are refused unseen */

/* What a token is for: one for another use is refused as if it were forged. */
enum access_use {
  ACCESS_MESSAGING,  /* Kiamo.io */
  ACCESS_KIT,        /* custom channels: events */
  ACCESS_KIT_REFRESH /* custom channels: another pair */
};

struct access_claims {
  enum access_use use;
  int64_t instance_id, channel_id;
  int64_t generation;                 /* of the channel when it was issued */
  int64_t issued_at, expires_at;      /* seconds */
  int64_t token_id, token_generation; /* of custom channels: the account token that the login was made with */
  const char *uuid, *account;         /* of custom channels, for issuing only: the channel's and the account's name */
};

void access_setup(const struct master_key *key); /* once */
/* The token's text, a child of ctx. */
char *access_issue(void *ctx, const struct access_claims *claims);

enum access_result { ACCESS_OK, ACCESS_EXPIRED, ACCESS_FORGED };
/* Everything but whether the channel still exists, is enabled and of that generation. Tokens once verified are
 * remembered (1024 of them), so that a busy connector costs one comparison a request. */
enum access_result access_check(enum access_use use, const char *token, size_t len, int64_t now_s,
                                struct access_claims *ret) MUST_CHECK;
void access_forget(void); /* empties the memory of verified tokens: at the end of the program */
