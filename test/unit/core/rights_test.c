/* Rights of tokens and people: text to bits and back, what is refused and how, what each profile may do. */
#include "core/rights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
  const char *text, *formatted;
} good[] = {
    {"interaction:GET", "interaction:GET"},
    {"interaction:GET,POST;agent:GET", "agent:GET;interaction:GET,POST"},
    {"agent:DELETE,GET,PUT,POST", "agent:GET,POST,PUT,DELETE"},
    {"agent:GET;agent:GET;agent:POST", "agent:GET,POST"},
    {"task:PUT;", "task:PUT"},
    {"administration:GET,PUT;agent:GET", "agent:GET;administration:GET,PUT"},
    {"agent:GET,POST,PUT,DELETE;contact-manager:GET,POST,PUT,DELETE;interaction:GET,POST,PUT,DELETE;"
     "supervision:GET,POST,PUT,DELETE;task:GET,POST,PUT,DELETE;activity-planning:GET,POST,PUT,DELETE",
     "agent:GET,POST,PUT,DELETE;contact-manager:GET,POST,PUT,DELETE;interaction:GET,POST,PUT,DELETE;"
     "supervision:GET,POST,PUT,DELETE;task:GET,POST,PUT,DELETE;activity-planning:GET,POST,PUT,DELETE"},
};

static void text_to_bits_and_back(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(good); i++) {
    int64_t rights = 0, again = 0;
    char err[160], out[RIGHTS_TEXT_LEN];
    if (!rights_parse(good[i].text, &rights, err)) fail_msg("%s: %s", good[i].text, err);
    assert_string_equal(rights_format(rights, out), good[i].formatted);
    assert_true(rights_parse(out, &again, err));
    assert_int_equal(again, rights);
  }
}

static const struct {
  const char *text, *says;
} bad[] = {
    {"", "none given"},
    {";", "not one of agent"},
    {"interaction", "no verbs; write interaction:GET,POST"},
    {"interaction;agent:GET", "no verbs"},
    {"interaction:", "\"\" is not one of GET"},
    {"interaction:GET,", "\"\" is not one of GET"},
    {"interaction:get", "\"get\" is not one of GET"},
    {"interaction:GET POST", "\"GET POST\" is not one of GET"},
    {"interactions:GET", "\"interactions\" is not one of agent"},
    {"Interaction:GET", "\"Interaction\" is not one of agent"},
    {"administrations:GET", "\"administrations\" is not one of agent"},
    {"agent:GET;;task:GET", "\"\" is not one of agent"},
    {":GET", "\"\" is not one of agent"},
    {"agent:GET:POST", "\"GET:POST\" is not one of GET"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:"
     "GET",
     "is not one of agent"},
};

static void what_is_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
    int64_t rights = -7;
    char err[160] = "";
    if (rights_parse(bad[i].text, &rights, err)) fail_msg("taken: %s", bad[i].text);
    assert_int_equal(rights, -7);
    if (!strstr(err, bad[i].says)) fail_msg("%s: \"%s\" does not say %s", bad[i].text, err, bad[i].says);
  }
}

/* Bits stand in stored rows. */
static void bits_never_change(void **state) {
  (void)state;
  assert_int_equal(rights_bit(API_AGENT, VERB_GET), 1);
  assert_int_equal(rights_bit(API_INTERACTION, VERB_GET), 1 << 8);
  assert_int_equal(rights_bit(API_INTERACTION, VERB_DELETE), 1 << 11);
  assert_int_equal(rights_bit(API_ADMINISTRATION, VERB_DELETE), 1 << 27);
  for (int api = 0; api < API_COUNT; api++)
    for (int verb = 0; verb < VERB_COUNT; verb++)
      assert_true(rights_of_api((enum api_name)api) & rights_bit((enum api_name)api, (enum api_verb)verb));
}

static void what_each_profile_may_do(void **state) {
  (void)state;
  static const bool may[3][API_COUNT] = {
      [PROFILE_AGENT] = {[API_AGENT] = true, [API_INTERACTION] = true, [API_TASK] = true},
      [PROFILE_SUPERVISOR] = {[API_AGENT] = true,
                              [API_INTERACTION] = true,
                              [API_TASK] = true,
                              [API_SUPERVISION] = true,
                              [API_ACTIVITY_PLANNING] = true},
      [PROFILE_ADMINISTRATOR] = {true, true, true, true, true, true, true},
  };
  for (int p = 0; p < 3; p++) {
    int64_t rights = agent_profile_rights((enum agent_profile)p);
    for (int api = 0; api < API_COUNT; api++) {
      int64_t of_api = rights & rights_of_api((enum api_name)api);
      if (of_api != (may[p][api] ? rights_of_api((enum api_name)api) : 0))
        fail_msg("%s, %s", agent_profile_word((enum agent_profile)p), api_word((enum api_name)api));
    }
    assert_int_equal(rights >> (API_COUNT * VERB_COUNT), 0);
  }
  assert_string_equal(agent_profile_word(PROFILE_AGENT), "agent");
  assert_string_equal(agent_profile_word(PROFILE_SUPERVISOR), "supervisor");
  assert_string_equal(agent_profile_word(PROFILE_ADMINISTRATOR), "administrator");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_to_bits_and_back),
      cmocka_unit_test(what_is_refused),
      cmocka_unit_test(bits_never_change),
      cmocka_unit_test(what_each_profile_may_do),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
