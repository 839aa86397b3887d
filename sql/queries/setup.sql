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
-- name: state_insert
INSERT INTO agent_state (id, instance_id, label, kind, color, position, enabled) VALUES ($1, $2, $3, $4, $5, $6, $7);
