/* Telling clients what went wrong, in the shape of the surface they speak. */
#pragma once

#include "api/decode.h"
#include "http/reply.h"

/* ---- v3: application/problem+json (RFC 9457) with a code of the catalogue (errors.def) ---- */
enum error_code {
#define ERROR(code, status, message) ERR_##code = code,
#include "api/errors.def"
#undef ERROR
};
/* status 0: the catalogue's. detail: in our words, may be NULL. */
void fail(struct request *req, enum error_code code, int status, const char *detail);
void fail_fields(struct request *req, const struct decoder *d); /* the decoder's problems, status 400 */
void fail_token(struct request *req, int status);               /* 401, 403 of tokens: message only */
/* Writes the same body as fail() into out, for answers made inside a transaction. Returns the HTTP status. */
int fail_body(struct buf *out, enum error_code code, int status, const char *detail);
int fail_fields_body(struct buf *out, const struct decoder *d);
int fail_fields_as(struct buf *out, enum error_code code, int status, const struct decoder *d);

/* ---- Kiamo.io: {"error": word, "details": […]} ---- */
void kiamo_io_fail(struct request *req, int status, const char *detail);
void kiamo_io_fail_fields(struct request *req, int status, const struct decoder *d);
void kiamo_io_fail_fields_as(struct request *req, int status, const char *word, const struct decoder *d);

/* ---- Voximplant Kit: {"success":false,"result":{"error":…,"code":status}} ---- */
void kit_fail(struct request *req, int status, const char *error);
void kit_fail_fields(struct request *req, const struct decoder *d); /* "path: problem; …", status 400 */

/* 503 with Retry-After, in the shape that fits the path: the store is full, busy or down. */
enum unavailable { UNAVAILABLE_BUSY, UNAVAILABLE_NO_ROOM, UNAVAILABLE_DOWN, UNAVAILABLE_STOPPING };
void fail_unavailable(struct request *req, enum unavailable why);
/* Any other refusal, in the shape that fits the path. */
void fail_by_path(struct request *req, int status, const char *reason);
