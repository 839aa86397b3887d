/* Words of the setup: what a service carries, how it chooses, which states people are in. Pure.
 * Numbers stand in the store and never change; words stand in the API. */
#pragma once

enum medium { MEDIUM_MESSAGING, MEDIUM_CHAT, MEDIUM_EMAIL, MEDIUM_CALLBACK, MEDIUM_CALL, MEDIUM_COUNT };
enum strategy { STRATEGY_LONGEST_IDLE, STRATEGY_LEAST_LOADED, STRATEGY_BEST_SKILL, STRATEGY_COUNT };
enum closed_policy { CLOSED_WAIT, CLOSED_REFUSE, CLOSED_POLICY_COUNT };
enum state_kind { STATE_LOGGED_OUT, STATE_READY, STATE_BUSY, STATE_PAUSE, STATE_KIND_COUNT };

/* Indexed by the enums; *_COUNT of them. */
extern const char *const medium_words[];        /* "messaging", "chat", "email", "callback", "call" */
extern const char *const strategy_words[];      /* "longest_idle", "least_loaded", "best_skill" */
extern const char *const closed_policy_words[]; /* "wait", "refuse" */
extern const char *const state_kind_words[];    /* "logged_out", "ready", "busy", "pause" */

#define SKILL_LEVEL_MAX    5
#define AGENT_CAPACITY_MAX 100
#define SERVICE_WEIGHT_MAX 100

/* The states of a new instance, in order of position. */
struct state_default {
  const char *label, *color;
  enum state_kind kind;
};
#define STATE_DEFAULT_COUNT 6
extern const struct state_default state_defaults[STATE_DEFAULT_COUNT];
