/* Kiamo API v3, packages agent and interaction: the server's own modern API. Handlers of the route table. */
#pragma once

#include "http/request.h"

void v3_login(struct request *req);
void v3_logout(struct request *req);
void v3_me(struct request *req);
void v3_agents(struct request *req);
void v3_agent(struct request *req);
void v3_groups(struct request *req);
void v3_teams(struct request *req);
void v3_states(struct request *req);
void v3_skills(struct request *req);
void v3_services(struct request *req);
void v3_qualifications(struct request *req);
void v3_canned_replies(struct request *req);

void v3_my_state(struct request *req);
void v3_choose_state(struct request *req);
void v3_set_state(struct request *req);
void v3_my_queue(struct request *req);

void v3_interactions(struct request *req);
void v3_interaction(struct request *req);
void v3_customer(struct request *req);
void v3_timeline(struct request *req);

void v3_reply(struct request *req);
void v3_upload(struct request *req);
void v3_note(struct request *req);
void v3_accept(struct request *req);
void v3_decline(struct request *req);
void v3_transfer(struct request *req);
void v3_wrapup(struct request *req);
void v3_close(struct request *req);
void v3_qualify(struct request *req);
void v3_routing(struct request *req);

void v3_attachment(struct request *req);
void v3_events(struct request *req);
