/* The rows of the store as core/routing's world. On any reader. */
#pragma once

#include "core/routing.h"
#include "store/registry.h"

/* Everything of one instance (0: of all), as the rows stand. */
void routing_load(struct db *db, const struct registry *registry, int64_t instance_id, int64_t now_ms,
                  struct routing *ret);
/* What the rows say of one interaction, or one agent's presence, by now. */
void routing_refresh(struct db *db, int64_t interaction_id, int64_t now_ms, struct routing *r);
/* Brings the world up to date with the instance's events above `after`; returns the number up to which it is. At most
 * some thousands at once: *ret_more. */
int64_t routing_follow(struct db *db, const struct registry *registry, int64_t instance_id, int64_t after,
                       int64_t now_ms, struct routing *r, bool *ret_more);
void routing_refresh_agent(struct db *db, const struct registry *registry, int64_t agent_id, struct routing *r);
/* How long one interaction of the service took lately, from waiting to its end; 0: nobody knows. */
int64_t routing_mean_ms(struct db *db, int64_t instance_id, int64_t service_id, int64_t now_ms);
