-- What routing and agents choose by. …_all: the whole store's, for the setup in memory.

-- name: skill_all
SELECT id, instance_id, name FROM skill ORDER BY id;
-- name: group_all
SELECT id, instance_id, name FROM agent_group ORDER BY id;
-- name: team_all
SELECT id, instance_id, name FROM team ORDER BY id;
-- name: state_all
SELECT id, instance_id, label, kind, color, position, enabled FROM agent_state ORDER BY id;
-- name: qualification_all
SELECT id, instance_id, category, label, service_id, enabled FROM qualification ORDER BY id;
-- name: canned_reply_all
SELECT id, instance_id, service_id, shortcut, title, text FROM canned_reply ORDER BY id;
-- name: calendar_all
SELECT id, instance_id, name, zone FROM calendar ORDER BY id;
-- name: calendar_interval_all
SELECT calendar_id, weekday, start_min, end_min FROM calendar_interval ORDER BY calendar_id, weekday, start_min;
-- name: calendar_exception_all
SELECT calendar_id, day, start_min, end_min, label FROM calendar_exception ORDER BY calendar_id, day, start_min;

-- name: service_skill_all
SELECT service_id, skill_id, level FROM service_skill ORDER BY service_id, skill_id;
-- name: agent_skill_all
SELECT agent_id, skill_id, level FROM agent_skill ORDER BY agent_id, skill_id;
-- name: agent_service_all
SELECT agent_id, service_id, level FROM agent_service ORDER BY agent_id, service_id;
-- name: service_agent_all
SELECT service_id, agent_id, level FROM agent_service ORDER BY service_id, agent_id;
-- name: agent_medium_all
SELECT agent_id, medium, most FROM agent_medium ORDER BY agent_id, medium;

-- name: state_max
SELECT coalesce(max(id), 0) FROM agent_state;

-- One family of rows each: a page after an id, one more, one changed, one gone.

-- name: group_page
SELECT id, name FROM agent_group WHERE instance_id = $1 AND id > $2 ORDER BY id LIMIT $3;
-- name: group_add
INSERT INTO agent_group (id, instance_id, name) VALUES ($1, $2, $3);
-- name: group_set
UPDATE agent_group SET name = $3 WHERE id = $1 AND instance_id = $2;
-- name: group_delete
DELETE FROM agent_group WHERE id = $1 AND instance_id = $2;
-- name: group_max
SELECT coalesce(max(id), 0) FROM agent_group;

-- name: team_page
SELECT id, name FROM team WHERE instance_id = $1 AND id > $2 ORDER BY id LIMIT $3;
-- name: team_add
INSERT INTO team (id, instance_id, name) VALUES ($1, $2, $3);
-- name: team_set
UPDATE team SET name = $3 WHERE id = $1 AND instance_id = $2;
-- name: team_delete
DELETE FROM team WHERE id = $1 AND instance_id = $2;
-- name: team_max
SELECT coalesce(max(id), 0) FROM team;

-- name: skill_page
SELECT id, name FROM skill WHERE instance_id = $1 AND id > $2 ORDER BY id LIMIT $3;
-- name: skill_add
INSERT INTO skill (id, instance_id, name) VALUES ($1, $2, $3);
-- name: skill_set
UPDATE skill SET name = $3 WHERE id = $1 AND instance_id = $2;
-- name: skill_delete
DELETE FROM skill WHERE id = $1 AND instance_id = $2;
-- name: skill_max
SELECT coalesce(max(id), 0) FROM skill;

-- name: state_page
SELECT id, label, kind, color, position, enabled FROM agent_state WHERE instance_id = $1 AND id > $2 ORDER BY id LIMIT
  $3;
-- name: state_add
INSERT INTO agent_state (id, instance_id, label, kind, color, position, enabled) VALUES ($1, $2, $3, $4, $5, $6, $7);
-- name: state_set
UPDATE agent_state SET label = $3, kind = $4, color = $5, position = $6, enabled = $7 WHERE id = $1 AND instance_id =
  $2;
-- name: state_delete
DELETE FROM agent_state WHERE id = $1 AND instance_id = $2;

-- name: calendar_page
SELECT id, name, zone FROM calendar WHERE instance_id = $1 AND id > $2 ORDER BY id LIMIT $3;
-- name: calendar_add
INSERT INTO calendar (id, instance_id, name, zone) VALUES ($1, $2, $3, $4);
-- name: calendar_set
UPDATE calendar SET name = $3, zone = $4 WHERE id = $1 AND instance_id = $2;
-- name: calendar_delete
DELETE FROM calendar WHERE id = $1 AND instance_id = $2;
-- name: calendar_max
SELECT coalesce(max(id), 0) FROM calendar;

-- name: service_page
SELECT id, name, enabled, priority, medium, weight, strategy, sticky_ms, max_wait_ms, overflow_service_id,
  overflow_after_ms, offer_ms, wrapup_ms, idle_close_ms, calendar_id, closed_policy, closed_reply, level_s, created_at
  FROM service WHERE instance_id = $1 AND id > $2 ORDER BY id LIMIT $3;
