/* The families of the setup: their fields in the order of the statements NAME_add and NAME_set (sql/queries/setup.sql),
 * then what is only read. Tables, and what fields cannot say. */
#include "store/setup_table.h"

#include "core/calendar.h"
#include "core/rights.h"
#include "core/setup.h"
#include "store/setup_impl.h"

#include <stdio.h>
#include <string.h>

#define HOUR_S INT64_C(3600)
#define DAY_S  (24 * HOUR_S)
#define NO_ROW (-1)

#define NAME(n)                                                                                                        \
  { .name = (n), .type = SETUP_TEXT, .required = true, .min = 1, .max = 100 }
#define TEXT_TO(n, most)                                                                                               \
  { .name = (n), .type = SETUP_TEXT, .max = (most) }
#define NUMBER(n, low, high, usual)                                                                                    \
  { .name = (n), .type = SETUP_INT, .min = (low), .max = (high), .fallback = (usual) }
#define SWITCH(n, usual)                                                                                               \
  { .name = (n), .type = SETUP_BOOL, .fallback = (usual) }
#define WORD(n, table, count, usual)                                                                                   \
  { .name = (n), .type = SETUP_WORD, .words = (table), .max = (count), .fallback = (usual) }
#define SECONDS(n, low, high, usual)                                                                                   \
  { .name = (n), .type = SETUP_SECONDS, .min = (low), .max = (high), .fallback = (usual)*1000 }
#define REF(n, family)                                                                                                 \
  { .name = (n), .type = SETUP_REF, .to = &(family) }
#define LEVEL                                                                                                          \
  { .name = "level", .type = SETUP_INT, .min = 1, .max = SKILL_LEVEL_MAX, .fallback = 1 }
#define MOMENT(n)                                                                                                      \
  { .name = (n), .type = SETUP_MOMENT }
#define LIST(n, most, keys, prefix, ...)                                                                               \
  {                                                                                                                    \
    .name = (n), .item_max = (most), .key_count = (keys), .of = prefix##_OF, .add = prefix##_ADD,                      \
    .clear = prefix##_CLEAR, .fields = {__VA_ARGS__},                                                                  \
    .field_count = (int)(sizeof((const struct setup_field[]){__VA_ARGS__}) / sizeof(struct setup_field))               \
  }
#define FIELDS(array, read) .fields = (array), .field_count = (int)ARRAY_LEN(array) - (read), .read_count = (read)

/* ---- groups, teams, skills: names ---- */

static const struct setup_field just_a_name[] = {NAME("name")};
static const char *const by_agents[] = {"agents"};
static const char *const by_services[] = {"services"};
static const char *const by_services_and_agents[] = {"services", "agents"};

#define NAMED(one, many, prefix, words, count)                                                                         \
  {                                                                                                                    \
    .word = (one), .plural = (many), FIELDS(just_a_name, 0), .page = prefix##_PAGE, .add = prefix##_ADD,               \
    .set = prefix##_SET, .remove = prefix##_DELETE, .max = prefix##_MAX, .used = prefix##_USED, .can_remove = true,    \
    .enabled = NO_ROW, .used_count = (count), .used_words = (words)                                                    \
  }
const struct setup_family setup_groups = NAMED("group", "groups", Q_GROUP, by_agents, 1);
const struct setup_family setup_teams = NAMED("team", "teams", Q_TEAM, by_agents, 1);
const struct setup_family setup_skills = NAMED("skill", "skills", Q_SKILL, by_services_and_agents, 2);

/* ---- states ---- */

static const struct setup_field state_fields[] = {
    NAME("label"),
    {.name = "kind", .type = SETUP_WORD, .required = true, .words = state_kind_words, .max = STATE_KIND_COUNT},
    {.name = "color", .type = SETUP_TEXT, .format = SETUP_COLOR, .max = 7},
    NUMBER("position", 0, 1000, 100),
    SWITCH("enabled", 1),
};
enum { STATE_KIND = 1, STATE_ENABLED = 4 };

