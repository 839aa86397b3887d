/* Digests, message authentication, random bytes, constant-time comparison, people's passwords, and
 * sealing of secrets at rest. base/secret.c alone knows OpenSSL and libsodium. */
#pragma once

#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN 32
#define SHA1_LEN   20
#define MD5_LEN    16

void secret_init(void); /* once, before any other call; fatal() when there is no randomness */

void digest_sha256(const void *data, size_t len, uint8_t out[static SHA256_LEN]);
void digest_md5(const void *data, size_t len, uint8_t out[static MD5_LEN]);
void hmac_sha1(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[static SHA1_LEN]);
void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[static SHA256_LEN]);

void random_bytes(void *out, size_t len);
/* Equal content, in time that depends on len only. */
bool secret_equal(const void *a, const void *b, size_t len);
/* Same for texts of different length: compares their SHA-256. NULL equals nothing. */
bool secret_equal_text(const char *a, const char *b);
void secret_wipe(void *bytes, size_t len);

#define PASSWORD_HASH_LEN 128
/* argon2id, interactive cost; takes some 50 ms of CPU: never on an HTTP thread. */
void password_hash(const char *password, char out[static PASSWORD_HASH_LEN]);
bool password_verify(const char *hash, const char *password) MUST_CHECK;

#define MASTER_KEY_LEN 32
struct master_key {
  uint8_t bytes[MASTER_KEY_LEN];
};
/* XSalsa20-Poly1305 under a key derived from the master key and `purpose`; the result is
 * nonce + box, `len + SEAL_OVERHEAD` bytes in `out`. */
#define SEAL_OVERHEAD 40
void secret_seal(const struct master_key *key, const char *purpose, const void *plain, size_t len, uint8_t *out);
/* Opens `sealed_len` bytes into out (sealed_len - SEAL_OVERHEAD). False when forged or another key. */
bool secret_open(const struct master_key *key, const char *purpose, const void *sealed, size_t sealed_len,
                 uint8_t *out) MUST_CHECK;
/* A key for `purpose` (for example signing access tokens), derived from the master key. */
void secret_derive(const struct master_key *key, const char *purpose, uint8_t out[static SHA256_LEN]);