-- name: service_add
INSERT INTO service (id, instance_id, name, enabled, priority, medium, weight, strategy, sticky_ms, max_wait_ms,
  overflow_service_id, overflow_after_ms, offer_ms, wrapup_ms, idle_close_ms, calendar_id, closed_policy,
  closed_reply, level_s, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
  $17, $18, $19, $20);
-- name: service_set
UPDATE service SET name = $3, enabled = $4, priority = $5, medium = $6, weight = $7, strategy = $8, sticky_ms = $9,
  max_wait_ms = $10, overflow_service_id = $11, overflow_after_ms = $12, offer_ms = $13, wrapup_ms = $14,
  idle_close_ms = $15, calendar_id = $16, closed_policy = $17, closed_reply = $18, level_s = $19 WHERE id = $1 AND
  instance_id = $2;

-- name: qualification_page
SELECT id, category, label, service_id, enabled FROM qualification WHERE instance_id = $1 AND id > $2 ORDER BY id
  LIMIT $3;
-- name: qualification_add
INSERT INTO qualification (id, instance_id, category, label, service_id, enabled) VALUES ($1, $2, $3, $4, $5, $6);
-- name: qualification_set
UPDATE qualification SET category = $3, label = $4, service_id = $5, enabled = $6 WHERE id = $1 AND instance_id = $2;
-- name: qualification_max
SELECT coalesce(max(id), 0) FROM qualification;

-- name: canned_reply_page
SELECT id, service_id, shortcut, title, text FROM canned_reply WHERE instance_id = $1 AND id > $2 ORDER BY id LIMIT
  $3;
-- name: canned_reply_add
INSERT INTO canned_reply (id, instance_id, service_id, shortcut, title, text) VALUES ($1, $2, $3, $4, $5, $6);
-- name: canned_reply_set
UPDATE canned_reply SET service_id = $3, shortcut = $4, title = $5, text = $6 WHERE id = $1 AND instance_id = $2;
-- name: canned_reply_delete
DELETE FROM canned_reply WHERE id = $1 AND instance_id = $2;
-- name: canned_reply_max
SELECT coalesce(max(id), 0) FROM canned_reply;

-- name: agent_page
SELECT id, login, first_name, last_name, email, extension, avatar_url, group_id, team_id, profile, enabled, capacity,
  created_at FROM agent WHERE instance_id = $1 AND id > $2 ORDER BY id LIMIT $3;
-- name: agent_add
INSERT INTO agent (id, instance_id, login, first_name, last_name, email, extension, avatar_url, group_id, team_id,
  profile, enabled, capacity, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
  $13, $14, $15);
-- name: agent_set
UPDATE agent SET login = $3, first_name = $4, last_name = $5, email = $6, extension = $7, avatar_url = $8, group_id =
  $9, team_id = $10, profile = $11, enabled = $12, capacity = $13 WHERE id = $1 AND instance_id = $2;

-- name: service_skill_of
SELECT skill_id, level FROM service_skill WHERE service_id = $1 ORDER BY skill_id;
-- name: service_skill_add
INSERT INTO service_skill (service_id, skill_id, level) VALUES ($1, $2, $3);
-- name: service_skill_clear
DELETE FROM service_skill WHERE service_id = $1;
-- name: service_agent_of
SELECT agent_id, level FROM agent_service WHERE service_id = $1 ORDER BY agent_id;
-- name: service_agent_add
INSERT INTO agent_service (service_id, agent_id, level) VALUES ($1, $2, $3);
-- name: service_agent_clear
DELETE FROM agent_service WHERE service_id = $1;
-- name: agent_skill_of
SELECT skill_id, level FROM agent_skill WHERE agent_id = $1 ORDER BY skill_id;
-- name: agent_skill_add
INSERT INTO agent_skill (agent_id, skill_id, level) VALUES ($1, $2, $3);
-- name: agent_skill_clear
DELETE FROM agent_skill WHERE agent_id = $1;
-- name: agent_service_of
SELECT service_id, level FROM agent_service WHERE agent_id = $1 ORDER BY service_id;
-- name: agent_service_add
INSERT INTO agent_service (agent_id, service_id, level) VALUES ($1, $2, $3);
-- name: agent_service_clear
DELETE FROM agent_service WHERE agent_id = $1;
-- name: agent_medium_of
SELECT medium, most FROM agent_medium WHERE agent_id = $1 ORDER BY medium;
-- name: agent_medium_add
INSERT INTO agent_medium (agent_id, medium, most) VALUES ($1, $2, $3);
-- name: agent_medium_clear
DELETE FROM agent_medium WHERE agent_id = $1;
-- name: calendar_interval_of
SELECT weekday, start_min, end_min FROM calendar_interval WHERE calendar_id = $1 ORDER BY weekday, start_min;
-- name: calendar_interval_add
INSERT INTO calendar_interval (calendar_id, weekday, start_min, end_min) VALUES ($1, $2, $3, $4);
-- name: calendar_interval_clear
DELETE FROM calendar_interval WHERE calendar_id = $1;
-- name: calendar_exception_of
SELECT day, start_min, end_min, label FROM calendar_exception WHERE calendar_id = $1 ORDER BY day, start_min;
-- name: calendar_exception_add
INSERT INTO calendar_exception (calendar_id, day, start_min, end_min, label) VALUES ($1, $2, $3, $4, $5);
-- name: calendar_exception_clear
DELETE FROM calendar_exception WHERE calendar_id = $1;

