/* All routes of the server, one row each: method, pattern, handler, who may call, which API a token must hold, body
 * limit, what it does. */
#include "api/routes.h"

#include "api/caller.h"
#include "api/kiamo_io/kiamo_io.h"
#include "api/kiamo_v3/admin.h"
#include "api/kiamo_v3/kiamo_v3.h"
#include "api/openapi.h"
#include "api/ops.h"
#include "api/static.h"
#include "api/voximplant/voximplant.h"

#define BODY_ANY (-1)

/* clang-format off */
#define ADMIN_BODY 1048576
#define ADMIN "/api/v3/administration/"
/* Five rows of one family of the setup. */
#define ADMINISTERED(many, one, create, remove)                                                                        \
  {HTTP_GET, ADMIN many, admin_list, ACCESS_API, API_ADMINISTRATION, 0, "All " many},                                  \
  {HTTP_POST, ADMIN many, create, ACCESS_API, API_ADMINISTRATION, ADMIN_BODY, "A new " one},                           \
  {HTTP_GET, ADMIN many "/{id}", admin_get, ACCESS_API, API_ADMINISTRATION, 0, "One " one},                            \
  {HTTP_PUT, ADMIN many "/{id}", admin_update, ACCESS_API, API_ADMINISTRATION, ADMIN_BODY, "Change the " one "; what is absent stays"}, \
  {HTTP_DELETE, ADMIN many "/{id}", admin_remove, ACCESS_API, API_ADMINISTRATION, 0, remove " the " one}

