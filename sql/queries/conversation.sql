-- Customers, interactions, messages, notes and the event log.

-- name: customer_find locks:customer
SELECT id, name, open_interaction_id FROM customer WHERE channel_id = $1 AND ext_id = $2;
-- name: customer_get
SELECT ext_id, name, open_interaction_id FROM customer WHERE id = $1 AND instance_id = $2;
-- name: customer_insert
INSERT INTO customer (id, instance_id, channel_id, ext_id, name, open_interaction_id, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);
-- name: customer_set_open
UPDATE customer SET open_interaction_id = $2 WHERE id = $1;
-- name: customer_set_name
UPDATE customer SET name = $2 WHERE id = $1;

-- name: interaction_insert
INSERT INTO interaction (id, instance_id, channel_id, customer_id, service_id, state, agent_id, previous_id, version,
  opened_at, state_at, closed_at, close_reason, priority, medium, weight, queued_at, last_agent_id, service_first_id)
VALUES ($1, $2, $3, $4, $5, $6, 0, $7, 1, $8, $8, 0, NULL, $9, $10, $11, $8, $12, $5);
-- name: interaction_last_of
SELECT id, agent_id, state, state_at FROM interaction WHERE customer_id = $1 ORDER BY id DESC LIMIT 1;
-- name: interaction_get locks:i,c
SELECT i.id, i.channel_id, i.customer_id, i.service_id, i.state, i.agent_id, i.previous_id, i.version, i.opened_at,
  i.state_at, i.closed_at, i.close_reason, c.ext_id, c.name, i.priority, i.medium, i.weight, i.queued_at, i.front,
  i.offer_until, i.wrapup_until, i.last_agent_id, i.label, i.qualification_id, i.qualification_comment, i.service_first_id
FROM interaction i JOIN customer c ON c.id = i.customer_id
WHERE i.id = $1 AND i.instance_id = $2;
-- name: interaction_list_state
SELECT i.id, i.channel_id, i.customer_id, i.service_id, i.state, i.agent_id, i.previous_id, i.version, i.opened_at,
  i.state_at, i.closed_at, i.close_reason, c.ext_id, c.name, i.priority, i.medium, i.weight, i.queued_at, i.front,
  i.offer_until, i.wrapup_until, i.last_agent_id, i.label, i.qualification_id, i.qualification_comment, i.service_first_id
FROM interaction i JOIN customer c ON c.id = i.customer_id
WHERE i.instance_id = $1 AND i.state = $2 AND i.id > $3
  AND ($4 = 0 OR i.service_id = $4) AND ($5 = 0 OR i.agent_id = $5) ORDER BY i.id LIMIT $6;
-- name: interaction_list_closed_service
SELECT i.id, i.channel_id, i.customer_id, i.service_id, i.state, i.agent_id, i.previous_id, i.version, i.opened_at,
  i.state_at, i.closed_at, i.close_reason, c.ext_id, c.name
FROM interaction i JOIN customer c ON c.id = i.customer_id
WHERE i.instance_id = $1 AND i.state = 5 AND i.service_id = $2 AND i.id > $3 ORDER BY i.id LIMIT $4;
-- name: interaction_list_closed_agent
SELECT i.id, i.channel_id, i.customer_id, i.service_id, i.state, i.agent_id, i.previous_id, i.version, i.opened_at,
  i.state_at, i.closed_at, i.close_reason, c.ext_id, c.name
FROM interaction i JOIN customer c ON c.id = i.customer_id
WHERE i.instance_id = $1 AND i.state = 5 AND i.agent_id = $2 AND i.id > $3 AND ($4 = 0 OR i.service_id = $4)
ORDER BY i.id LIMIT $5;
-- name: interaction_list_customer
SELECT i.id, i.channel_id, i.customer_id, i.service_id, i.state, i.agent_id, i.previous_id, i.version, i.opened_at,
  i.state_at, i.closed_at, i.close_reason, c.ext_id, c.name, i.priority, i.medium, i.weight, i.queued_at, i.front,
  i.offer_until, i.wrapup_until, i.last_agent_id, i.label, i.qualification_id, i.qualification_comment, i.service_first_id
FROM customer c JOIN interaction i ON i.customer_id = c.id
WHERE c.channel_id = $1 AND c.ext_id = $2 AND i.instance_id = $3 AND i.id > $4 ORDER BY i.id LIMIT $5;
-- name: interaction_search
SELECT id FROM (
  SELECT interaction_id AS id FROM (SELECT id, instance_id, interaction_id, text FROM message ORDER BY id DESC LIMIT 20000) AS m
  WHERE m.instance_id = $1 AND lower(m.text) LIKE lower($2) ESCAPE '!'
  UNION
  SELECT i.id FROM (SELECT id, instance_id, customer_id FROM interaction ORDER BY id DESC LIMIT 5000) AS i
  JOIN customer c ON c.id = i.customer_id
  WHERE i.instance_id = $1 AND (lower(c.name) LIKE lower($2) ESCAPE '!' OR lower(c.ext_id) LIKE lower($2) ESCAPE '!')
) AS found ORDER BY id DESC LIMIT $3;
-- name: interaction_count_state
SELECT count(*) FROM interaction WHERE instance_id = $1 AND state = $2;
-- name: interaction_oldest_state
SELECT coalesce(min(id), 0) FROM interaction WHERE instance_id = $1 AND state = $2;