-- How often a row is used, by what the family says (store/setup_families.c).
-- name: group_used
SELECT count(*) FROM agent WHERE group_id = $1;
-- name: team_used
SELECT count(*) FROM agent WHERE team_id = $1;
-- name: skill_used
SELECT (SELECT count(*) FROM service_skill WHERE skill_id = $1),
  (SELECT count(*) FROM agent_skill WHERE skill_id = $1);
-- name: calendar_used
SELECT count(*) FROM service WHERE calendar_id = $1;
-- name: service_used
SELECT (SELECT count(*) FROM channel WHERE service_id = $1 AND enabled = 1),
  (SELECT count(*) FROM service WHERE overflow_service_id = $1 AND id <> $1);
-- name: state_used
SELECT count(*) FROM presence WHERE state_id = $1;
-- name: state_of_kind
SELECT count(*) FROM agent_state WHERE instance_id = $1 AND kind = $2 AND enabled = 1 AND id <> $3;
-- name: agent_of_profile
SELECT count(*) FROM agent WHERE instance_id = $1 AND profile = $2 AND enabled = 1 AND id <> $3;

-- Connectors are channels of kind 1.
-- name: connector_page
SELECT id, name, webhook_url, service_id, show_agent, enabled, client_id, created_at FROM channel
WHERE instance_id = $1 AND id > $2 AND kind = 1 ORDER BY id LIMIT $3;
-- name: connector_add
INSERT INTO channel (id, instance_id, name, webhook_url, service_id, show_agent, enabled, client_id, secret_sealed,
  secret_hash, created_at, kind, old_until, generation)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, 0, 1);
-- name: connector_set
UPDATE channel SET generation = generation + CASE WHEN enabled <> $7 THEN 1 ELSE 0 END,
  name = $3, webhook_url = $4, service_id = $5, show_agent = $6, enabled = $7
WHERE id = $1 AND instance_id = $2 AND kind = 1;

-- name: token_page
SELECT id, label, rights, enabled, created_at, last_used_at FROM api_token
WHERE instance_id = $1 AND id > $2 ORDER BY id LIMIT $3;
-- name: token_add
INSERT INTO api_token (id, instance_id, label, rights, enabled, hash, created_at, last_used_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0);
-- name: token_set
UPDATE api_token SET label = $3, rights = $4, enabled = $5 WHERE id = $1 AND instance_id = $2;
-- name: token_delete
DELETE FROM api_token WHERE id = $1 AND instance_id = $2;

-- Custom channels are channels of kind 2, in two tables: custom_channel_insert and custom_channel_update have the rest.
-- name: custom_page
SELECT id, name, webhook_url, service_id, enabled, token_id, access_ms, refresh_ms, idle_close_ms, bot_close_ms, client_id,
  created_at FROM channel JOIN custom_channel ON channel_id = id
WHERE instance_id = $1 AND id > $2 AND kind = 2 ORDER BY id LIMIT $3;
-- name: custom_add
INSERT INTO channel (id, instance_id, name, webhook_url, service_id, enabled, client_id, secret_sealed, secret_hash,
  created_at, kind, show_agent, old_until, generation)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 2, 1, 0, 1);
-- name: custom_set
UPDATE channel SET generation = generation + CASE WHEN enabled <> $6 THEN 1 ELSE 0 END,
  name = $3, webhook_url = $4, service_id = $5, enabled = $6
WHERE id = $1 AND instance_id = $2 AND kind = 2;

-- name: account_token_page
SELECT id, name, enabled, created_at FROM account_token WHERE instance_id = $1 AND id > $2 ORDER BY id LIMIT $3;
-- name: account_token_add
INSERT INTO account_token (id, instance_id, name, enabled, sealed, hash, created_at, generation)
VALUES ($1, $2, $3, $4, $5, $6, $7, 1);
-- name: account_token_set
UPDATE account_token SET generation = generation + CASE WHEN enabled <> $4 THEN 1 ELSE 0 END, name = $3, enabled = $4
WHERE id = $1 AND instance_id = $2;

-- Whoever, or whatever, is made by command serves, or is served by, all.
-- name: agent_serves_all
INSERT INTO agent_service (agent_id, service_id, level) SELECT CAST($1 AS BIGINT), id, 1 FROM service WHERE instance_id = $2;
-- name: service_of_all
INSERT INTO agent_service (agent_id, service_id, level) SELECT id, CAST($1 AS BIGINT), 1 FROM agent WHERE instance_id = $2;
