/* Kinds of events in the log (event.def). Pure. */
#pragma once

enum event_kind {
#define EVENT(name, number, word) EVENT_##name = number,
#include "core/event.def"
#undef EVENT
};
const char *event_kind_word(enum event_kind kind); /* NULL for an unknown number */