const struct route api_routes[] = {
    {HTTP_POST, "/oauth2/v1/token", kiamo_io_token, ACCESS_PUBLIC, 0, 16384, "A connector's access token"},
    {HTTP_POST, "/messaging/v1/messages", kiamo_io_messages, ACCESS_CONNECTOR, 0, BODY_ANY, "Messages of customers, and a bot's conversation so far"},
    {HTTP_GET, "/messaging/attachments/{uid}/", kiamo_io_attachment, ACCESS_CONNECTOR, 0, 0, "A file of an answer, once"},

    {HTTP_POST, "/api/v3/botService/login", kit_login, ACCESS_PUBLIC, 0, 16384, "A custom channel's tokens, for an API token of the account"},
    {HTTP_POST, "/api/v3/botService/refreshToken", kit_refresh, ACCESS_PUBLIC, 0, 16384, "A custom channel's tokens, for a refresh token"},
    {HTTP_POST, "/{uuid:channel}", kit_event, ACCESS_CHANNEL, 0, BODY_ANY, "A message of a custom channel's customer"},
    {HTTP_POST, "/api/v3/{uuid:channel}", kit_event, ACCESS_CHANNEL, 0, BODY_ANY, "The same, as older clients call it"},
    {HTTP_POST, "/api/v3/botService/callback/{uuid:channel}", kit_event, ACCESS_CHANNEL, 0, BODY_ANY, "The same, as older clients call it"},
    {HTTP_GET, "/api/v3/botService/file/{uid}", kit_file, ACCESS_PUBLIC, 0, 0, "A file of an answer to a custom channel's customer"},

    {HTTP_POST, "/api/v3/agent/login", v3_login, ACCESS_PUBLIC, API_AGENT, 4096, "Open a session by login and password"},
    {HTTP_POST, "/api/v3/agent/logout", v3_logout, ACCESS_PERSON, API_AGENT, 4096, "End the session"},
    {HTTP_GET, "/api/v3/agent/me/state", v3_my_state, ACCESS_PERSON, API_AGENT, 0, "My state"},
    {HTTP_PUT, "/api/v3/agent/me/state", v3_choose_state, ACCESS_PERSON, API_AGENT, 4096, "Choose my state"},
    {HTTP_GET, "/api/v3/agent/me/queue", v3_my_queue, ACCESS_PERSON, API_AGENT, 0, "What waits in my services, first one first"},
    {HTTP_PUT, "/api/v3/agent/agents/{id}/state", v3_set_state, ACCESS_API, API_AGENT, 4096, "Set an agent's state"},
    {HTTP_GET, "/api/v3/agent/events", v3_events, ACCESS_PERSON, API_AGENT, 0, "Live events for an agent's desk (text/event-stream), resumable"},
    {HTTP_GET, "/api/v3/agent/me", v3_me, ACCESS_PERSON, API_AGENT, 0, "Who is logged in, and the states to choose from"},
    {HTTP_GET, "/api/v3/agent/agents", v3_agents, ACCESS_API, API_AGENT, 0, "Agents, by service, group or team"},
    {HTTP_GET, "/api/v3/agent/agents/{id}", v3_agent, ACCESS_API, API_AGENT, 0, "One agent"},
    {HTTP_GET, "/api/v3/agent/groups", v3_groups, ACCESS_API, API_AGENT, 0, "Groups of agents"},
    {HTTP_GET, "/api/v3/agent/teams", v3_teams, ACCESS_API, API_AGENT, 0, "Teams of agents"},
    {HTTP_GET, "/api/v3/agent/states", v3_states, ACCESS_API, API_AGENT, 0, "States that agents choose from"},
    {HTTP_GET, "/api/v3/agent/skills", v3_skills, ACCESS_API, API_AGENT, 0, "Skills"},
    {HTTP_GET, "/api/v3/agent/services", v3_services, ACCESS_API, API_AGENT, 0, "Services"},
    {HTTP_GET, "/api/v3/agent/qualifications", v3_qualifications, ACCESS_API, API_AGENT, 0, "Qualifications of one's services"},
    {HTTP_GET, "/api/v3/agent/canned-replies", v3_canned_replies, ACCESS_API, API_AGENT, 0, "Canned replies of one's services"},

    {HTTP_GET, "/api/v3/interaction/interactions", v3_interactions, ACCESS_API, API_INTERACTION, 0, "Interactions by state, service, agent or customer"},
    {HTTP_GET, "/api/v3/interaction/interactions/{id}", v3_interaction, ACCESS_API, API_INTERACTION, 0, "One interaction"},
    {HTTP_GET, "/api/v3/interaction/interactions/{id}/customer", v3_customer, ACCESS_API, API_INTERACTION, 0, "Its customer, with what partners told of them"},
    {HTTP_GET, "/api/v3/interaction/interactions/{id}/timeline", v3_timeline, ACCESS_API, API_INTERACTION, 0, "Everything that happened in it, in one order"},
    {HTTP_POST, "/api/v3/interaction/interactions/{id}/messages", v3_reply, ACCESS_API, API_INTERACTION, BODY_ANY, "Answer the customer"},
    {HTTP_POST, "/api/v3/interaction/interactions/{id}/attachments", v3_upload, ACCESS_API, API_INTERACTION, BODY_ANY, "Upload a file for an answer"},
    {HTTP_POST, "/api/v3/interaction/interactions/{id}/notes", v3_note, ACCESS_API, API_INTERACTION, 262144, "Add a note that the customer does not see"},
    {HTTP_POST, "/api/v3/interaction/interactions/{id}/accept", v3_accept, ACCESS_API, API_INTERACTION, 4096, "Take a waiting interaction, or what is offered"},
    {HTTP_POST, "/api/v3/interaction/interactions/{id}/decline", v3_decline, ACCESS_PERSON, API_INTERACTION, 4096, "Decline what is offered"},
    {HTTP_POST, "/api/v3/interaction/interactions/{id}/transfer", v3_transfer, ACCESS_API, API_INTERACTION, 131072, "Hand it to a service or an agent"},
    {HTTP_POST, "/api/v3/interaction/interactions/{id}/wrapup", v3_wrapup, ACCESS_API, API_INTERACTION, 4096, "End the wrap-up"},
    {HTTP_PUT, "/api/v3/interaction/interactions/{id}/qualification", v3_qualify, ACCESS_API, API_INTERACTION, 16384, "Say what it was about"},
    {HTTP_GET, "/api/v3/interaction/interactions/{id}/routing", v3_routing, ACCESS_API, API_INTERACTION, 0, "Why it is where it is: who was considered, who was not, position, estimate"},
    {HTTP_POST, "/api/v3/interaction/interactions/{id}/close", v3_close, ACCESS_API, API_INTERACTION, 16384, "End the interaction"},
    {HTTP_GET, "/api/v3/interaction/attachments/{id}", v3_attachment, ACCESS_API, API_INTERACTION, 0, "The bytes of a file"},
    {HTTP_GET, "/api/v3/interaction/events", v3_events, ACCESS_API, API_INTERACTION, 0, "Live events (text/event-stream), resumable"},

    ADMINISTERED("services", "service", admin_create, "Disable"),
    ADMINISTERED("agents", "agent", admin_agent_create, "Disable"),
    {HTTP_PUT, ADMIN "agents/{id}/password", admin_agent_password, ACCESS_API, API_ADMINISTRATION, 4096, "Another password for the agent; ends their sessions"},
    ADMINISTERED("groups", "group", admin_create, "Remove"),
    ADMINISTERED("teams", "team", admin_create, "Remove"),
    ADMINISTERED("skills", "skill", admin_create, "Remove"),
    ADMINISTERED("states", "state", admin_create, "Remove"),
    ADMINISTERED("qualifications", "qualification", admin_create, "Disable"),
    ADMINISTERED("canned-replies", "canned reply", admin_create, "Remove"),
    ADMINISTERED("calendars", "calendar", admin_create, "Remove"),
    {HTTP_POST, ADMIN "calendars/{id}/import", admin_calendar_import, ACCESS_API, API_ADMINISTRATION, 4194304, "Take over holidays from an iCalendar file"},
    {HTTP_GET, ADMIN "calendars/{id}/preview", admin_calendar_preview, ACCESS_API, API_ADMINISTRATION, 0, "When the calendar is open"},
    ADMINISTERED("connectors", "connector", admin_connector_create, "Disable"),
    {HTTP_POST, ADMIN "connectors/{id}/rotate-secret", admin_connector_rotate, ACCESS_API, API_ADMINISTRATION, 4096, "Another secret for the connector; the old one stays good for a while"},
    {HTTP_POST, ADMIN "connectors/{id}/test", admin_connector_test, ACCESS_API, API_ADMINISTRATION, 4096, "Send a test to the connector's webhook; the delivery tells how it went"},
    ADMINISTERED("channels", "custom channel", admin_channel_create, "Disable"),
    ADMINISTERED("account-tokens", "account token", admin_account_token_create, "Disable"),
    ADMINISTERED("tokens", "token", admin_token_create, "Remove"),

    {HTTP_GET, ADMIN "deliveries", admin_deliveries, ACCESS_API, API_ADMINISTRATION, 0, "What is and was on its way to partners, newest first"},
    {HTTP_GET, ADMIN "deliveries/{id}", admin_delivery, ACCESS_API, API_ADMINISTRATION, 0, "One delivery with the bytes that are sent"},
    {HTTP_POST, ADMIN "deliveries/replay", admin_replay, ACCESS_API, API_ADMINISTRATION, 65536, "Send deliveries again"},
    {HTTP_GET, ADMIN "audit", admin_audit, ACCESS_API, API_ADMINISTRATION, 0, "Who changed what in the setup, newest first"},

    {HTTP_GET, "/desk", static_page, ACCESS_PUBLIC, 0, 0, "The agents' desk"},
    {HTTP_GET, "/admin", static_page, ACCESS_PUBLIC, 0, 0, "The administrators' consoles"},
    {HTTP_GET, "/docs", static_page, ACCESS_PUBLIC, 0, 0, "The APIs, to read and try"},
    {HTTP_GET, "/docs/documents.json", openapi_documents, ACCESS_PUBLIC, 0, 0, "Which APIs are described, and where"},
    {HTTP_GET, "/openapi.json", openapi_document, ACCESS_PUBLIC, 0, 0, "The description of the server itself"},
    {HTTP_GET, "/messaging/openapi.json", openapi_document, ACCESS_PUBLIC, 0, 0, "The description of Kiamo.io Messaging"},
    {HTTP_GET, "/api/v3/{package}/openapi.json", openapi_document, ACCESS_PUBLIC, 0, 0, "The description of a package"},
    {HTTP_GET, "/ui/{*path}", static_file, ACCESS_PUBLIC, 0, 0, "What the pages are made of"},

    {HTTP_GET, "/health", ops_health, ACCESS_PUBLIC, 0, 0, "Able to store and to deliver?"},
    {HTTP_GET, "/metrics", ops_metrics, ACCESS_PUBLIC, 0, 0, "Figures for Prometheus"},
};
/* clang-format on */
const size_t api_route_count = ARRAY_LEN(api_routes);

const char *access_word(int access) {
  static const char *const words[] = {"public", "connector", "channel", "api", "person"};
  return words[access];
}
