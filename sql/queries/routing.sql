-- What routing reads and writes: interactions as it sees them, presence, refusals, timers.

-- name: interaction_change
UPDATE interaction SET service_id = $4, state = $5, agent_id = $6, priority = $7, medium = $8, weight = $9, queued_at = $10,
  front = $11, offer_until = $12, wrapup_until = $13, last_agent_id = $14, state_at = $15, closed_at = $16,
  close_reason = $17, version = version + 1
WHERE id = $1 AND instance_id = $2 AND version = $3;
-- name: interaction_qualify
UPDATE interaction SET qualification_id = $3, qualification_comment = $4, version = version + 1
WHERE id = $1 AND instance_id = $2;
-- name: agent_load
SELECT coalesce(sum(weight), 0), coalesce(sum(CASE WHEN medium = $2 THEN 1 ELSE 0 END), 0)
FROM interaction WHERE agent_id = $1 AND agent_id <> 0 AND state < 5;
-- name: agent_holds
SELECT id FROM interaction WHERE agent_id = $1 AND agent_id <> 0 AND state < 5 ORDER BY id LIMIT 1000;
-- name: routing_item_get
SELECT service_id, state, agent_id, priority, front, queued_at, medium, weight, last_agent_id FROM interaction WHERE id = $1;
-- name: routing_item_all
SELECT service_id, state, agent_id, priority, front, queued_at, medium, weight, last_agent_id, id FROM interaction
WHERE instance_id = $1 AND state = $2;
-- name: routing_news
SELECT i.service_id, i.state, i.agent_id, i.priority, i.front, i.queued_at, i.medium, i.weight, i.last_agent_id, i.id,
  e.seq, e.kind, e.agent_id
FROM event e LEFT JOIN interaction i ON i.id = e.interaction_id
WHERE e.seq > $1 AND e.seq < $2 AND (e.kind < 10 OR e.kind IN (24, 25, 28)) ORDER BY e.seq LIMIT $3;
-- name: routing_mean
SELECT CAST(coalesce(avg(took), 0) AS BIGINT) FROM (SELECT closed_at - queued_at AS took FROM interaction
  WHERE instance_id = $1 AND state = 5 AND agent_id <> 0 AND service_id = $2 AND id > $3 ORDER BY id DESC LIMIT 50) AS latest;
-- name: interaction_queue
SELECT i.id, i.channel_id, i.customer_id, i.service_id, i.state, i.agent_id, i.previous_id, i.version, i.opened_at,
  i.state_at, i.closed_at, i.close_reason, c.ext_id, c.name, i.priority, i.medium, i.weight, i.queued_at, i.front,
  i.offer_until, i.wrapup_until, i.last_agent_id, i.label, i.qualification_id, i.qualification_comment, i.service_first_id
FROM interaction i JOIN customer c ON c.id = i.customer_id
WHERE i.instance_id = $1 AND i.state = 1 ORDER BY i.priority, i.front DESC, i.queued_at, i.id;
-- name: interaction_of_agent
SELECT i.id, i.channel_id, i.customer_id, i.service_id, i.state, i.agent_id, i.previous_id, i.version, i.opened_at,
  i.state_at, i.closed_at, i.close_reason, c.ext_id, c.name, i.priority, i.medium, i.weight, i.queued_at, i.front,
  i.offer_until, i.wrapup_until, i.last_agent_id, i.label, i.qualification_id, i.qualification_comment, i.service_first_id
FROM interaction i JOIN customer c ON c.id = i.customer_id
WHERE i.agent_id = $1 AND i.agent_id <> 0 AND i.state < 5 AND i.instance_id = $2 AND i.id > $3 ORDER BY i.id LIMIT $4;

-- name: presence_get
SELECT agent_id, state_id, reason, since, idle_since, gone_at, live FROM presence WHERE agent_id = $1;
-- name: presence_all
SELECT agent_id, state_id, reason, since, idle_since, gone_at, live FROM presence WHERE instance_id = $1 ORDER BY agent_id;
-- name: presence_set
INSERT INTO presence (agent_id, instance_id, state_id, reason, since, idle_since, gone_at, live)
VALUES ($1, $2, $3, $4, $5, $6, 0, 0)
ON CONFLICT (agent_id) DO UPDATE SET state_id = excluded.state_id, reason = excluded.reason, since = excluded.since,
  idle_since = excluded.idle_since;
-- name: presence_idle
UPDATE presence SET idle_since = $2 WHERE agent_id = $1;
-- name: presence_live
UPDATE presence SET live = $2, gone_at = $3 WHERE agent_id = $1;
-- name: presence_kept
SELECT agent_id, instance_id FROM presence WHERE live = 1 ORDER BY agent_id;

-- name: refusal_set
INSERT INTO refusal (interaction_id, agent_id, refused_until) VALUES ($1, $2, $3)
ON CONFLICT (interaction_id, agent_id) DO UPDATE SET refused_until = excluded.refused_until;
-- name: refusal_of
SELECT agent_id, refused_until FROM refusal WHERE interaction_id = $1 AND refused_until > $2 ORDER BY refused_until, agent_id;
-- name: refusal_all
SELECT r.interaction_id, r.agent_id, r.refused_until FROM refusal r JOIN interaction i ON i.id = r.interaction_id
WHERE r.refused_until > $1 AND i.instance_id = $2 AND i.state < 5 ORDER BY r.refused_until, r.interaction_id, r.agent_id;
-- name: refusal_delete
DELETE FROM refusal WHERE interaction_id = $1;

-- name: due_set
INSERT INTO due (kind, ref_id, instance_id, due_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (kind, ref_id) DO UPDATE SET due_at = excluded.due_at;
-- name: due_delete
DELETE FROM due WHERE kind = $1 AND ref_id = $2;
-- name: due_delete_waiting
DELETE FROM due WHERE kind IN (3, 4, 5) AND ref_id = $1;
-- name: due_delete_interaction
DELETE FROM due WHERE kind IN (1, 2, 3, 4, 5, 6, 7) AND ref_id = $1;
-- name: due_get
SELECT coalesce(max(due_at), 0) FROM due WHERE kind = $1 AND ref_id = $2;
-- name: due_before
SELECT kind, ref_id, instance_id, due_at FROM due WHERE due_at <= $1 ORDER BY due_at, kind, ref_id LIMIT $2;
-- name: due_of
SELECT kind, ref_id, instance_id, due_at FROM due WHERE kind IN (1, 2, 3, 4, 5, 6, 7) AND ref_id = $1 ORDER BY due_at, kind;
-- name: due_next
SELECT coalesce(min(due_at), 0) FROM due;
