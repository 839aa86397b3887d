/* The mark of a browser in which somebody has logged in before: guesses from elsewhere, however many, do not keep its
 * owner out. It opens nothing; with it only the browser's own wrong passwords count. Any thread after device_setup().
 */
#pragma once

#include "base/secret.h"

#define DEVICE_NONCE_LEN 17 /* 16 hex and NUL */
#define DEVICE_LEN       50 /* nonce, a dot, 32 hex and NUL */

void device_setup(const struct master_key *key); /* once */
/* A new mark for whoever has this login. */
void device_issue(const char *login, char out[static DEVICE_LEN]);
/* Is it one of ours, for this login? Then its nonce. text may be NULL. */
bool device_check(const char *login, const char *text, char ret_nonce[static DEVICE_NONCE_LEN]) MUST_CHECK;
