/* Words of the event kinds. Pure; any thread. */
#include "core/event.h"

#include <stddef.h>

const char *event_kind_word(enum event_kind kind) {
  switch (kind) {
#define EVENT(name, number, word)                                                                                      \
  case EVENT_##name:                                                                                                   \
    return word;
#include "core/event.def"
#undef EVENT
  }
  return NULL;
}
