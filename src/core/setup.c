/* Words of the setup, and the states of a new instance. Pure tables; any thread. */
#include "core/setup.h"

const char *const medium_words[] = {"messaging", "chat", "email", "callback", "call"};
const char *const strategy_words[] = {"longest_idle", "least_loaded", "best_skill"};
const char *const closed_policy_words[] = {"wait", "refuse"};
const char *const state_kind_words[] = {"logged_out", "ready", "busy", "pause"};

const struct state_default state_defaults[STATE_DEFAULT_COUNT] = {
    {"Ready", "#1a7f37", STATE_READY}, {"Busy", "#bf3989", STATE_BUSY},     {"Break", "#9a6700", STATE_PAUSE},
    {"Lunch", "#bc4c00", STATE_PAUSE}, {"Training", "#0969da", STATE_BUSY}, {"Logged out", "#6e7781", STATE_LOGGED_OUT},
};