/* Nobody could work, or leave, without these. */
static bool last_of_its_kind(struct db *tx, int64_t instance_id, const struct setup_row *row) {
  int64_t kind = row->values[STATE_KIND].number;
  return (kind == STATE_READY || kind == STATE_LOGGED_OUT) && row->values[STATE_ENABLED].number &&
         db_int(tx, Q_STATE_OF_KIND, 0, v_int(instance_id), v_int(kind), v_int(row->id)) == 0;
}

static bool check_state(struct db *tx, int64_t instance_id, const struct setup_row *old, const struct setup_row *row,
                        struct setup_wrong *w) {
  bool changed = old && (!row || row->values[STATE_KIND].number != old->values[STATE_KIND].number ||
                         !row->values[STATE_ENABLED].number);
  if (!changed || !last_of_its_kind(tx, instance_id, old)) return true;
  bool kind = row && row->values[STATE_KIND].number != old->values[STATE_KIND].number;
  w->field = !row ? NULL : kind ? "kind" : "enabled";
  snprintf(w->why, sizeof w->why, "this is the last enabled state of kind %s, and one is needed",
           state_kind_words[old->values[STATE_KIND].number]);
  return false;
}

const struct setup_family setup_states = {.word = "state",
                                          .plural = "states",
                                          FIELDS(state_fields, 0),
                                          .page = Q_STATE_PAGE,
                                          .add = Q_STATE_ADD,
                                          .set = Q_STATE_SET,
                                          .remove = Q_STATE_DELETE,
                                          .max = Q_STATE_MAX,
                                          .can_remove = true,
                                          .enabled = STATE_ENABLED,
                                          .check = check_state};

/* ---- calendars ---- */

static const struct setup_field calendar_fields[] = {
    NAME("name"),
    {.name = "zone", .type = SETUP_TEXT, .format = SETUP_ZONE, .required = true, .min = 1, .max = 64},
};
static const struct setup_list calendar_lists[] = {
    LIST("intervals", 100, 2, Q_CALENDAR_INTERVAL,
         {.name = "weekday", .type = SETUP_INT, .required = true, .min = 1, .max = 7},
         {.name = "start", .type = SETUP_CLOCK, .required = true, .max = DAY_MINUTES - 1},
         {.name = "end", .type = SETUP_CLOCK, .required = true, .max = DAY_MINUTES}),
    LIST("exceptions", SETUP_ITEMS_MAX, 2, Q_CALENDAR_EXCEPTION, {.name = "day", .type = SETUP_DAY, .required = true},
         {.name = "start",
          .type = SETUP_CLOCK,
          .min = CALENDAR_CLOSED_DAY,
          .max = DAY_MINUTES - 1,
          .fallback = CALENDAR_CLOSED_DAY},
         {.name = "end",
          .type = SETUP_CLOCK,
          .min = CALENDAR_CLOSED_DAY,
          .max = DAY_MINUTES,
          .fallback = CALENDAR_CLOSED_DAY},
         TEXT_TO("label", 100)),
};

static bool check_calendar(struct db *tx, int64_t instance_id, const struct setup_row *old, const struct setup_row *row,
                           struct setup_wrong *w) {
  (void)tx, (void)instance_id, (void)old;
  const struct setup_items *days = row ? &row->lists[1] : NULL;
  for (int i = 0; days && i < days->count; i++) {
    const struct setup_value *v = days->items[i].values;
    if ((v[1].number == CALENDAR_CLOSED_DAY) == (v[2].number == CALENDAR_CLOSED_DAY)) continue;
    *w = (struct setup_wrong){.list = "exceptions", .index = i, .field = "end"};
    snprintf(w->why, sizeof w->why, "must be given with start, or neither for a day that is closed");
    return false;
  }
  return true;
}

