/* Errors: the vendor's 69 codes with their messages and statuses, and the bodies in which each surface tells them. */
#include "api/errors.h"

#include "base/json.h"
#include "base/mem.h"
#include "http/request_impl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Codes and messages as the vendor publishes them, statuses by the specification's rules. Not made from errors.def. */
static const struct {
  int code, status;
  const char *message;
} published[] = {
    {1000, 400, "The json supplied is invalid. Fix it before trying again"},
    {1010, 400, "Json attributes are missing. Please refer to the documentation for more information"},
    {1020, 400, "Invalid arguments. Please refer to the documentation for more information"},
    {1030, 400, "Json attribute contacts is missing. Please refer to the documentation for more information"},
    {1040, 400, "Json attribute name is missing. Please refer to the documentation for more information"},
    {1050, 400, "Name field contain special chars"},
    {1060, 400, "Json attribute fields is missing. Please refer to the documentation for more information"},
    {1070, 400, "Json attribute label is missing. Please refer to the documentation for more information"},
    {1080, 400, "Json attribute datatype is invalid. Please refer to the documentation for more information"},
    {1090, 400, "Json attribute batch is missing. Please refer to the documentation for more information"},
    {1100, 400, "Json attribute service is missing. Please refer to the documentation for more information"},
    {1110, 400, "Json attribute service is invalid, bad type. Please refer to the documentation for more information"},
    {1120, 400,
     "Json attribute association contain invalid elements. Please refer to the documentation for more information"},
    {1130, 400, "Json attribute command is missing. Please refer to the documentation for more information"},
    {1140, 400, "Json attribute field is missing. Please refer to the documentation for more information"},
    {1150, 400, "Invalid date supplied"},
    {1160, 400, "Json attribute id is missing. Please refer to the documentation for more information"},
    {1170, 400, "Invalid keyword length"},
    {1180, 400, "Destination is required"},
    {1190, 400, "Command parameters are not valid."},
    {1200, 400, "Unknown library file"},
    {1210, 400, "AgentLogin is invalid"},
    {1220, 400, "AgentId is invalid"},
    {1230, 400, "Destination is invalid"},
    {1240, 400, "CallbackDate is invalid"},
    {1250, 400, "Agent id is missing"},
    {1260, 400, "Note content is empty"},
    {1270, 400, "Interaction with this taskref already exists"},
    {2000, 400, "Cannot delete a base containing unfinished batches"},
    {2010, 400, "Batch must be stopped before deletion"},
    {2015, 400, "Batch has no association configured, destination is required"},
    {2020, 400, "No contact to import. Please add contact(s) before trying again"},
    {2030, 400, "Contact exists in at least one batch. Cannot be deleted"},
    {2040, 400, "Cannot update a default field"},
    {2050, 400, "Cannot delete a default field"},
    {2060, 400, "Name already in use. Please enter a new name before trying again"},
    {2070, 400, "The batch is stopped"},
    {2080, 400, "Only new batches can be renamed"},
    {2090, 400, "Cannot change state of a stopped batch"},
    {2100, 400, "Cannot set batch to this state"},
    {2110, 400, "No connector configured"},
    {2120, 400, "Connector ID must be a string"},
    {2130, 400, "Connector cannot validate ID"},
    {2140, 400, "Cannot create interactions in this service"},
    {2150, 400, "No tasks to add"},
    {2500, 403, "Incoming calls modification is forbidden"},
    {3000, 404, "Cannot retrieve this resource. Please check if it exists"},
    {3001, 404, "Cannot retrieve this service. Please check if it exists"},
    {3002, 404, "Directory synchronization not found. Please check if it exists"},
    {3003, 404, "Directory synchronization failed"},
    {3004, 404, "LDAP search failed"},
    {3100, 405, "Method not implemented"},
    {4000, 500, "Cannot load the configuration file. Please check if the file exists before trying again"},
    {4010, 500, "Invalid char supplied. The string contains special chars"},
    {4020, 500, "Unknown Application. Please refer to the documentation for more information"},
    {4030, 500, "Unable to retrieve remote IP address"},
    {4040, 503, "No cluster available"},
    {4050, 500, "Bad cluster IP configuration"},
    {4060, 503, "No front-end server available"},
    {4080, 500, "Internal server error"},
    {4090, 500, "An error occurred with your third-party application"},
    {4100, 503, "Bad Gateway"},
    {5000, 400, "agentCloseChat is deprecated and not available in JSON format, use AGENT_CLOSE_TASK instead"},
    {5001, 400, "closeAgentTask is deprecated and not available in JSON format, use AGENT_CLOSE_TASK instead"},
    {6000, 503, "An error occurred in the communication with the Kiamo modules"},
    {6001, 503, "An error occurred in the communication with KFRONT"},
    {6002, 503, "An error occurred in the communication with KATE"},
    {6003, 503, "An error occurred in the communication with KLIB"},
    {7000, 500, "Unknown error"},
};

