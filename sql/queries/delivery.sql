-- The outbox and the partners' files.

-- name: delivery_insert
INSERT INTO delivery (id, instance_id, channel_id, customer_id, interaction_id, state, attempts, created_at, next_at,
  deadline_at, settled_at, last_status, last_error, payload)
VALUES ($1, $2, $3, $4, $5, 0, 0, $6, $6, $7, 0, 0, NULL, $8);
-- name: delivery_pending_channels
SELECT DISTINCT channel_id FROM delivery WHERE state = 0;
-- name: delivery_pending
SELECT id, instance_id, customer_id, interaction_id, attempts, created_at, next_at, deadline_at FROM delivery
WHERE state = 0 AND channel_id = $1 AND id > $2 ORDER BY id LIMIT $3;
-- name: delivery_payload
SELECT payload FROM delivery WHERE id = $1;
-- name: delivery_payload_pending
SELECT payload FROM delivery WHERE id = $1 AND state = 0;
-- name: delivery_delivered
UPDATE delivery SET state = 1, attempts = attempts + 1, settled_at = $2, last_status = $3, last_error = NULL
WHERE id = $1 AND state = 0;
-- name: delivery_failed
UPDATE delivery SET attempts = attempts + 1, next_at = $2, last_status = $3, last_error = $4 WHERE id = $1 AND state = 0;
-- name: delivery_parked
-- $5: 1 after an attempt that ended with $3 and $4, 0 by the clock.
UPDATE delivery SET state = 2, attempts = attempts + $5, settled_at = $2,
  last_status = CASE WHEN $5 = 1 THEN $3 ELSE last_status END,
  last_error = CASE WHEN $5 = 1 OR last_error IS NULL THEN $4 ELSE last_error END
WHERE id = $1 AND state = 0;
-- name: delivery_replay
UPDATE delivery SET state = 0, attempts = 0, next_at = $3, deadline_at = $4, settled_at = 0
WHERE id = $1 AND instance_id = $2 AND state <> 0;
-- name: delivery_expire
DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE state = 1 AND settled_at < $1 ORDER BY settled_at LIMIT $2);
-- name: delivery_get
SELECT id, channel_id, customer_id, interaction_id, state, attempts, created_at, next_at, deadline_at, settled_at, last_status,
  last_error FROM delivery WHERE id = $1 AND instance_id = $2;
-- name: delivery_list
SELECT id, channel_id, customer_id, interaction_id, state, attempts, created_at, next_at, deadline_at, settled_at, last_status,
  last_error FROM delivery WHERE instance_id = $1 AND state = $2 AND id > $3 ORDER BY id LIMIT $4;
-- name: delivery_before
SELECT id, channel_id, customer_id, interaction_id, state, attempts, created_at, next_at, deadline_at, settled_at, last_status,
  last_error FROM delivery WHERE instance_id = $1 AND state = $2 AND id < $3 ORDER BY id DESC LIMIT $4;
-- name: delivery_count
SELECT count(*), coalesce(min(created_at), 0) FROM delivery WHERE instance_id = $1 AND state = $2;

-- name: attachment_insert
INSERT INTO attachment (id, instance_id, channel_id, interaction_id, message_id, direction, uid, ext_id, name, mime_type,
  found_type, size, state, url, attempts, next_at, last_error, created_at, retrieved_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, $15, NULL, $15, 0);
-- name: attachment_chunk_insert
INSERT INTO attachment_chunk (attachment_id, n, bytes) VALUES ($1, $2, $3);
-- name: attachment_chunk_get
SELECT bytes FROM attachment_chunk WHERE attachment_id = $1 AND n = $2;
-- name: attachment_chunk_delete
DELETE FROM attachment_chunk WHERE attachment_id = $1;
-- name: attachment_get
SELECT id, channel_id, interaction_id, message_id, direction, uid, ext_id, name, mime_type, found_type, size, state, url,
  attempts, last_error, created_at, retrieved_at FROM attachment WHERE id = $1 AND instance_id = $2;
-- name: attachment_by_uid
SELECT id, channel_id, interaction_id, message_id, direction, uid, ext_id, name, mime_type, found_type, size, state, url,
  attempts, last_error, created_at, retrieved_at FROM attachment WHERE uid = $1 AND instance_id = $2;
-- name: attachment_instance
SELECT instance_id FROM attachment WHERE uid = $1;
-- name: attachment_of_message
SELECT id, channel_id, interaction_id, message_id, direction, uid, ext_id, name, mime_type, found_type, size, state, url,
  attempts, last_error, created_at, retrieved_at FROM attachment WHERE message_id = $1 AND instance_id = $2 ORDER BY id;
-- name: attachment_claim
UPDATE attachment SET message_id = $3 WHERE id = $1 AND instance_id = $2 AND interaction_id = $4 AND message_id = 0;
-- name: attachment_unclaimed
SELECT id FROM attachment WHERE message_id < 1 AND created_at < $1 ORDER BY created_at, id LIMIT 1;
-- name: attachment_delete
DELETE FROM attachment WHERE id = $1;
-- name: attachment_retrieved
UPDATE attachment SET retrieved_at = $2 WHERE id = $1 AND retrieved_at = 0;
-- name: attachment_to_fetch
SELECT id, instance_id, channel_id, interaction_id, message_id, url, attempts, next_at, created_at FROM attachment
WHERE state = 1 ORDER BY next_at LIMIT $1;
-- name: attachment_fetched
UPDATE attachment SET state = 0, size = $2, found_type = $3, attempts = attempts + 1, last_error = NULL WHERE id = $1 AND state = 1;
-- name: attachment_fetch_failed
UPDATE attachment SET state = $2, attempts = attempts + 1, next_at = $3, last_error = $4 WHERE id = $1 AND state = 1;
