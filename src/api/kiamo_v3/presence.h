/* Agents' states in v3. */
#pragma once

#include "api/kiamo_v3/render.h"
#include "conf/conf.h"
#include "store/assign.h"

struct assign_conf v3_assign_conf(const struct conf *conf);
/* {"id":…,"label":…,"kind":…,"since":…,"reason":…}, of an agent who never chose one: logged out. */
void v3_put_state(const struct v3_view *v, struct jw *w, int64_t agent_id);
/* Callback of live streams: the agent's first one is open, or the last one has ended. Any thread. */
void v3_presence_live(int64_t agent_id);
