/* The interaction's state machine, as a table (interaction.def). Pure. */
#pragma once

#include "base/fail.h"

#include <stdbool.h>

enum interaction_state {
#define STATE(name, number, word) INTERACTION_##name = number,
#include "core/interaction.def"
#undef STATE
  INTERACTION_STATE_COUNT
};

enum interaction_move {
#define MOVE(name, word) INTERACTION_MOVE_##name,
#include "core/interaction.def"
#undef MOVE
};

/* True and the state after the move, or false when the move does not exist in this state. */
bool interaction_step(enum interaction_state from, enum interaction_move move,
                      enum interaction_state *ret_to) MUST_CHECK;
const char *interaction_state_word(enum interaction_state state);
bool interaction_state_parse(const char *word, enum interaction_state *ret_state) MUST_CHECK;
const char *interaction_move_word(enum interaction_move move);

enum close_reason {
#define CLOSE_REASON(name, word) CLOSE_##name,
#include "core/interaction.def"
#undef CLOSE_REASON
  CLOSE_REASON_COUNT
};
const char *close_reason_word(enum close_reason reason);
