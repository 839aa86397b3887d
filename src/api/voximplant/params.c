/* Parameters of login and refresh, from wherever a client puts them: query, urlencoded or multipart form, JSON. On HTTP
 * threads, no I/O. What is given twice with different values is refused rather than guessed. */
#include "api/errors.h"
#include "api/voximplant/voximplant.h"
#include "base/mem.h"
#include "http/form.h"

#include <string.h>

static bool refuse(struct request *req, const char *name, const char *problem) {
  kit_fail(req, 400, name ? mem_printf(request_pool(req), "%s: %s", name, problem) : problem);
  return false;
}

static bool take(struct request *req, const char *name, const char *value, const char **at) {
  if (!value || !*value) return true;
  if (*at && strcmp(*at, value) != 0) return refuse(req, name, "is given twice, with different values");
  *at = value;
  return true;
}

static bool from_form(struct request *req, const struct form *form, const char *const *names, const char **values,
                      int count) {
  for (int f = 0; f < form->count; f++)
    for (int i = 0; i < count; i++) {
      const struct form_field *field = &form->fields[f];
      if (strcmp(field->name, names[i]) != 0) continue;
      if (strlen(field->value) != field->len) return refuse(req, names[i], "holds a NUL character");
      if (!take(req, names[i], field->value, &values[i])) return false;
    }
  return true;
}

static bool from_json(struct request *req, const char *body, size_t len, const char *const *names, const char **values,
                      int count) {
  struct jerror error;
  const struct jval *root = json_parse(request_pool(req), body, len, &error);
  if (!root) return refuse(req, NULL, mem_printf(request_pool(req), "the body is not JSON: %s", error.text));
  if (jval_type(root) != JT_OBJECT) return refuse(req, NULL, "the body must be a JSON object");
  for (int i = 0; i < count; i++) {
    const struct jval *v = jval_get(root, names[i]);
    enum jtype type = jval_type(v);
    if (type == JT_MISSING || type == JT_NULL) continue;
    if (type != JT_STRING)
      return refuse(req, names[i], mem_printf(request_pool(req), "must be a string, not %s", jval_type_name(v)));
    if (!take(req, names[i], jval_str(v, NULL), &values[i])) return false;
  }
  return true;
}

/* Clients that name no type, or another one, mean JSON when it begins like that. */
static bool looks_like_json(const char *body, size_t len) {
  size_t at = 0;
  while (at < len && strchr(" \t\r\n", body[at]) && body[at]) at++;
  return at < len && body[at] == '{';
}

bool kit_params(struct request *req, const char *const *names, const char **values, int count) {
  const char *type = request_header(req, "Content-Type");
  size_t len = 0;
  const char *body = request_body(req, &len);
  for (int i = 0; i < count; i++) {
    const char *value;
    values[i] = NULL;
    for (int n = 0; (value = request_query_nth(req, names[i], n)); n++)
      if (!take(req, names[i], value, &values[i])) return false;
  }
  if (len == 0) return true;
  struct form form = {.count = 0};
  enum form_result r = form_parse(request_pool(req), type, body, len, &form);
  if (r == FORM_OK) return from_form(req, &form, names, values, count);
  if (r != FORM_WRONG_TYPE) return refuse(req, NULL, "the form cannot be read");
  if (media_type_is(type, "application/json") || looks_like_json(body, len))
    return from_json(req, body, len, names, values, count);
  r = form_parse(request_pool(req), "application/x-www-form-urlencoded", body, len, &form);
  if (r != FORM_OK) return refuse(req, NULL, "the body is neither a form nor JSON");
  return from_form(req, &form, names, values, count);
}
