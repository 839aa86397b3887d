/* Words of a message's parties. Pure; any thread. */
#include "core/message.h"

const char *party_type_word(enum party_type type) {
  return type == PARTY_BOT ? "bot" : "human";
}
