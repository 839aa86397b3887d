/* THE table of commands: what they are called, what they take, what they do. Help, parsing, completion and
 * doc/COMMANDS.md are made from it. A new command is a row here and a function in a file of its own. */
#include "cli/run.h"

#include <stdint.h>

#define FLAGS(...)                                                                                                     \
  (const struct cli_flag[]) {                                                                                          \
    __VA_ARGS__, {                                                                                                     \
      0                                                                                                                \
    }                                                                                                                  \
  }
#define STORE (CLI_USES_DATA | CLI_USES_INSTANCE | CLI_USES_JSON)
#define API   (CLI_USES_API | CLI_USES_JSON)

#define CALLS (STORE | CLI_USES_CONF)

#define DAY_MS (24LL * 60 * 60 * 1000)
#define CHANNEL_FLAGS                                                                                                    \
  {"service", "SERVICE", "The service (id or name) that its customers' messages go to"},                                 \
      {"token", "TOKEN", "The account token (id or name) that it signs with"},                                           \
      {"close-idle", "TIME", "Close what nobody has moved for so long, 60s to 14d; 0 never", CLI_TIME,                   \
       .max = 14 * DAY_MS},                                                                                              \
      {"close-bot", "TIME", "Close when the customer is silent after a bot, 60s to 7d; 0 never", CLI_TIME,               \
       .max = 7 * DAY_MS},                                                                                               \
      {"access-lifetime", "TIME", "Life of an access token; default 15m", CLI_TIME, .min = 1000, .max = 3650 * DAY_MS},  \
      {"refresh-lifetime", "TIME", "Life of a refresh token; default 24h", CLI_TIME, .min = 1000, .max = 3650 * DAY_MS}, \
  {                                                                                                                      \
    "anyway", NULL, "Save it although the callback does not answer as it should", CLI_SWITCH                             \
  }
#define URL_FLAG                                                                                                       \
  { "url", "URL", "Where Guichet is served; default " CLI_DEFAULT_URL }
#define FILE_FLAG                                                                                                      \
  { "file", "FILE", "A file to attach", .many = true }
#define PASSWORD_FLAG                                                                                                  \
  { "password-stdin", NULL, "Read the password from standard input; without it one is made and shown", CLI_SWITCH }
#define SETUP_FAMILIES                                                                                                 \
  "FAMILY is groups, teams, skills, states, calendars, services, qualifications, canned-replies, agents, connectors, " \
  "tokens, channels or account-tokens."
#define ONE(word) .words = word, .words_min = 1, .words_max = 1

