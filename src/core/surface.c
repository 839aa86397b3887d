/* The kinds of channel: what a message looks like to the partner and how it is signed. Pure; any thread. */
#include "core/surface.h"

#include "base/json_write.h"
#include "base/secret.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* ---- Kiamo.io Messaging ---- */

static void kiamo_io_message(struct buf *out, const struct message_out *m) {
  struct jw w = jw_into(out);
  jw_object(&w);
  jw_kstr(&w, "id", m->id);
  jw_kint(&w, "created_at", m->created_at);
  jw_kstr(&w, "customer_id", m->customer_id);
  jw_key(&w, "sender");
  jw_object(&w);
  jw_kstr(&w, "type", party_type_word(m->sender.type));
  jw_kstr(&w, "id", m->sender.id);
  jw_kstr(&w, "name", m->sender.name ? m->sender.name : m->sender.id);
  jw_object_end(&w);
  jw_key(&w, "body");
  jw_object(&w);
  jw_kstr(&w, "message", m->text);
  jw_key(&w, "attachments");
  jw_array(&w);
  for (int i = 0; i < m->file_count; i++) {
    jw_object(&w);
    jw_kstr(&w, "id", m->files[i].id);
    jw_kstr(&w, "name", m->files[i].name);
    jw_kstr(&w, "mime_type", m->files[i].mime_type);
    jw_key(&w, "content");
    jw_object(&w);
    jw_kstr(&w, "type", "url");
    jw_kstr(&w, "data", m->files[i].url);
    jw_object_end(&w);
    jw_object_end(&w);
  }
  jw_array_end(&w);
  jw_key(&w, "rich_content");
  jw_raw(&w, "{}", 2);
  jw_object_end(&w);
  jw_key(&w, "metadata");
  jw_raw(&w, "{}", 2);
  jw_object_end(&w);
}

/* Body-Hash and Api-Version are the vendor's. webhook-id is ours: the same on every attempt, so that the receiver can
 * drop repeats. */
static int kiamo_io_headers(const struct surface_signing *s, char out[SURFACE_HEADERS_MAX][SURFACE_HEADER_LEN]) {
  uint8_t mac[SHA1_LEN];
  char hex[2 * SHA1_LEN + 1];
  hmac_sha1(s->secret, strlen(s->secret), s->body, s->body_len, mac);
  hex_encode(mac, sizeof mac, hex);
  int n = 0;
  snprintf(out[n++], SURFACE_HEADER_LEN, "Body-Hash: %s", hex);
  snprintf(out[n++], SURFACE_HEADER_LEN, "Api-Version: 1");
  snprintf(out[n++], SURFACE_HEADER_LEN, "webhook-id: %s", s->delivery_id);
  snprintf(out[n++], SURFACE_HEADER_LEN, "webhook-timestamp: %lld", (long long)s->attempt_at_s);
  return n;
}

static bool kiamo_io_delivered(int status) {
  return status == 200;
}

static const struct surface kiamo_io_surface = {
    .kind = CHANNEL_KIAMO_IO,
    .word = "kiamo_io",
    .render_message = kiamo_io_message,
    .headers = kiamo_io_headers,
    .delivered = kiamo_io_delivered,
    .payload_max = 1 << 20,
    .file_prefix = "/messaging/attachments/",
    .file_suffix = "/",
};

static const struct surface *const surfaces[] = {&kiamo_io_surface, &voximplant_surface};

const struct surface *surface_of(enum channel_kind kind) {
  for (size_t i = 0; i < ARRAY_LEN(surfaces); i++)
    if (surfaces[i]->kind == kind) return surfaces[i];
  return NULL;
}

const struct surface *surface_named(const char *word) {
  for (size_t i = 0; i < ARRAY_LEN(surfaces); i++)
    if (strcmp(surfaces[i]->word, word) == 0) return surfaces[i];
  return NULL;
}
