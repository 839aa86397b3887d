/* Marks of browsers: a nonce and its MAC over nonce and login, under a key that signs nothing else. Nothing is stored.
 * Owns that key. Any thread. */
#include "auth/device.h"

#include "base/id.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define MAC_HEX 32 /* 128 bits */

static uint8_t mark_key[SHA256_LEN];

void device_setup(const struct master_key *key) {
  secret_derive(key, "login-device", mark_key);
}

static void sign(const char *nonce, const char *login, char out[static DEVICE_LEN]) {
  uint8_t inner[SHA256_LEN], mac[SHA256_LEN];
  char text[DEVICE_NONCE_LEN + SHA256_LEN * 2], hex[SHA256_LEN * 2 + 1];
  digest_sha256(login, strlen(login), inner);
  hex_encode(inner, sizeof inner, hex);
  int len = snprintf(text, sizeof text, "%s%s", nonce, hex);
  hmac_sha256(mark_key, sizeof mark_key, text, (size_t)len, mac);
  hex_encode(mac, sizeof mac, hex);
  snprintf(out, DEVICE_LEN, "%s.%.*s", nonce, MAC_HEX, hex);
}

void device_issue(const char *login, char out[static DEVICE_LEN]) {
  char nonce[DEVICE_NONCE_LEN];
  id_random_hex((DEVICE_NONCE_LEN - 1) / 2, nonce);
  sign(nonce, login, out);
}

bool device_check(const char *login, const char *text, char ret_nonce[static DEVICE_NONCE_LEN]) {
  char nonce[DEVICE_NONCE_LEN], ours[DEVICE_LEN];
  if (!text || strlen(text) != DEVICE_LEN - 1) return false;
  memcpy(nonce, text, sizeof nonce - 1);
  nonce[sizeof nonce - 1] = 0;
  sign(nonce, login, ours);
  if (!secret_equal(text, ours, DEVICE_LEN - 1)) return false;
  memcpy(ret_nonce, nonce, sizeof nonce);
  return true;
}
