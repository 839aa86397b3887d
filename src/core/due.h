/* Kinds of timers (due.def). */
#pragma once

enum due_kind {
#define DUE(name, number) DUE_##name = number,
#include "core/due.def"
#undef DUE
};
