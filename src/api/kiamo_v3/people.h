/* Agents as other agents see them. */
#pragma once

#include "api/kiamo_v3/render.h"

void v3_render_agent(const struct v3_view *v, struct jw *w, const struct agent *a);