static int setup(void **state) {
  mem_init();
  *state = talloc_new(NULL);
  return 0;
}
static int teardown(void **state) {
  talloc_free(*state);
  return 0;
}

static struct request at(void *ctx, const char *path) {
  return (struct request){.pool = ctx, .path = path};
}

static const struct jval *body_of(const struct request *req) {
  struct jerror error;
  const struct jval *v = json_parse(req->pool, req->reply.bytes, req->reply.len, &error);
  assert_non_null(v);
  return v;
}

static const char *text(const struct jval *v, const char *key) {
  return jval_str(jval_get(v, key), NULL);
}

static const char *header(const struct request *req, const char *name) {
  for (const struct extra_header *h = req->reply.extra; h; h = h->next)
    if (strcmp(h->name, name) == 0) return h->value;
  return NULL;
}

static void the_catalogue_is_the_vendors(void **state) {
  assert_int_equal(ARRAY_LEN(published), 69);
  for (size_t i = 0; i < ARRAY_LEN(published); i++) {
    struct buf out;
    struct jerror error;
    buf_init(&out, *state, 512, 65536);
    int status = fail_body(&out, (enum error_code)published[i].code, 0, NULL);
    const struct jval *v = json_parse(*state, out.data, out.len, &error);
    if (!v || status != published[i].status || strcmp(text(v, "message"), published[i].message) != 0)
      fail_msg("%d: %d %s", published[i].code, status, out.data);
    assert_int_equal(jval_int(jval_get(v, "status")), status);
    assert_string_equal(text(v, "code"), mem_printf(*state, "ERR_%d", published[i].code));
    assert_string_equal(text(v, "type"), "about:blank");
    assert_true(strlen(text(v, "title")) > 0);
    assert_null(jval_get(v, "detail"));
  }
}

static void nothing_in_the_catalogue_is_ours(void **state) {
  (void)state;
  static const int codes[] = {
#define ERROR(code, status, message) code,
#include "api/errors.def"
#undef ERROR
  };
  assert_int_equal(ARRAY_LEN(codes), ARRAY_LEN(published));
  for (size_t i = 0; i < ARRAY_LEN(codes); i++) assert_int_equal(codes[i], published[i].code);
}

static void a_problem_of_v3(void **state) {
  struct request req = at(*state, "/api/v3/x");
  (fail)(&req, ERR_1020, 409, "a \"detail\""); /* cmocka has a macro of that name */
  assert_int_equal(req.reply.status, 409);
  assert_string_equal(req.reply.content_type, "application/problem+json");
  const struct jval *v = body_of(&req);
  assert_string_equal(text(v, "title"), "Conflict");
  assert_int_equal(jval_int(jval_get(v, "status")), 409);
  assert_string_equal(text(v, "code"), "ERR_1020");
  assert_string_equal(text(v, "detail"), "a \"detail\"");
}

