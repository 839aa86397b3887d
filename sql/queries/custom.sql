-- Custom channels: account tokens, what a channel has besides, customers' records, closing by time.

-- name: account_token_insert
INSERT INTO account_token (id, instance_id, name, sealed, hash, enabled, generation, created_at)
VALUES ($1, $2, $3, $4, $5, 1, 1, $6);
-- name: account_token_all
SELECT id, instance_id, name, sealed, hash, enabled, generation, created_at FROM account_token ORDER BY id;
-- name: account_token_max
SELECT coalesce(max(id), 0) FROM account_token;
-- name: account_token_enable
UPDATE account_token SET enabled = $3, generation = generation + 1 WHERE id = $1 AND instance_id = $2;
-- name: account_token_of
SELECT id FROM account_token WHERE id = $1 AND instance_id = $2;

-- name: custom_channel_insert
INSERT INTO custom_channel (channel_id, token_id, access_ms, refresh_ms, idle_close_ms, bot_close_ms)
VALUES ($1, $2, $3, $4, $5, $6);
-- name: custom_channel_update
UPDATE custom_channel SET token_id = $2, access_ms = $3, refresh_ms = $4, idle_close_ms = $5, bot_close_ms = $6
WHERE channel_id = $1;

-- name: service_max_wait
SELECT max_wait_ms FROM service WHERE id = $1 AND instance_id = $2;

-- name: custom_idle_min
SELECT coalesce(min(x.idle_close_ms), 0) FROM custom_channel x JOIN channel c ON c.id = x.channel_id
WHERE c.service_id = $1 AND c.instance_id = $2 AND x.idle_close_ms > 0;

-- name: inbound_event_insert
INSERT INTO inbound_event (channel_id, ext_id, stored_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;
-- name: inbound_event_expire
DELETE FROM inbound_event WHERE (channel_id, ext_id) IN
  (SELECT channel_id, ext_id FROM inbound_event WHERE stored_at < $1 ORDER BY stored_at LIMIT $2);

-- name: customer_field_set
INSERT INTO customer_field (customer_id, name, value, updated_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (customer_id, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
WHERE customer_field.value <> excluded.value;
-- name: customer_field_of
SELECT name, value FROM customer_field WHERE customer_id = $1 ORDER BY name;

-- name: activity_set
INSERT INTO activity (interaction_id, instance_id, channel_id, by_bot, active_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (interaction_id) DO UPDATE SET by_bot = excluded.by_bot, active_at = excluded.active_at;
-- name: activity_taken
UPDATE activity SET by_bot = 0, active_at = $2 WHERE interaction_id = $1;
-- name: activity_get locks:activity
SELECT by_bot, active_at FROM activity WHERE interaction_id = $1;
-- name: activity_delete
DELETE FROM activity WHERE interaction_id = $1;
-- name: activity_before
SELECT interaction_id FROM activity WHERE channel_id = $1 AND by_bot = $2 AND active_at <= $3 ORDER BY active_at LIMIT $4;
-- name: activity_oldest
SELECT coalesce(min(active_at), 0) FROM activity WHERE channel_id = $1 AND by_bot = $2;
