/* The state machine's table and its look-ups. Pure; any thread. */
#include "core/interaction.h"

#include <string.h>

static const struct {
  enum interaction_state from;
  enum interaction_move move;
  enum interaction_state to;
} steps[] = {
#define STEP(from, action, to) {INTERACTION_##from, INTERACTION_MOVE_##action, INTERACTION_##to},
#include "core/interaction.def"
#undef STEP
};

static const char *const state_words[] = {
#define STATE(name, number, word) [number] = word,
#include "core/interaction.def"
#undef STATE
};

static const char *const move_words[] = {
#define MOVE(name, word) word,
#include "core/interaction.def"
#undef MOVE
};

bool interaction_step(enum interaction_state from, enum interaction_move move, enum interaction_state *ret_to) {
  for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
    if (steps[i].from != from || steps[i].move != move) continue;
    *ret_to = steps[i].to;
    return true;
  }
  return false;
}

const char *interaction_state_word(enum interaction_state state) {
  return (size_t)state < ARRAY_LEN(state_words) ? state_words[state] : "unknown";
}

bool interaction_state_parse(const char *word, enum interaction_state *ret_state) {
  for (size_t i = 0; i < ARRAY_LEN(state_words); i++) {
    if (strcmp(state_words[i], word) != 0) continue;
    *ret_state = (enum interaction_state)i;
    return true;
  }
  return false;
}

const char *interaction_move_word(enum interaction_move move) {
  return move_words[move];
}

const char *close_reason_word(enum close_reason reason) {
  static const char *const words[] = {
#define CLOSE_REASON(name, word) [CLOSE_##name] = word,
#include "core/interaction.def"
#undef CLOSE_REASON
  };
  return words[reason];
}