static void fields_of_v3_and_of_kiamo_io(void **state) {
  struct request v3 = at(*state, "/api/v3/x"), io = at(*state, "/messaging/v1/messages");
  struct decoder d;
  decode_init(&d, *state, PATH_POINTER);
  decode_in_key(&d, "attachments");
  decode_in_index(&d, 2);
  decode_problem(&d, "name", 1010, "is required");
  decode_problem(&d, NULL, 1020, "is %s", "odd");
  fail_fields(&v3, &d);
  const struct jval *v = body_of(&v3), *errors = jval_get(v, "errors");
  assert_int_equal(v3.reply.status, 400);
  assert_string_equal(text(v, "code"), "ERR_1010"); /* that of the first */
  assert_int_equal(jval_count(errors), 2);
  assert_string_equal(text(jval_at(errors, 0), "pointer"), "/attachments/2/name");
  assert_string_equal(text(jval_at(errors, 0), "problem"), "is required");
  assert_string_equal(text(jval_at(errors, 1), "pointer"), "/attachments/2");
  assert_string_equal(text(jval_at(errors, 1), "problem"), "is odd");
  kiamo_io_fail_fields_as(&io, 413, "payload_too_large", &d);
  v = body_of(&io);
  assert_int_equal(io.reply.status, 413);
  assert_string_equal(io.reply.content_type, "application/json");
  assert_string_equal(text(v, "error"), "payload_too_large");
  assert_int_equal(jval_count(jval_get(v, "details")), 2);
  assert_string_equal(text(jval_at(jval_get(v, "details"), 0), "path"), "/attachments/2/name");
}

/* However much is wrong, the answer is bounded. */
static void twenty_problems_at_most(void **state) {
  struct request req = at(*state, "/messaging/v1/messages");
  struct decoder d;
  decode_init(&d, *state, PATH_DOTS);
  for (int i = 0; i < 5000; i++) decode_problem(&d, "x", 1020, "%0300d", i);
  assert_int_equal(d.problem_count, 5000);
  kiamo_io_fail_fields(&req, 400, &d);
  assert_int_equal(jval_count(jval_get(body_of(&req), "details")), 20);
  assert_true(req.reply.len < 8192);
}

static void tokens_of_v3(void **state) {
  struct request missing = at(*state, "/api/v3/x"), verb = at(*state, "/api/v3/x");
  fail_token(&missing, 401);
  fail_token(&verb, 403);
  assert_string_equal(text(body_of(&missing), "message"), "The authentication token is not valid");
  assert_int_equal(jval_count(body_of(&missing)), 1);
  assert_non_null(header(&missing, "WWW-Authenticate"));
  assert_int_equal(verb.reply.status, 403);
  assert_null(header(&verb, "WWW-Authenticate"));
}

static const struct {
  int status;
  const char *word, *code, *title;
} statuses[] = {
    {400, "invalid_request", "ERR_1020", "Bad Request"},
    {401, "invalid_token", "ERR_1020", "Unauthorized"},
    {403, "forbidden", "ERR_2500", "Forbidden"},
    {404, "not_found", "ERR_3000", "Not Found"},
    {405, "method_not_allowed", "ERR_3100", "Method Not Allowed"},
    {408, "timeout", "ERR_1000", "Request Timeout"},
    {411, "length_required", "ERR_1000", "Length Required"},
    {413, "payload_too_large", "ERR_1020", "Content Too Large"},
    {414, "uri_too_long", "ERR_1020", "URI Too Long"},
    {415, "unsupported_media_type", "ERR_1000", "Unsupported Media Type"},
    {429, "too_many_requests", "ERR_1020", "Too Many Requests"},
    {431, "headers_too_large", "ERR_1020", "Request Header Fields Too Large"},
    {500, "internal_error", "ERR_4080", "Internal Server Error"},
    {501, "not_implemented", "ERR_3100", "Not Implemented"},
    {503, "busy", "ERR_6000", "Service Unavailable"},
    {505, "http_version_not_supported", "ERR_3100", "HTTP Version Not Supported"},
    /* what has no row of its own */
    {418, "invalid_request", "ERR_1020", "Bad Request"},
    {599, "internal_error", "ERR_4080", "Internal Server Error"},
};