const struct setup_family setup_calendars = {.word = "calendar",
                                             .plural = "calendars",
                                             FIELDS(calendar_fields, 0),
                                             .list_count = (int)ARRAY_LEN(calendar_lists),
                                             .lists = calendar_lists,
                                             .page = Q_CALENDAR_PAGE,
                                             .add = Q_CALENDAR_ADD,
                                             .set = Q_CALENDAR_SET,
                                             .remove = Q_CALENDAR_DELETE,
                                             .max = Q_CALENDAR_MAX,
                                             .used = Q_CALENDAR_USED,
                                             .can_remove = true,
                                             .enabled = NO_ROW,
                                             .used_count = 1,
                                             .used_words = by_services,
                                             .check = check_calendar};

/* ---- services ---- */

static const struct setup_field service_fields[] = {
    NAME("name"),
    SWITCH("enabled", 1),
    NUMBER("priority", 1, 10, 10),
    WORD("medium", medium_words, MEDIUM_COUNT, MEDIUM_MESSAGING),
    NUMBER("weight", 1, SERVICE_WEIGHT_MAX, 1),
    WORD("strategy", strategy_words, STRATEGY_COUNT, STRATEGY_LONGEST_IDLE),
    SECONDS("stickySeconds", 0, 365 * DAY_S, 0),
    SECONDS("maxWaitSeconds", 0, 30 * DAY_S, 0),
    REF("overflow.serviceId", setup_services),
    SECONDS("overflow.afterSeconds", 0, 30 * DAY_S, 60),
    SECONDS("offerSeconds", 5, HOUR_S, 30),
    SECONDS("wrapupSeconds", 0, DAY_S, 0),
    SECONDS("idleCloseSeconds", 0, 365 * DAY_S, 0),
    REF("calendarId", setup_calendars),
    WORD("closedPolicy", closed_policy_words, CLOSED_POLICY_COUNT, CLOSED_WAIT),
    {.name = "closedReply", .type = SETUP_LINES, .max = 4000},
    NUMBER("serviceLevelSeconds", 1, DAY_S, 60),
    MOMENT("createdAt"),
};
enum { SERVICE_MAX_WAIT = 7, SERVICE_OVERFLOW = 8 };
static const struct setup_list service_lists[] = {
    LIST("skills", 50, 1, Q_SERVICE_SKILL,
         {.name = "id", .type = SETUP_REF, .required = true, .expand = true, .to = &setup_skills}, LEVEL),
    LIST("agents", SETUP_ITEMS_MAX, 1, Q_SERVICE_AGENT,
         {.name = "id", .type = SETUP_REF, .required = true, .expand = true, .to = &setup_agents}, LEVEL),
};

/* Custom channels close what is silent; who still may wait is not silent (setup_custom.c looks from the other side). */
static bool check_service(struct db *tx, int64_t instance_id, const struct setup_row *old, const struct setup_row *row,
                          struct setup_wrong *w) {
  (void)old;
  if (!row || !row->id) return true;
  if (row->values[SERVICE_OVERFLOW].number == row->id) {
    w->field = service_fields[SERVICE_OVERFLOW].name;
    snprintf(w->why, sizeof w->why, "must be another service");
    return false;
  }
  int64_t closes_ms = db_int(tx, Q_CUSTOM_IDLE_MIN, 0, v_int(row->id), v_int(instance_id));
  if (!closes_ms || row->values[SERVICE_MAX_WAIT].number < closes_ms) return true;
  w->field = service_fields[SERVICE_MAX_WAIT].name;
  snprintf(w->why, sizeof w->why, "must be less than the %lld s of silence after which a custom channel closes",
           (long long)(closes_ms / 1000));
  return false;
}

static const char *const by_connectors_and_services[] = {"enabled connectors", "services that overflow into it"};
const struct setup_family setup_services = {.word = "service",
                                            .plural = "services",
                                            FIELDS(service_fields, 1),
                                            .list_count = (int)ARRAY_LEN(service_lists),
                                            .lists = service_lists,
                                            .page = Q_SERVICE_PAGE,
                                            .add = Q_SERVICE_ADD,
                                            .dated = true,
                                            .set = Q_SERVICE_SET,
                                            .max = Q_SERVICE_MAX,
                                            .used = Q_SERVICE_USED,
                                            .enabled = 1,
                                            .used_count = 2,
                                            .used_words = by_connectors_and_services,
                                            .check = check_service};