const struct cli_command cli_commands[] = {
    {"init", NULL, "Make a data folder: store, master key, first instance, first administrator",
     .uses = CLI_USES_DATA | CLI_USES_JSON,
     .flags =
         FLAGS({"demo", NULL, "Also services, agents, a connector and an API token, to try it at once", CLI_SWITCH},
               {"name", "NAME", "What the instance is called; default Guichet"},
               {"store", "URL", "Make the store in this empty PostgreSQL database: postgresql://…"}),
     .run = cli_init,
     .detail = "Passwords, the connector's secret and the token are shown this once. The folder must not hold a store "
               "yet. With "
               "--store it holds the master key and, in the file store, the address."},
    {"serve", NULL, "Serve the APIs from a data folder", .uses = CLI_USES_DATA | CLI_USES_JSON | CLI_USES_CONF,
     .flags = FLAGS(
         {"print-config", NULL, "Print every setting with its value and where it comes from, then end", CLI_SWITCH}),
     .run = cli_serve,
     .detail = "Prints \"listening on URL\" when it is ready and logs on standard error. SIGTERM stops it cleanly, "
               "SIGHUP rereads "
               "what is reloadable."},

    {"migrate", NULL, "Bring a store's schema forward, as the next start of the server would",
     .uses = CLI_USES_DATA | CLI_USES_JSON,
     .flags = FLAGS({"status", NULL, "Only say which migrations it has, and which are to come", CLI_SWITCH}),
     .run = cli_migrate,
     .detail = "Before anything is changed a SQLite file is copied beside itself. Nodes on one PostgreSQL may start "
               "together: each migration is made once."},

    {"connector", "create", "Make a connector, a partner's access, and show its secret once", .uses = STORE,
     .flags = FLAGS(
         {"name", "NAME", "What it is called; unique in the instance", .required = true},
         {"webhook", "URL", "Where answers are sent"},
         {"service", "SERVICE", "The service (id or name) that its customers' messages go to; default: the first"},
         {"show-agent", "BOOL", "Answers carry the agent's name instead of the instance's; default false", CLI_BOOL}),
     .run = cli_connector_create, .detail = "Works beside a running server, which notices at once."},
    {"connector", "list", "List the connectors", .uses = STORE, .run = cli_connector_list},
    {"connector", "show", "Show one connector", ONE("CONNECTOR"), .uses = STORE, .run = cli_connector_show,
     .detail = "CONNECTOR is its id, name or client_id."},
    {"connector", "set", "Change a connector", ONE("CONNECTOR"), .uses = STORE,
     .flags = FLAGS({"name", "NAME", "A new name"}, {"webhook", "URL", "Where answers are sent; \"\" for nowhere"},
                    {"service", "SERVICE", "The service (id or name) that new conversations go to"},
                    {"show-agent", "BOOL", "Answers carry the agent's name instead of the instance's", CLI_BOOL}),
     .run = cli_connector_set, .detail = "What is not named stays as it is."},
    {"connector", "rotate-secret", "Give a connector a new secret, shown once", ONE("CONNECTOR"), .uses = STORE,
     .flags = FLAGS({"keep-old", "TIME", "How long the old secret still gets tokens; default 1h, 0s ends it at once",
                     CLI_TIME, .max = 30 * DAY_MS}),
     .run = cli_connector_rotate,
     .detail = "Access tokens issued so far end at once. What is sent to the webhook is signed with the new secret "
               "from now on."},
    {"connector", "enable", "Let a connector in again", ONE("CONNECTOR"), .uses = STORE,
     .run = cli_connector_set_enabled},
    {"connector", "disable", "Shut a connector out; its access tokens end at once", ONE("CONNECTOR"), .uses = STORE,
     .run = cli_connector_set_enabled},

    {"channel", "create", "Make a custom channel of Voximplant Kit and show its salt once", .uses = CALLS,
     .flags =
         FLAGS({"name", "NAME", "What it is called; unique in the instance", .required = true},
               {"callback", "URL", "Where answers are sent; it is asked first, by one signed GET", .required = true},
               CHANNEL_FLAGS),
     .run = cli_channel_create,
     .detail = "Prints what a connector needs: UUID, salt, access token, and the domain, which is the instance's name. "
               "Without --token it signs with the account's first token, which is made when there is none."},
    {"channel", "list", "List the custom channels", .uses = STORE, .run = cli_channel_list},
    {"channel", "show", "Show one custom channel", ONE("CHANNEL"), .uses = STORE, .run = cli_channel_show,
     .detail = "CHANNEL is its id, name or UUID."},
    {"channel", "set", "Change a custom channel", ONE("CHANNEL"), .uses = CALLS,
     .flags = FLAGS({"name", "NAME", "A new name"},
                    {"callback", "URL", "Where answers are sent; a new one is asked first; \"\" for nowhere"},
                    CHANNEL_FLAGS),
     .run = cli_channel_set, .detail = "What is not named stays as it is."},
    {"channel", "check", "Ask a custom channel's callback whether it knows us", ONE("CHANNEL"), .uses = CALLS,
     .run = cli_channel_check, .detail = "One signed GET, as when the callback is set. Any 2xx passes."},
    {"channel", "enable", "Let a custom channel in again", ONE("CHANNEL"), .uses = STORE,
     .run = cli_channel_set_enabled},
    {"channel", "disable", "Shut a custom channel out; its tokens end at once", ONE("CHANNEL"), .uses = STORE,
     .run = cli_channel_set_enabled},

    {"account-token", "create", "Make an API token that custom channels log in and sign with, shown once",
     .uses = STORE, .flags = FLAGS({"name", "NAME", "What it is called; unique in the instance", .required = true}),
     .run = cli_account_token_create},
    {"account-token", "list", "List the account's tokens", .uses = STORE, .run = cli_account_token_list},
    {"account-token", "disable", "Make an account token useless; what was issued for it ends at once", ONE("TOKEN"),
     .uses = STORE, .run = cli_account_token_set_enabled,
     .detail = "TOKEN is its id or name. Channels that sign with it send nothing until they get another."},
    {"account-token", "enable", "Let an account token be used again", ONE("TOKEN"), .uses = STORE,
     .run = cli_account_token_set_enabled},

    {"agent", "create", "Make a person who may log in", .uses = STORE,
     .flags = FLAGS({"login", "LOGIN", "The name to log in with; unique in the instance", .required = true},
                    PASSWORD_FLAG, {"first-name", "NAME", "First name"}, {"last-name", "NAME", "Last name"},
                    {"profile", "PROFILE", "agent, supervisor or administrator; default agent"}),
     .run = cli_agent_create},
    {"agent", "list", "List the people who may log in", .uses = STORE, .run = cli_agent_list},
    {"agent", "disable", "Shut a person out; their sessions end at once", ONE("AGENT"), .uses = STORE,
     .run = cli_agent_set_enabled, .detail = "AGENT is the id or the login."},
    {"agent", "enable", "Let a person log in again", ONE("AGENT"), .uses = STORE, .run = cli_agent_set_enabled},
    {"agent", "set-password", "Give a person another password", ONE("AGENT"), .uses = STORE,
     .flags = FLAGS(PASSWORD_FLAG), .run = cli_agent_password, .detail = "Their sessions end at once."},

    {"service", "create", "Make a service, a queue that agents serve", .uses = STORE,
     .flags = FLAGS({"name", "NAME", "What it is called; unique in the instance", .required = true},
                    {"priority", "N", "1 (served first) to 10; default 10", CLI_INT, .min = 1, .max = 10}),
     .run = cli_service_create},
    {"service", "list", "List the services", .uses = STORE, .run = cli_service_list},
    {"setup", "list", "List the rows of one family of the setup", ONE("FAMILY"), .uses = STORE, .run = cli_setup_list,
     .detail = SETUP_FAMILIES},
    {"setup", "add", "Add a row to the setup", .words = "FAMILY JSON", .words_min = 2, .words_max = 2, .uses = STORE,
     .run = cli_setup_add,
     .detail = "JSON has the members that the administration API has, such as '{\"name\":\"French\"}'. Agents, "
               "connectors and tokens are made by commands of their own. " SETUP_FAMILIES},
    {"setup", "set", "Change a row of the setup", .words = "FAMILY ROW JSON", .words_min = 3, .words_max = 3,
     .uses = STORE, .run = cli_setup_set,
     .detail = "ROW is its id or name. What JSON does not name stays as it is. " SETUP_FAMILIES},
    {"setup", "remove", "Remove a row of the setup, or disable it", .words = "FAMILY ROW", .words_min = 2,
     .words_max = 2, .uses = STORE, .run = cli_setup_remove,
     .detail = "ROW is its id or name. Services, agents, qualifications and connectors are disabled, since history "
               "knows them. What is "
               "referred to is not removed. " SETUP_FAMILIES},
    {"setup", "export", "Print the setup of an instance as JSON", .uses = CLI_USES_DATA | CLI_USES_INSTANCE,
     .run = cli_setup_export, .detail = "Without connectors, tokens and passwords."},
    {"setup", "import", "Take over a setup that was exported", ONE("FILE"), .uses = STORE, .run = cli_setup_import,
     .detail = "All of it or nothing. Rows are known by their names: what is there is changed, the rest is added, "
               "nothing is removed. New agents need a password: guichet agent set-password."},

    {"instance", "create", "Make another instance, a contact centre that shares nothing with the others",
     .uses = CLI_USES_DATA | CLI_USES_JSON, .flags = FLAGS({"name", "NAME", "What it is called", .required = true}),
     .run = cli_instance_create},
    {"instance", "list", "List the instances", .uses = CLI_USES_DATA | CLI_USES_JSON, .run = cli_instance_list},

    {"token", "create", "Make an API token, shown once", .uses = STORE,
     .flags =
         FLAGS({"label", "LABEL", "What it is for", .required = true},
               {"rights", "RIGHTS", "What it may do, such as \"interaction:GET,POST;agent:GET\"", .required = true}),
     .run = cli_token_create,
     .detail =
         "APIs: agent, contact-manager, interaction, supervision, task, activity-planning, administration. Verbs: "
         "GET, POST, PUT, DELETE."},
    {"token", "list", "List the API tokens and when they were last used", .uses = STORE, .run = cli_token_list},
    {"token", "disable", "Make an API token useless", ONE("TOKEN"), .uses = STORE, .run = cli_token_set_enabled,
     .detail = "TOKEN is its id or label."},
    {"token", "enable", "Let an API token be used again", ONE("TOKEN"), .uses = STORE, .run = cli_token_set_enabled},

    {"listen", NULL, "Be a partner's webhook on this terminal", .uses = CLI_USES_JSON,
     .flags =
         FLAGS({"port", "PORT", "Where to listen on 127.0.0.1; default 9099, 0 picks a free one", CLI_INT, .min = 0,
                .max = 65535},
               {"kind", "KIND", "Of which kind of channel: kiamo_io (the default) or voximplant"},
               {"secret", "SECRET", "The connector's client_secret: verifies Body-Hash, answers 401 when it is wrong"},
               {"salt", "SALT", "The custom channel's salt: with --token it verifies Authorization in the same way"},
               {"token", "TOKEN", "The API token that the custom channel signs with"},
               {"status", "STATUS", "Misbehave: answer with this HTTP status", CLI_INT, .min = 200, .max = 599},
               {"rate", "SHARE", "The share of messages that get --status, such as 0.3; default 1", CLI_REAL},
               {"delay", "TIME", "Misbehave: answer this much later", CLI_TIME, .max = 60 * 60 * 1000},
               {"count", "N", "End after N messages", CLI_INT, .min = 1, .max = INT64_MAX}),
     .run = cli_listen,
     .detail = "Prints each message with its sender, text, attachments and whether its signature is right; with --json "
               "one line each. "
               "Exit code 1 when a signature was wrong or missing although it was to be verified."},
    {"send", NULL, "Be a partner: send a customer's message, with files and history", .uses = CLI_USES_JSON,
     .flags = FLAGS(
         URL_FLAG, {"kind", "KIND", "Of which kind of channel: kiamo_io (the default) or voximplant"},
         {"client-id", "ID", "The connector's client_id"}, {"client-secret", "SECRET", "The connector's client_secret"},
         {"channel", "UUID", "The custom channel's UUID"}, {"domain", "NAME", "The custom channel's account name"},
         {"access-token", "TOKEN", "An API token of the custom channel's account"},
         {"token", "TOKEN", "A token from before, instead of getting one"},
         {"customer", "CUSTOMER", "Who writes: the partner's id of the customer"},
         {"name", "NAME", "The customer's name; default: the id"}, {"text", "TEXT", "The message"}, FILE_FLAG,
         {"history", "FILE", "Messages to send before it: a JSON array, or {\"messages\":[…]}"},
         {"id", "ID", "The message's id; default: a new one. The same id and time again is stored once"},
         {"created-at", "SECONDS", "The message's time, UNIX seconds; default: now", CLI_INT, .min = 0,
          .max = INT64_MAX}),
     .run = cli_send,
     .detail = "A custom channel needs --channel, --domain and --access-token; it takes no --file, --history and "
               "--created-at. --id is then the event's id."},
    {"interactions", NULL, "List what waits and what is in work", .uses = API,
     .flags = FLAGS({"state", "STATE", "Only these: queued, active or closed; default queued and active"},
                    {"limit", "N", "At most this many; default 200", CLI_INT, .min = 1, .max = 1000000}),
     .run = cli_interactions},
    {"timeline", NULL, "Show one conversation", ONE("ID"), .uses = API,
     .flags = FLAGS({"limit", "N", "At most this many entries; default 10000", CLI_INT, .min = 1, .max = 1000000}),
     .run = cli_timeline},
    {"reply", NULL, "Answer a customer", .words = "ID \"TEXT\"", .words_min = 1, .words_max = 2, .uses = API,
     .flags = FLAGS(FILE_FLAG), .run = cli_reply, .detail = "TEXT may be left out when there is a --file."},

    {"deliveries", "list", "List what is on its way to partners", .uses = STORE,
     .flags = FLAGS({"state", "STATE", "Only these: pending, parked or delivered"},
                    {"connector", "CONNECTOR", "Only of this connector"},
                    {"limit", "N", "At most this many; default 200", CLI_INT, .min = 1, .max = 1000000}),
     .run = cli_deliveries_list},
    {"deliveries", "show", "Show one delivery with the bytes that are sent", ONE("ID"), .uses = STORE,
     .run = cli_deliveries_show},
    {"deliveries", "replay", "Send parked or delivered messages again", .words = "[ID]", .words_max = 1, .uses = STORE,
     .flags = FLAGS({"connector", "CONNECTOR", "All that are parked of this connector"},
                    {"all", NULL, "All that are parked", CLI_SWITCH},
                    {"retention", "TIME", "How long they are tried before they are parked again; default 72h", CLI_TIME,
                     .min = 1000, .max = 30 * DAY_MS}),
     .run = cli_deliveries_replay,
     .detail = "The same bytes with the same id: a partner can tell that it has them already."},

    {"doctor", NULL, "Check settings, folder, key, store, disk, clock, port and webhooks, and say what to do",
     .uses = CLI_USES_DATA | CLI_USES_INSTANCE | CLI_USES_JSON | CLI_USES_CONF, .run = cli_doctor,
     .detail = "Changes nothing. Give it the settings that the server has. Exit code 1 when a check fails."},
    {"backup", NULL, "Copy the whole store into a file, while the server runs", ONE("FILE"),
     .uses = CLI_USES_DATA | CLI_USES_JSON,
     .flags = FLAGS({"with-key", NULL, "Also copy the master key, to FILE.key; whoever has both can read every secret",
                     CLI_SWITCH}),
     .run = cli_backup,
     .detail = "Everything that was answered before the command began is in it. Without the master key the secrets in "
               "it are lost."},
    {"restore", NULL, "Make a data folder from a backup", ONE("FILE"), .uses = CLI_USES_DATA | CLI_USES_JSON,
     .flags = FLAGS({"key", "FILE", "The master key that belongs to it; default FILE.key"}), .run = cli_restore,
     .detail = "The folder must be new or empty. The copy is checked, and that the key opens it, before anything is "
               "left there."},

    {"routes", NULL, "List the routes of the HTTP API", .uses = CLI_USES_JSON,
     .flags = FLAGS({"openapi", "API", "Print the description of this API (OpenAPI 3.1) instead"}, URL_FLAG),
     .run = cli_routes},
    {"version", NULL, "Say which program this is", .uses = CLI_USES_JSON, .run = cli_version},
    {"help", NULL, "Say what there is, or how one command goes", .words = "[COMMAND]", .words_max = 2,
     .flags = FLAGS({"markdown", NULL, "Everything, as the page doc/COMMANDS.md", CLI_SWITCH},
                    {"settings", NULL, "Every setting, as the page doc/SETTINGS.md", CLI_SWITCH}),
     .run = cli_help},
    {"completion", NULL, "Print the completion for bash", .run = cli_completion,
     .detail = "source <(guichet completion)"},
};
const size_t cli_command_count = ARRAY_LEN(cli_commands);
