/* Names of APIs and verbs, and the bits they stand for. Pure; any thread. */
#include "core/rights.h"

#include <stdio.h>
#include <string.h>

static const char *const api_words[API_COUNT] = {
    [API_AGENT] = "agent",
    [API_CONTACT_MANAGER] = "contact-manager",
    [API_INTERACTION] = "interaction",
    [API_SUPERVISION] = "supervision",
    [API_TASK] = "task",
    [API_ACTIVITY_PLANNING] = "activity-planning",
    [API_ADMINISTRATION] = "administration",
};
static const char *const verb_words[VERB_COUNT] = {"GET", "POST", "PUT", "DELETE"};
const char *const agent_profile_words[] = {"agent", "supervisor", "administrator"};

const char *api_word(enum api_name api) {
  return api_words[api];
}
const char *api_verb_word(enum api_verb verb) {
  return verb_words[verb];
}
const char *agent_profile_word(enum agent_profile profile) {
  return agent_profile_words[profile];
}

int64_t agent_profile_rights(enum agent_profile profile) {
  static const int64_t extra[] = {
      [PROFILE_AGENT] = 0,
      [PROFILE_SUPERVISOR] =
          INT64_C(0xf) << (API_SUPERVISION * VERB_COUNT) | INT64_C(0xf) << (API_ACTIVITY_PLANNING * VERB_COUNT),
      [PROFILE_ADMINISTRATOR] = (INT64_C(1) << (API_COUNT * VERB_COUNT)) - 1,
  };
  return rights_of_api(API_AGENT) | rights_of_api(API_INTERACTION) | rights_of_api(API_TASK) | extra[profile];
}

static int find_word(const char *const *words, int count, const char *text, size_t len) {
  for (int i = 0; i < count; i++)
    if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0) return i;
  return -1;
}

/* "GET,POST" of one API, up to the end of the part. */
static bool parse_verbs(enum api_name api, const char *text, size_t len, int64_t *rights, char err[static 160]) {
  size_t at = 0;
  while (at <= len) {
    size_t end = at;
    while (end < len && text[end] != ',') end++;
    int verb = find_word(verb_words, VERB_COUNT, text + at, end - at);
    if (verb < 0) {
      snprintf(err, 160, "rights: \"%.*s\" is not one of GET, POST, PUT, DELETE", (int)(end - at < 40 ? end - at : 40),
               text + at);
      return false;
    }
    *rights |= rights_bit(api, (enum api_verb)verb);
    at = end + 1;
  }
  return true;
}

bool rights_parse(const char *text, int64_t *ret_rights, char err[static 160]) {
  int64_t rights = 0;
  for (const char *part = text; *part;) {
    size_t len = strcspn(part, ";");
    size_t name_len = strcspn(part, ":;");
    int api = find_word(api_words, API_COUNT, part, name_len);
    if (api < 0) {
      snprintf(err, 160,
               "rights: \"%.*s\" is not one of agent, contact-manager, interaction, supervision, task, "
               "activity-planning, administration",
               (int)(name_len < 30 ? name_len : 30), part);
      return false;
    }
    if (name_len == len) {
      snprintf(err, 160, "rights: %s has no verbs; write %s:GET,POST", api_words[api], api_words[api]);
      return false;
    }
    if (!parse_verbs((enum api_name)api, part + name_len + 1, len - name_len - 1, &rights, err)) return false;
    part += len;
    if (*part == ';') part++;
  }
  if (rights == 0) {
    snprintf(err, 160, "rights: none given; write for example interaction:GET,POST;agent:GET");
    return false;
  }
  *ret_rights = rights;
  return true;
}

char *rights_format(int64_t rights, char out[static RIGHTS_TEXT_LEN]) {
  size_t n = 0;
  out[0] = 0;
  for (int api = 0; api < API_COUNT; api++) {
    if (!(rights & rights_of_api((enum api_name)api))) continue;
    n += (size_t)snprintf(out + n, RIGHTS_TEXT_LEN - n, "%s%s", n ? ";" : "", api_words[api]);
    char mark = ':';
    for (int verb = 0; verb < VERB_COUNT; verb++) {
      if (!(rights & rights_bit((enum api_name)api, (enum api_verb)verb))) continue;
      n += (size_t)snprintf(out + n, RIGHTS_TEXT_LEN - n, "%c%s", mark, verb_words[verb]);
      mark = ',';
    }
  }
  return out;
}
