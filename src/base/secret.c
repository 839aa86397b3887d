/* Cryptography behind plain functions: OpenSSL for digests of long data (it uses the processor's instructions) and for
 * the old digests that vendors ask for, libsodium for all else. OpenSSL is first touched when it is needed: it costs 3
 * MB of memory that a server without deliveries and tokens need not have. Owns the fetched digests and one digest
 * context per thread. Any thread after secret_init(). Never returns half a result: a primitive that fails is a panic.
 */
#include "base/secret.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SHORT_LEN 4096
#define BLOCK_LEN 64 /* of MD5, SHA-1 and SHA-256 alike */

_Static_assert(PASSWORD_HASH_LEN == crypto_pwhash_STRBYTES, "hash text");
_Static_assert(MASTER_KEY_LEN == crypto_generichash_KEYBYTES, "master key");
_Static_assert(SEAL_OVERHEAD == crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES, "seal");

static EVP_MD *md5;
static EVP_MD *sha1;
static EVP_MD *sha256;
static pthread_once_t digests_once = PTHREAD_ONCE_INIT;
static pthread_key_t context_key;
static _Thread_local EVP_MD_CTX *context;

static void context_free(void *ctx) {
  EVP_MD_CTX_free(ctx);
}

static EVP_MD *fetch(const char *name) {
  EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
  if (!md) fatal("the cryptographic library has no %s", name);
  return md;
}

static void fetch_all(void) {
  if (pthread_key_create(&context_key, context_free) != 0) fatal("no room for thread-local data");
  md5 = fetch("MD5");
  sha1 = fetch("SHA1");
  sha256 = fetch("SHA256");
}

void secret_init(void) {
  if (sodium_init() < 0) fatal("no source of random numbers");
}

static EVP_MD_CTX *thread_context(void) {
  if (context) return context;
  context = EVP_MD_CTX_new();
  invariant(context);
  pthread_setspecific(context_key, context);
  return context;
}

/* Fetched once, by whoever needs one first. */
static const EVP_MD *openssl(EVP_MD *const *md) {
  pthread_once(&digests_once, fetch_all);
  return *md;
}

/* The digest of two pieces one behind the other. */
static void digest(const EVP_MD *md, const void *a, size_t a_len, const void *b, size_t b_len, uint8_t *out) {
  EVP_MD_CTX *ctx = thread_context();
  bool ok = EVP_DigestInit_ex2(ctx, md, NULL) && EVP_DigestUpdate(ctx, a, a_len) &&
            (!b_len || EVP_DigestUpdate(ctx, b, b_len)) && EVP_DigestFinal_ex(ctx, out, NULL);
  if (!ok) panic("a digest failed");
}

void digest_sha256(const void *data, size_t len, uint8_t out[static SHA256_LEN]) {
  if (len <= SHORT_LEN)
    crypto_hash_sha256(out, data, len);
  else
    digest(openssl(&sha256), data, len, NULL, 0, out);
}

void digest_md5(const void *data, size_t len, uint8_t out[static MD5_LEN]) {
  digest(openssl(&md5), data, len, NULL, 0, out);
}

struct span {
  const void *bytes;
  size_t len;
};

/* RFC 2104 over our thread's digest context: several times faster than setting up OpenSSL's EVP_MAC for each call. */
static void hmac(const EVP_MD *md, size_t md_len, struct span key, struct span data, uint8_t *out) {
  uint8_t pad[BLOCK_LEN] = {0};
  uint8_t inner[SHA256_LEN];
  if (key.len > BLOCK_LEN) {
    digest(md, key.bytes, key.len, NULL, 0, pad);
  } else if (key.len) {
    memcpy(pad, key.bytes, key.len);
  }
  for (size_t i = 0; i < BLOCK_LEN; i++) pad[i] ^= 0x36;
  digest(md, pad, BLOCK_LEN, data.bytes, data.len, inner);
  for (size_t i = 0; i < BLOCK_LEN; i++) pad[i] ^= 0x36 ^ 0x5C;
  digest(md, pad, BLOCK_LEN, inner, md_len, out);
  sodium_memzero(pad, sizeof pad);
}

void hmac_sha1(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[static SHA1_LEN]) {
  hmac(openssl(&sha1), SHA1_LEN, (struct span){key, key_len}, (struct span){data, len}, out);
}

void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[static SHA256_LEN]) {
  hmac(openssl(&sha256), SHA256_LEN, (struct span){key, key_len}, (struct span){data, len}, out);
}

void random_bytes(void *out, size_t len) {
  randombytes_buf(out, len);
}

bool secret_equal(const void *a, const void *b, size_t len) {
  return sodium_memcmp(a, b, len) == 0;
}

bool secret_equal_text(const char *a, const char *b) {
  if (!a || !b) return false;
  uint8_t digest_a[SHA256_LEN];
  uint8_t digest_b[SHA256_LEN];
  digest_sha256(a, strlen(a), digest_a);
  digest_sha256(b, strlen(b), digest_b);
  return secret_equal(digest_a, digest_b, SHA256_LEN);
}

void secret_wipe(void *bytes, size_t len) {
  sodium_memzero(bytes, len);
}

void password_hash(const char *password, char out[static PASSWORD_HASH_LEN]) {
  if (crypto_pwhash_str_alg(out, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                            crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    panic("out of memory: hashing a password");
  }
}

bool password_verify(const char *hash, const char *password) {
  return crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
}

/* use: what kind of key, so that a key for sealing is never one for signing whatever the purposes are called. */
static void derive(const struct master_key *key, const char *use, const char *purpose, uint8_t *out) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, key->bytes, MASTER_KEY_LEN, SHA256_LEN);
  crypto_generichash_update(&state, (const uint8_t *)use, strlen(use) + 1);
  crypto_generichash_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
  crypto_generichash_final(&state, out, SHA256_LEN);
  sodium_memzero(&state, sizeof state);
}

void secret_derive(const struct master_key *key, const char *purpose, uint8_t out[static SHA256_LEN]) {
  derive(key, "derive", purpose, out);
}

void secret_seal(const struct master_key *key, const char *purpose, const void *plain, size_t len, uint8_t *out) {
  uint8_t seal_key[crypto_secretbox_KEYBYTES];
  derive(key, "seal", purpose, seal_key);
  randombytes_buf(out, crypto_secretbox_NONCEBYTES);
  crypto_secretbox_easy(out + crypto_secretbox_NONCEBYTES, plain, len, out, seal_key);
  sodium_memzero(seal_key, sizeof seal_key);
}

bool secret_open(const struct master_key *key, const char *purpose, const void *sealed, size_t sealed_len,
                 uint8_t *out) {
  if (sealed_len < SEAL_OVERHEAD) return false;
  const uint8_t *nonce = sealed;
  uint8_t seal_key[crypto_secretbox_KEYBYTES];
  derive(key, "seal", purpose, seal_key);
  int result = crypto_secretbox_open_easy(out, nonce + crypto_secretbox_NONCEBYTES,
                                          sealed_len - crypto_secretbox_NONCEBYTES, nonce, seal_key);
  sodium_memzero(seal_key, sizeof seal_key);
  return result == 0;
}
