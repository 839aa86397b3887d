-- The indexes that are filled late (store/late.h). PostgreSQL has indexes instead.

-- name: index_mark sqlite
SELECT timeline_seq, retry_seq FROM index_mark WHERE instance_id = $1;
-- name: index_mark postgres
SELECT 9223372036854775807, 9223372036854775807 + 0 * CAST($1 AS BIGINT);
-- name: index_mark_raise sqlite
INSERT INTO index_mark (instance_id, timeline_seq, retry_seq) VALUES ($1, $2, $3)
ON CONFLICT (instance_id) DO UPDATE SET timeline_seq = max(timeline_seq, excluded.timeline_seq),
  retry_seq = max(retry_seq, excluded.retry_seq);

-- name: timeline_insert sqlite
INSERT INTO timeline (interaction_id, seq) VALUES ($1, $2) ON CONFLICT DO NOTHING;
-- name: timeline_log sqlite
SELECT seq, interaction_id FROM event WHERE seq > $1 AND seq <= $2 ORDER BY seq;
-- name: timeline_move sqlite
INSERT INTO timeline (interaction_id, seq) SELECT interaction_id, seq FROM event
WHERE seq > $1 AND seq <= $2 AND interaction_id <> 0 ORDER BY interaction_id, seq ON CONFLICT DO NOTHING;

-- name: retry_find sqlite
SELECT message_id FROM retry_key WHERE created_at = $1 AND hash = $2;
-- name: retry_top sqlite
SELECT max(created_at) FROM retry_key;
-- name: retry_insert sqlite
INSERT INTO retry_key (created_at, hash, message_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;
-- name: retry_log sqlite
SELECT retry_hash(m.customer_id, m.ext_id), m.created_at, m.id FROM event e CROSS JOIN message m ON m.id = e.ref_id
WHERE e.seq > $1 AND e.seq <= $2 AND e.kind IN ($3, $4, $5) AND m.event_id IS NULL ORDER BY e.seq;
-- name: retry_move sqlite
INSERT INTO retry_key (created_at, hash, message_id)
SELECT m.created_at, retry_hash(m.customer_id, m.ext_id), m.id FROM event e CROSS JOIN message m ON m.id = e.ref_id
WHERE e.seq > $1 AND e.seq <= $2 AND e.kind IN ($3, $4, $5) AND m.event_id IS NULL ORDER BY 1, 2 ON CONFLICT DO NOTHING;
