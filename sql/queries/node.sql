-- Nodes on one PostgreSQL: their numbers, which channels each delivers for, what they tell each other.

-- name: node_claim postgres
INSERT INTO node (number, owner, until)
SELECT n, $1, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + $2 FROM generate_series(0, 31) AS n
WHERE NOT EXISTS (SELECT 1 FROM node WHERE number = n AND until > CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT))
ORDER BY n LIMIT 1
ON CONFLICT (number) DO UPDATE SET owner = excluded.owner, until = excluded.until
WHERE node.until <= CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)
RETURNING number;
-- name: node_renew postgres
UPDATE node SET until = CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + $3 WHERE number = $1 AND owner = $2;
-- name: node_leave postgres
DELETE FROM node WHERE number = $1 AND owner = $2;
-- name: node_alive postgres
SELECT number FROM node WHERE until > CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) ORDER BY number LIMIT 32;

-- held: by whom, -1 nobody.
-- name: lease_all postgres
SELECT c.id, CASE WHEN l.until > CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) THEN l.node ELSE -1 END
FROM channel c LEFT JOIN channel_lease l ON l.channel_id = c.id ORDER BY c.id;
-- name: lease_claim postgres
INSERT INTO channel_lease (channel_id, node, until)
VALUES ($1, $2, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + $3)
ON CONFLICT (channel_id) DO UPDATE SET node = excluded.node, until = excluded.until
WHERE channel_lease.node = excluded.node
  OR channel_lease.until <= CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT);
-- name: lease_mine postgres
SELECT channel_id FROM channel_lease
WHERE node = $1 AND until > CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) ORDER BY channel_id;
-- name: lease_leave postgres
DELETE FROM channel_lease WHERE node = $1;

-- name: notify postgres
SELECT CASE WHEN pg_notify('guichet', $1) IS NULL THEN 0 ELSE 1 END;
-- A change of the setup, for nodes that missed being told.
-- name: epoch_bump postgres
INSERT INTO meta (key, value) VALUES ('setup_epoch', '1')
ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT);
-- name: epoch_stored postgres
SELECT coalesce(max(CAST(value AS BIGINT)), 0) FROM meta WHERE key = 'setup_epoch';
