/* The functions behind the commands, under the file each is in. What they do: the table in commands.c. */
#pragma once

#include "cli/cli.h"

/* init.c */
int cli_init(const struct cli_args *args);
/* serve.c */
int cli_serve(const struct cli_args *args);
/* migrate.c */
int cli_migrate(const struct cli_args *args);
/* instance.c */
int cli_instance_create(const struct cli_args *args);
int cli_instance_list(const struct cli_args *args);
/* service.c */
int cli_service_create(const struct cli_args *args);
int cli_service_list(const struct cli_args *args);
/* setup.c */
int cli_setup_list(const struct cli_args *args);
int cli_setup_add(const struct cli_args *args);
int cli_setup_set(const struct cli_args *args);
int cli_setup_remove(const struct cli_args *args);
int cli_setup_export(const struct cli_args *args);
int cli_setup_import(const struct cli_args *args);
/* connector.c */
int cli_connector_create(const struct cli_args *args);
int cli_connector_list(const struct cli_args *args);
int cli_connector_show(const struct cli_args *args);
int cli_connector_set(const struct cli_args *args);
int cli_connector_rotate(const struct cli_args *args);
int cli_connector_set_enabled(const struct cli_args *args);
/* channel.c */
int cli_channel_create(const struct cli_args *args);
int cli_channel_list(const struct cli_args *args);
int cli_channel_show(const struct cli_args *args);
int cli_channel_set(const struct cli_args *args);
int cli_channel_check(const struct cli_args *args);
int cli_channel_set_enabled(const struct cli_args *args);
/* account_token.c */
int cli_account_token_create(const struct cli_args *args);
int cli_account_token_list(const struct cli_args *args);
int cli_account_token_set_enabled(const struct cli_args *args);
/* agent.c */
int cli_agent_create(const struct cli_args *args);
int cli_agent_list(const struct cli_args *args);
int cli_agent_set_enabled(const struct cli_args *args);
int cli_agent_password(const struct cli_args *args);
/* token.c */
int cli_token_create(const struct cli_args *args);
int cli_token_list(const struct cli_args *args);
int cli_token_set_enabled(const struct cli_args *args);
/* listen.c */
int cli_listen(const struct cli_args *args);
/* send.c */
int cli_send(const struct cli_args *args);
/* interactions.c */
int cli_interactions(const struct cli_args *args);
/* timeline.c */
int cli_timeline(const struct cli_args *args);
/* reply.c */
int cli_reply(const struct cli_args *args);
/* deliveries.c */
int cli_deliveries_list(const struct cli_args *args);
int cli_deliveries_show(const struct cli_args *args);
int cli_deliveries_replay(const struct cli_args *args);
/* doctor.c */
int cli_doctor(const struct cli_args *args);
/* backup.c */
int cli_backup(const struct cli_args *args);
int cli_restore(const struct cli_args *args);
/* routes.c */
int cli_routes(const struct cli_args *args);
/* version.c */
int cli_version(const struct cli_args *args);
/* help.c */
int cli_help(const struct cli_args *args);
/* completion.c */
int cli_completion(const struct cli_args *args);
