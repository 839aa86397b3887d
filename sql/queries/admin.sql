-- Instances, services, channels, agents, sessions and tokens: what administrators set up.

-- name: meta_get
SELECT value FROM meta WHERE key = $1;
-- name: meta_set
INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: instance_insert
INSERT INTO instance (id, name, created_at) VALUES ($1, $2, $3);
-- name: instance_all
SELECT id, name FROM instance ORDER BY id;
-- name: instance_max
SELECT coalesce(max(id), 0) FROM instance;

-- name: service_insert
INSERT INTO service (id, instance_id, name, priority, created_at) VALUES ($1, $2, $3, $4, $5);
-- name: service_all
SELECT id, instance_id, name, priority, enabled, medium, weight, strategy, sticky_ms, max_wait_ms, overflow_service_id,
  overflow_after_ms, offer_ms, wrapup_ms, idle_close_ms, calendar_id, closed_policy, closed_reply, level_s
FROM service ORDER BY id;
-- name: service_max
SELECT coalesce(max(id), 0) FROM service;

-- name: channel_insert
INSERT INTO channel (id, instance_id, kind, name, enabled, service_id, webhook_url, show_agent, client_id,
  secret_sealed, secret_hash, old_sealed, old_hash, old_until, generation, created_at)
VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10, NULL, NULL, 0, 1, $11);
-- name: channel_all
SELECT id, instance_id, kind, name, enabled, service_id, webhook_url, show_agent, client_id,
  secret_sealed, secret_hash, old_sealed, old_hash, old_until, generation, created_at,
  token_id, access_ms, refresh_ms, idle_close_ms, bot_close_ms
FROM channel LEFT JOIN custom_channel ON channel_id = id ORDER BY id;
-- name: channel_max
SELECT coalesce(max(id), 0) FROM channel;
-- name: channel_update
UPDATE channel SET name = $3, webhook_url = $4, service_id = $5, show_agent = $6 WHERE id = $1 AND instance_id = $2;
-- name: channel_enable
UPDATE channel SET enabled = $3, generation = generation + 1 WHERE id = $1 AND instance_id = $2;
-- name: channel_rotate
UPDATE channel SET old_sealed = secret_sealed, old_hash = secret_hash, old_until = $5,
  secret_sealed = $3, secret_hash = $4, generation = generation + 1 WHERE id = $1 AND instance_id = $2;

-- name: agent_insert
INSERT INTO agent (id, instance_id, login, password_hash, first_name, last_name, profile, enabled, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8);
-- name: agent_all
SELECT id, instance_id, login, first_name, last_name, profile, enabled, created_at,
  email, extension, avatar_url, group_id, team_id, capacity
FROM agent ORDER BY id;
-- name: agent_max
SELECT coalesce(max(id), 0) FROM agent;
-- name: agent_by_login
SELECT id, instance_id, password_hash, enabled FROM agent WHERE login = $1 ORDER BY id LIMIT 16;
-- name: agent_enable
UPDATE agent SET enabled = $3 WHERE id = $1 AND instance_id = $2;
-- name: agent_set_password
UPDATE agent SET password_hash = $3 WHERE id = $1 AND instance_id = $2;

-- name: session_insert
INSERT INTO session (hash, instance_id, agent_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5);
-- name: session_get
SELECT instance_id, agent_id, expires_at FROM session WHERE hash = $1;
-- name: session_delete
DELETE FROM session WHERE hash = $1;
-- name: session_delete_agent
DELETE FROM session WHERE agent_id = $1;
-- name: session_count
SELECT count(*) FROM session WHERE agent_id = $1 AND expires_at > $2;
-- name: session_expire
DELETE FROM session WHERE expires_at < $1;

-- name: token_insert
INSERT INTO api_token (id, instance_id, label, hash, rights, enabled, created_at, last_used_at)
VALUES ($1, $2, $3, $4, $5, 1, $6, 0);
-- name: token_all
SELECT id, instance_id, label, hash, rights, enabled, created_at, last_used_at FROM api_token ORDER BY id;
-- name: token_max
SELECT coalesce(max(id), 0) FROM api_token;
-- name: token_enable
UPDATE api_token SET enabled = $3 WHERE id = $1 AND instance_id = $2;
-- name: token_used
UPDATE api_token SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2;

-- Locks of PostgreSQL that end with the transaction: the schema's, the setup's, one for each instance's event numbers, one for each
-- agent's load.
-- name: schema_lock postgres
SELECT CASE WHEN pg_advisory_xact_lock(1196771651, 0) IS NULL THEN 0 ELSE 1 END;
-- name: setup_lock postgres
SELECT CASE WHEN pg_advisory_xact_lock(1196771651, -1) IS NULL THEN 0 ELSE 1 END;
-- name: event_lock postgres
SELECT CASE WHEN pg_advisory_xact_lock(1196771651, CAST($1 AS INTEGER)) IS NULL THEN 0 ELSE 1 END;
-- name: agent_lock postgres
SELECT CASE WHEN pg_advisory_xact_lock(1196771652, CAST($1 AS INTEGER)) IS NULL THEN 0 ELSE 1 END;
-- name: schema_there postgres
SELECT count(*) FROM (SELECT to_regclass('meta') AS there) AS tables WHERE there IS NOT NULL;