-- Retry keys: an index on PostgreSQL; the store's own on SQLite, see store/retry.h.
-- name: message_insert sqlite
INSERT INTO message (id, instance_id, interaction_id, customer_id, direction, ext_id, created_at, stored_at, sender_type,
  sender_id, sender_name, recipient_type, recipient_id, recipient_name, agent_id, text, rich_content, metadata, attachments,
  event_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20);
-- name: message_insert postgres
INSERT INTO message (id, instance_id, interaction_id, customer_id, direction, ext_id, created_at, stored_at, sender_type,
  sender_id, sender_name, recipient_type, recipient_id, recipient_name, agent_id, text, rich_content, metadata, attachments,
  event_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
ON CONFLICT (created_at, customer_id, ext_id) WHERE event_id IS NULL DO NOTHING;
-- name: message_known
SELECT id FROM message WHERE customer_id = $1 AND ext_id = $2 AND created_at = $3 AND event_id IS NULL;
-- name: message_is
SELECT 1 FROM message WHERE id = $1 AND instance_id = $2;
-- name: message_matches
SELECT 1 FROM message WHERE id = $1 AND customer_id = $2 AND ext_id = $3 AND created_at = $4 AND event_id IS NULL;
-- name: message_get
SELECT id, interaction_id, customer_id, direction, ext_id, created_at, stored_at, sender_type, sender_id, sender_name,
  recipient_type, recipient_id, recipient_name, agent_id, text, rich_content, metadata, attachments
FROM message WHERE id = $1 AND instance_id = $2;

-- name: note_insert
INSERT INTO note (id, instance_id, interaction_id, agent_id, author, content, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);
-- name: note_get
SELECT id, agent_id, author, content, created_at FROM note WHERE id = $1 AND instance_id = $2;

-- name: event_insert
INSERT INTO event (seq, at, kind, interaction_id, ref_id, agent_id, data) VALUES ($1, $2, $3, $4, $5, $6, $7);
-- name: event_last
SELECT coalesce(max(seq), 0) FROM event WHERE seq > $1 AND seq < $2;
-- name: event_after
SELECT seq, at, kind, interaction_id, ref_id, agent_id, data FROM event
WHERE seq > $1 AND seq < $2 ORDER BY seq LIMIT $3;
-- 90: setup.changed.
-- name: event_audit
SELECT seq, at, kind, interaction_id, ref_id, agent_id, data FROM event
WHERE kind = 90 AND seq > $1 AND seq < $2 ORDER BY seq DESC LIMIT $3;
-- An interaction's events up to the timeline's mark; above it they are looked for in the log.
-- name: event_of_interaction sqlite
SELECT e.seq, e.at, e.kind, e.interaction_id, e.ref_id, e.agent_id, e.data FROM timeline t CROSS JOIN event e ON e.seq = t.seq
WHERE t.interaction_id = $1 AND t.seq > $2 AND t.seq <= $3 ORDER BY t.seq LIMIT $4;
-- name: event_of_interaction postgres
SELECT seq, at, kind, interaction_id, ref_id, agent_id, data FROM event
WHERE interaction_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4;
-- name: event_of_interaction_in
SELECT seq, at, kind, interaction_id, ref_id, agent_id, data FROM event
WHERE seq > $1 AND seq < $2 AND interaction_id = $3 ORDER BY seq LIMIT $4;
-- name: event_at
SELECT seq, at, kind, interaction_id, ref_id, agent_id, data FROM event WHERE seq = $1 AND interaction_id = $2;

-- name: idempotency_get
SELECT fingerprint, status, body FROM idempotency WHERE instance_id = $1 AND caller = $2 AND key = $3;
-- name: idempotency_insert
INSERT INTO idempotency (instance_id, caller, key, fingerprint, status, body, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);
-- name: idempotency_expire
DELETE FROM idempotency WHERE created_at < $1;

-- name: id_floor
SELECT max(m) FROM (
  SELECT coalesce(max(id), 0) AS m FROM message UNION ALL SELECT coalesce(max(id), 0) FROM interaction
  UNION ALL SELECT coalesce(max(id), 0) FROM customer UNION ALL SELECT coalesce(max(id), 0) FROM delivery
  UNION ALL SELECT coalesce(max(id), 0) FROM attachment UNION ALL SELECT coalesce(max(id), 0) FROM note) AS ids;