/* ---- what agents choose from ---- */

static const struct setup_field qualification_fields[] = {
    TEXT_TO("category", 100),
    NAME("label"),
    REF("serviceId", setup_services),
    SWITCH("enabled", 1),
};
const struct setup_family setup_qualifications = {.word = "qualification",
                                                  .plural = "qualifications",
                                                  FIELDS(qualification_fields, 0),
                                                  .label = 1,
                                                  .also = {1, 3},
                                                  .page = Q_QUALIFICATION_PAGE,
                                                  .add = Q_QUALIFICATION_ADD,
                                                  .set = Q_QUALIFICATION_SET,
                                                  .remove = Q_QUALIFICATION_DELETE,
                                                  .max = Q_QUALIFICATION_MAX,
                                                  .can_remove = true,
                                                  .enabled = 3,
                                                  .unique_words = "is already in use in this category and service"};

static const struct setup_field canned_reply_fields[] = {
    REF("serviceId", setup_services),
    {.name = "shortcut", .type = SETUP_TEXT, .required = true, .min = 1, .max = 50},
    TEXT_TO("title", 100),
    {.name = "text", .type = SETUP_LINES, .required = true, .min = 1, .max = 16000},
};
const struct setup_family setup_canned_replies = {.word = "canned reply",
                                                  .plural = "canned-replies",
                                                  FIELDS(canned_reply_fields, 0),
                                                  .label = 1,
                                                  .also = {1},
                                                  .page = Q_CANNED_REPLY_PAGE,
                                                  .add = Q_CANNED_REPLY_ADD,
                                                  .set = Q_CANNED_REPLY_SET,
                                                  .remove = Q_CANNED_REPLY_DELETE,
                                                  .max = Q_CANNED_REPLY_MAX,
                                                  .can_remove = true,
                                                  .enabled = NO_ROW,
                                                  .unique_words = "is already in use in this service"};

/* ---- agents ---- */

static const struct setup_field agent_fields[] = {
    NAME("login"),
    TEXT_TO("firstName", 100),
    TEXT_TO("lastName", 100),
    {.name = "email", .type = SETUP_TEXT, .format = SETUP_EMAIL, .max = 254},
    TEXT_TO("extension", 32),
    {.name = "avatarUrl", .type = SETUP_TEXT, .format = SETUP_URL, .max = 2000},
    {.name = "group", .type = SETUP_REF, .expand = true, .to = &setup_groups},
    {.name = "team", .type = SETUP_REF, .expand = true, .to = &setup_teams},
    WORD("profile", agent_profile_words, PROFILE_COUNT, PROFILE_AGENT),
    SWITCH("enabled", 1),
    NUMBER("capacity", 0, AGENT_CAPACITY_MAX, 3),
    MOMENT("createdAt"),
};
enum { AGENT_PROFILE = 8, AGENT_ENABLED = 9 };
static const struct setup_list agent_lists[] = {
    LIST("media", MEDIUM_COUNT, 1, Q_AGENT_MEDIUM,
         {.name = "medium", .type = SETUP_WORD, .required = true, .words = medium_words, .max = MEDIUM_COUNT},
         {.name = "most", .type = SETUP_INT, .required = true, .min = 0, .max = AGENT_CAPACITY_MAX}),
    LIST("skills", 100, 1, Q_AGENT_SKILL,
         {.name = "id", .type = SETUP_REF, .required = true, .expand = true, .to = &setup_skills}, LEVEL),
    LIST("services", 500, 1, Q_AGENT_SERVICE,
         {.name = "id", .type = SETUP_REF, .required = true, .expand = true, .to = &setup_services}, LEVEL),
};