static void each_status_in_the_words_of_the_path(void **state) {
  for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
    struct request io = at(*state, "/messaging/x"), v3 = at(*state, "/api/v3/x"), none = at(*state, NULL);
    fail_by_path(&io, statuses[i].status, "why");
    fail_by_path(&v3, statuses[i].status, "why");
    fail_by_path(&none, statuses[i].status, "why"); /* the target could not be read */
    assert_int_equal(io.reply.status, statuses[i].status);
    assert_string_equal(text(body_of(&io), "error"), statuses[i].word);
    assert_string_equal(text(body_of(&io), "error_description"), "why");
    assert_string_equal(text(body_of(&none), "error"), statuses[i].word);
    assert_int_equal(v3.reply.status, statuses[i].status);
    assert_string_equal(text(body_of(&v3), "code"), statuses[i].code);
    assert_string_equal(text(body_of(&v3), "title"), statuses[i].title);
    assert_string_equal(text(body_of(&v3), "detail"), "why");
  }
}

static void unavailable_says_when_to_come_again(void **state) {
  static const struct {
    enum unavailable why;
    const char *word, *retry_after;
  } rows[] = {
      {UNAVAILABLE_BUSY, "busy", "1"},
      {UNAVAILABLE_NO_ROOM, "no_space", "30"},
      {UNAVAILABLE_DOWN, "store_down", "5"},
      {UNAVAILABLE_STOPPING, "stopping", "5"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct request io = at(*state, "/messaging/v1/messages"), v3 = at(*state, "/api/v3/x");
    fail_unavailable(&io, rows[i].why);
    fail_unavailable(&v3, rows[i].why);
    assert_int_equal(io.reply.status, 503);
    assert_string_equal(text(body_of(&io), "error"), rows[i].word);
    assert_string_equal(header(&io, "Retry-After"), rows[i].retry_after);
    assert_int_equal(v3.reply.status, 503);
    assert_string_equal(text(body_of(&v3), "code"), "ERR_6000");
    assert_string_equal(header(&v3, "Retry-After"), rows[i].retry_after);
  }
}

#define UUID "8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f"

/* Which paths hear a refusal as a custom channel's client can read it, and which do not. */
static void custom_channels_hear_it_in_their_words(void **state) {
  static const struct {
    const char *path;
    bool kit;
  } rows[] = {
      {"/" UUID, true},
      {"//" UUID, true},
      {"/" UUID "/", true},
      {"/api/v3/" UUID, true},
      {"//api/v3/" UUID, true},
      {"/api/v3/botService/login", true},
      {"/api/v3/" UUID "/", true},
      {"/api/v3/botService/callback/" UUID, true},
      {"/api/v3/botService/x", true},
      {"/" UUID "/x", false},
      {"/" UUID "0", false},
      {"/api/v3/botServices", false},
      {"/x/" UUID, false},
      {"/api/v2/" UUID, false},
      {"/", false},
      {"", false},
      {NULL, false},
      {"/api/v3/", false},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct request req = at(*state, rows[i].path);
    fail_by_path(&req, 413, "too large");
    const struct jval *v = body_of(&req), *result = jval_get(v, "result");
    assert_int_equal(req.reply.status, 413);
    if ((jval_type(result) == JT_OBJECT) != rows[i].kit) fail_msg("%s", rows[i].path ? rows[i].path : "NULL");
    if (!rows[i].kit) continue;
    assert_int_equal(jval_type(jval_get(v, "success")), JT_BOOL);
    assert_false(jval_bool(jval_get(v, "success")));
    assert_string_equal(text(result, "error"), "too large");
    assert_int_equal(jval_int(jval_get(result, "code")), 413);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(the_catalogue_is_the_vendors),
      TEST(nothing_in_the_catalogue_is_ours),
      TEST(a_problem_of_v3),
      TEST(fields_of_v3_and_of_kiamo_io),
      TEST(twenty_problems_at_most),
      TEST(tokens_of_v3),
      TEST(each_status_in_the_words_of_the_path),
      TEST(unavailable_says_when_to_come_again),
      TEST(custom_channels_hear_it_in_their_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
