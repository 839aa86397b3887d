/* The row of custom channels of Voximplant Kit: events as its connectors' callbacks know them, and their signature.
 * Pure; any thread. */
#include "core/surface.h"

#include "base/json_write.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* The vendor's samples take bodies below 128 KiB. */
#define PAYLOAD_MAX ((128 << 10) - 1)

void surface_event_uuid(const char *delivery_id, char out[static SURFACE_UUID_LEN]) {
  const char *d = delivery_id;
  snprintf(out, SURFACE_UUID_LEN, "%.8s-%.4s-8%.3s-8%.3s-%.6s000000", d, d + 8, d + 12, d + 15, d + 18);
}

void voximplant_signature(const char *salt, const char *token, const char *event_id, char out[static SURFACE_MD5_LEN]) {
  uint8_t md5[MD5_LEN];
  char *text = mem_printf(NULL, "%s:%s%s%s", salt, token, event_id ? ":" : "", event_id ? event_id : "");
  size_t len = strlen(text);
  digest_md5(text, len, md5);
  secret_wipe(text, len);
  mem_free(text);
  hex_encode(md5, sizeof md5, out);
}

/* ---- events ---- */

static void begin(struct jw *w, const char *delivery_id, const char *customer_id, const char *type) {
  char event_id[SURFACE_UUID_LEN];
  surface_event_uuid(delivery_id, event_id);
  jw_object(w);
  jw_key(w, "client_data");
  jw_object(w);
  jw_kstr(w, "client_id", customer_id);
  jw_object_end(w);
  jw_kstr(w, "event_id", event_id);
  jw_kstr(w, "event_type", type);
  jw_key(w, "event_data");
  jw_object(w);
}

static void end(struct jw *w) {
  jw_object_end(w);
  jw_object_end(w);
}

static void sender_data(struct jw *w, const struct sender_out *s, bool with_type) {
  jw_key(w, "sender_data");
  jw_object(w);
  jw_kint(w, "sender_id", s->id);
  jw_kstr(w, "sender_username", s->username);
  jw_kstr(w, "sender_display_name", s->display_name);
  jw_kstr(w, "sender_avatar", s->avatar_url ? s->avatar_url : "");
  jw_kstr(w, "sender_email", s->email ? s->email : "");
  if (with_type) jw_kstr(w, "sender_type", s->is_bot ? "bot" : "agent");
  jw_kbool(w, "is_bot", s->is_bot);
  jw_object_end(w);
}

static const char *payload_type(const char *mime_type) {
  static const char *const types[][2] = {{"image/", "photo"}, {"video/", "video"}, {"audio/", "audio"}};
  for (size_t i = 0; i < ARRAY_LEN(types); i++)
    if (strncmp(mime_type, types[i][0], strlen(types[i][0])) == 0) return types[i][1];
  return "document";
}

static void voximplant_message(struct buf *out, const struct message_out *m) {
  struct jw w = jw_into(out);
  begin(&w, m->id, m->customer_id, "send_message");
  sender_data(&w, &m->speaker, true);
  jw_key(&w, "message");
  jw_object(&w);
  jw_kstr(&w, "message_id", m->id);
  jw_kstr(&w, "text", m->text);
  jw_key(&w, "payload");
  jw_array(&w);
  for (int i = 0; i < m->file_count; i++) {
    jw_object(&w);
    jw_kstr(&w, "type", payload_type(m->files[i].mime_type));
    jw_kstr(&w, "file_name", m->files[i].name);
    jw_kstr(&w, "file_url", m->files[i].url);
    jw_object_end(&w);
  }
  jw_array_end(&w);
  jw_object_end(&w);
  end(&w);
}

static void no_sender(struct jw *w, const struct sender_out *s) {
  (void)w;
  (void)s;
}

static void agent_sender(struct jw *w, const struct sender_out *s) {
  sender_data(w, s, false);
}

static void bot_sender(struct jw *w, const struct sender_out *s) {
  (void)s;
  jw_key(w, "sender_data");
  jw_object(w);
  jw_kbool(w, "is_bot", true);
  jw_object_end(w);
}

/* The vendor has four words, and partners know no other. */
static const struct {
  const char *word;
  void (*sender)(struct jw *w, const struct sender_out *s);
} closings[CLOSE_REASON_COUNT] = {
    [CLOSE_AGENT] = {"CLOSED_BY_AGENT", agent_sender},
    [CLOSE_ADMINISTRATOR] = {"CLOSED_BY_UNKNOWN_REASON", no_sender},
    [CLOSE_API] = {"CLOSED_BY_UNKNOWN_REASON", no_sender},
    [CLOSE_BOT] = {"CLOSED_BY_BOT", bot_sender},
    [CLOSE_TIMEOUT] = {"CLOSED_BY_CLIENT_TIMEOUT", no_sender},
    [CLOSE_MAX_WAIT] = {"CLOSED_BY_UNKNOWN_REASON", no_sender},
    [CLOSE_OUT_OF_HOURS] = {"CLOSED_BY_UNKNOWN_REASON", no_sender},
};

static void voximplant_close(struct buf *out, const struct close_out *c) {
  struct jw w = jw_into(out);
  begin(&w, c->id, c->customer_id, "close_conversation");
  jw_kstr(&w, "close_reason", closings[c->reason].word);
  closings[c->reason].sender(&w, &c->speaker);
  end(&w);
}

/* ---- the rest of the row ---- */

static int voximplant_headers(const struct surface_signing *s, char out[SURFACE_HEADERS_MAX][SURFACE_HEADER_LEN]) {
  char event_id[SURFACE_UUID_LEN], md5[SURFACE_MD5_LEN];
  if (s->delivery_id) surface_event_uuid(s->delivery_id, event_id);
  voximplant_signature(s->secret, s->token, s->delivery_id ? event_id : NULL, md5);
  snprintf(out[0], SURFACE_HEADER_LEN, "Authorization: %s", md5);
  return 1;
}

static bool voximplant_delivered(int status) {
  return status >= 200 && status <= 299;
}

const struct surface voximplant_surface = {
    .kind = CHANNEL_VOXIMPLANT,
    .word = "voximplant",
    .render_message = voximplant_message,
    .render_close = voximplant_close,
    .headers = voximplant_headers,
    .delivered = voximplant_delivered,
    .payload_max = PAYLOAD_MAX,
    .timeout_max_ms = 10000,
    .needs_token = true,
    .files_open = true,
    .closes_silent = true,
    .file_prefix = "/api/v3/botService/file/",
    .file_suffix = "",
};
