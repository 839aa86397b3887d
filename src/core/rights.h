/* Rights of an API token: APIs × verbs, as bits. Pure. */
#pragma once

#include "base/fail.h"

#include <stdbool.h>
#include <stdint.h>

enum api_name {
  API_AGENT,
  API_CONTACT_MANAGER,
  API_INTERACTION,
  API_SUPERVISION,
  API_TASK,
  API_ACTIVITY_PLANNING,
  API_ADMINISTRATION,
  API_COUNT
};
enum api_verb { VERB_GET, VERB_POST, VERB_PUT, VERB_DELETE, VERB_COUNT };

static inline int64_t rights_bit(enum api_name api, enum api_verb verb) {
  return INT64_C(1) << (api * VERB_COUNT + verb);
}
static inline int64_t rights_of_api(enum api_name api) {
  return INT64_C(0xf) << (api * VERB_COUNT);
}

/* "interaction:GET,POST;agent:GET". False with a sentence in err. */
bool rights_parse(const char *text, int64_t *ret_rights, char err[static 160]) MUST_CHECK;
#define RIGHTS_TEXT_LEN 256
char *rights_format(int64_t rights, char out[static RIGHTS_TEXT_LEN]); /* the same shape, in table order */
const char *api_word(enum api_name api);
const char *api_verb_word(enum api_verb verb);

enum agent_profile { PROFILE_AGENT, PROFILE_SUPERVISOR, PROFILE_ADMINISTRATOR, PROFILE_COUNT };
extern const char *const agent_profile_words[]; /* indexed by it */
const char *agent_profile_word(enum agent_profile profile);
int64_t agent_profile_rights(enum agent_profile profile); /* what a logged-in person may do */