static bool check_agent(struct db *tx, int64_t instance_id, const struct setup_row *old, const struct setup_row *row,
                        struct setup_wrong *w) {
  bool ruled = old && old->values[AGENT_PROFILE].number == PROFILE_ADMINISTRATOR && old->values[AGENT_ENABLED].number;
  bool rules = row && row->values[AGENT_PROFILE].number == PROFILE_ADMINISTRATOR && row->values[AGENT_ENABLED].number;
  if (!ruled || rules ||
      db_int(tx, Q_AGENT_OF_PROFILE, 0, v_int(instance_id), v_int(PROFILE_ADMINISTRATOR), v_int(old->id)) > 0)
    return true;
  w->field = row && row->values[AGENT_ENABLED].number ? "profile" : "enabled";
  snprintf(w->why, sizeof w->why, "this is the last enabled administrator, and one is needed");
  return false;
}

/* Who may no longer work, or may do less, is logged out. */
static bool agent_stored(struct db *tx, const struct setup_row *old, const struct setup_row *row) {
  if (!old ||
      (row->values[AGENT_ENABLED].number && row->values[AGENT_PROFILE].number >= old->values[AGENT_PROFILE].number))
    return true;
  return db_exec(tx, Q_SESSION_DELETE_AGENT, v_int(row->id)) != DB_FAILED;
}

const struct setup_family setup_agents = {.word = "agent",
                                          .plural = "agents",
                                          FIELDS(agent_fields, 1),
                                          .list_count = (int)ARRAY_LEN(agent_lists),
                                          .lists = agent_lists,
                                          .shown = {1, 2},
                                          .page = Q_AGENT_PAGE,
                                          .add = Q_AGENT_ADD,
                                          .dated = true,
                                          .set = Q_AGENT_SET,
                                          .max = Q_AGENT_MAX,
                                          .enabled = AGENT_ENABLED,
                                          .check = check_agent,
                                          .stored = agent_stored};

/* ---- connectors and tokens ---- */

static const struct setup_field connector_fields[] = {
    NAME("name"),
    {.name = "webhookUrl", .type = SETUP_TEXT, .format = SETUP_URL, .max = 2000},
    {.name = "service", .type = SETUP_REF, .required = true, .expand = true, .to = &setup_services},
    SWITCH("showAgent", 0),
    SWITCH("enabled", 1),
    {.name = "clientId", .type = SETUP_TEXT},
    MOMENT("createdAt"),
};
const struct setup_family setup_connectors = {.word = "connector",
                                              .plural = "connectors",
                                              FIELDS(connector_fields, 2),
                                              .page = Q_CONNECTOR_PAGE,
                                              .add = Q_CONNECTOR_ADD,
                                              .dated = true,
                                              .set = Q_CONNECTOR_SET,
                                              .max = Q_CHANNEL_MAX,
                                              .enabled = 4};

static const struct setup_field token_fields[] = {
    NAME("label"),        {.name = "rights", .type = SETUP_RIGHTS, .required = true},
    SWITCH("enabled", 1), MOMENT("createdAt"),
    MOMENT("lastUsedAt"),
};
const struct setup_family setup_tokens = {.word = "token",
                                          .plural = "tokens",
                                          FIELDS(token_fields, 2),
                                          .page = Q_TOKEN_PAGE,
                                          .add = Q_TOKEN_ADD,
                                          .dated = true,
                                          .set = Q_TOKEN_SET,
                                          .remove = Q_TOKEN_DELETE,
                                          .max = Q_TOKEN_MAX,
                                          .can_remove = true,
                                          .enabled = 2};

const struct setup_family *const setup_families[] = {
    &setup_groups,         &setup_teams,          &setup_skills, &setup_states,     &setup_calendars, &setup_services,
    &setup_qualifications, &setup_canned_replies, &setup_agents, &setup_connectors, &setup_tokens,    NULL};

const struct setup_family *setup_family_named(const char *plural) {
  const struct setup_family *const *f = setup_families;
  while (*f && strcmp((*f)->plural, plural) != 0) f++;
  return *f;
}
