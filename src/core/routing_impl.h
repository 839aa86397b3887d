/* The world's insides, shared by routing.c and routing_why.c and nobody else. */
#pragma once

#include "core/routing.h"

#include <uthash.h>

struct agent_node;
struct service_node;

/* One agent in one service. */
struct member {
  struct agent_node *agent;
  struct service_node *service; /* NULL while it is not known */
  int64_t service_id, level;
  int64_t score;
  bool skilled;
  int heap_at;   /* in the service's heap, -1: not there */
  int member_at; /* among the service's members */
};

struct agent_node {
  int64_t id, instance_id, idle_since, capacity, used;
  int64_t held[MEDIUM_COUNT], most[MEDIUM_COUNT];
  bool ready, known; /* not known: only somebody who holds something */
  struct routing_level *skills;
  int skill_count, member_count;
  struct member *members;
  UT_hash_handle hh;
};

struct refusal {
  int64_t agent_id, until;
};

struct item_node {
  struct routing_item it;
  struct service_node *service; /* NULL while it is not known */
  bool queued;
  struct item_node *left, *right;
  uint32_t rank; /* the treap's */
  int64_t size;
  struct refusal *refusals;
  int refusal_count;
  UT_hash_handle hh;
};

struct service_node {
  int64_t id, instance_id, medium, weight;
  enum strategy strategy;
  bool open, known;
  struct routing_level *skills;
  int skill_count;
  struct item_node *queue;
  bool left_out; /* something that waits is not in the queue */
  struct member **members, **heap;
  int member_count, member_room, heap_count, heap_room;
  int hot_at; /* -1: not among the hot ones */
  struct item_node *first_item;
  struct member *first_member; /* valid when `looked` */
  bool looked;
  int64_t look_at; /* a refusal that stood in the way ends then; 0 none */
  UT_hash_handle hh;
};

struct routing {
  struct agent_node *agents;
  struct service_node *services;
  struct item_node *items;
  struct service_node **hot;
  int hot_count, hot_room;
};

/* Below 0: a comes first. Total: equal only to itself. */
int routing_item_order(const struct item_node *a, const struct item_node *b);
bool routing_comes_first(const struct member *a, const struct member *b);
int64_t routing_level_in(const struct routing_level *levels, int count, int64_t id);
int64_t routing_refused_until(const struct item_node *n, int64_t agent_id, int64_t now_ms); /* 0: not */
