/* Which agent gets which interaction: a world of services, agents and interactions in memory, and the next decision.
 * Pure: no SQL, no clock, no I/O; the same calls in the same order give the same decisions. One thread at a time.
 * A decision costs O(log n) of the agents in the service and of what waits there. */
#pragma once

#include "core/setup.h"

#include <stdbool.h>
#include <stdint.h>

#define ROUTING_REFUSALS_MAX 64   /* agents that one interaction remembers as having refused it; the oldest goes */
#define ROUTING_WAITING_MAX  2000 /* that wait in one service; those behind are left out until there is room */
#define ROUTING_REASONS_MAX  8
#define ROUTING_SKILLS_MAX   64 /* of a service */

/* A skill or a service, and how well (1 to 5). */
struct routing_level {
  int64_t id, level;
};
struct routing_service {
  int64_t id, instance_id;
  int64_t medium, weight; /* what one interaction costs of an agent's capacity */
  enum strategy strategy;
  bool open; /* a closed one keeps what waits */
  const struct routing_level *skills;
  int skill_count;
};
struct routing_agent {
  int64_t id, instance_id;
  bool ready;
  int64_t idle_since; /* last began or ended something, or became ready */
  int64_t capacity;
  int64_t most[MEDIUM_COUNT]; /* interactions of that medium at once; -1: no limit of its own */
  const struct routing_level *skills, *services;
  int skill_count, service_count;
};
/* An interaction that waits (agent_id 0) or that an agent holds: offered, active or in wrap-up. */
struct routing_item {
  int64_t id, service_id, agent_id;
  int64_t priority; /* 1 first */
  bool front;       /* before all others of its priority: it was taken out of the queue in vain */
  int64_t queued_at;
  int64_t medium, weight; /* of what is held; what waits has its service's */
  int64_t prefer;         /* the agent who comes first if there is room: the last one's; 0 none */
};

struct routing;
struct routing *routing_new(void *ctx);
void routing_free(struct routing *r);

/* Arrays are copied. A service or agent that is there already is changed. Agents may name services that come later. */
void routing_set_service(struct routing *r, const struct routing_service *in);
void routing_set_open(struct routing *r, int64_t service_id, bool open);
void routing_set_agent(struct routing *r, const struct routing_agent *in);
void routing_set_presence(struct routing *r, int64_t agent_id, bool ready, int64_t idle_since);
void routing_remove_agent(struct routing *r, int64_t agent_id); /* what they hold stays theirs */

/* The interaction is now so; the same twice changes nothing. An unknown service: it is kept and never offered. */
void routing_put(struct routing *r, const struct routing_item *in);
void routing_drop(struct routing *r, int64_t id);
/* Interactions were left out of a service and half of its room is free again: tell of all that wait, in any order. */
bool routing_wants_more(const struct routing *r);
void routing_all_told(struct routing *r); /* before they are told */
/* Not to be offered to that agent before `until`. Forgotten when the interaction is dropped. */
void routing_refuse(struct routing *r, int64_t id, int64_t agent_id, int64_t until);

struct routing_offer {
  int64_t interaction_id, agent_id, service_id, weight, medium;
  int64_t able;   /* agents with room, of whom this one was chosen */
  bool preferred; /* as the last agent, not by the strategy */
};
/* The next decision, in the order of priority, front, age. The interaction is the agent's in this world from now on.
 * False when nothing that waits has an eligible agent with room. */
bool routing_next(struct routing *r, int64_t now_ms, struct routing_offer *ret);
/* When the passing of time alone may allow another decision; 0: never. Right after routing_next said false. */
int64_t routing_look_at(const struct routing *r);

/* ---- why ---- */
enum routing_why {
  ROUTING_NOT_IN_SERVICE,
  ROUTING_SKILL_MISSING, /* ref: skill; have (0: not at all), need */
  ROUTING_NOT_READY,
  ROUTING_NO_ROOM,     /* have: weight in use, need: what one more costs, most: capacity */
  ROUTING_MEDIUM_FULL, /* have: of that medium, most */
  ROUTING_REFUSED      /* until */
};
struct routing_reason {
  enum routing_why why;
  int64_t ref, have, need, most, until;
};
struct routing_verdict {
  int64_t agent_id;
  bool eligible, preferred;
  int64_t score; /* level in the service and of the skills asked for, added up */
  int64_t used, capacity, idle_since;
  int reason_count;
  struct routing_reason reasons[ROUTING_REASONS_MAX];
};
/* Every agent of the interaction's instance: eligible ones first, in the order in which they would be chosen, then
 * those of the service, then the others; at most max. -1: it does not wait here. */
int routing_explain(const struct routing *r, int64_t id, int64_t now_ms, struct routing_verdict *out, int max);
int64_t routing_position(const struct routing *r,
                         int64_t id); /* in its service's queue, 1 first; 0: it does not wait */
int64_t routing_waiting(const struct routing *r, int64_t service_id);
/* Interactions that the service's ready agents can hold at once. */
int64_t routing_slots(const struct routing *r, int64_t service_id);
/* How long the one at this position will wait, when one takes mean_ms; -1: nobody knows. */
int64_t routing_estimate(int64_t position, int64_t slots, int64_t mean_ms);
/* Weight in use and interactions held by an agent; for tests of the whole. */
int64_t routing_used(const struct routing *r, int64_t agent_id);
