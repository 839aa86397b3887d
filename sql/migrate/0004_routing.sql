-- What routing remembers while it works: who is there, what waits where and since when, who refused what, and what falls due.

-- priority: 1 first. weight, medium: what it costs whoever holds it. queued_at: since when it waits, kept over offers in vain.
-- front: 1 before all others of its priority. last_agent_id: who comes first if there is room, 0 nobody. *_until: 0 none.
-- service_first_id: where it was opened, 0 in rows older than this.
ALTER TABLE interaction ADD COLUMN priority BIGINT NOT NULL DEFAULT 10;
ALTER TABLE interaction ADD COLUMN medium BIGINT NOT NULL DEFAULT 0;
ALTER TABLE interaction ADD COLUMN weight BIGINT NOT NULL DEFAULT 1;
ALTER TABLE interaction ADD COLUMN queued_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE interaction ADD COLUMN front BIGINT NOT NULL DEFAULT 0;
ALTER TABLE interaction ADD COLUMN offer_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE interaction ADD COLUMN wrapup_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE interaction ADD COLUMN last_agent_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE interaction ADD COLUMN label TEXT NOT NULL DEFAULT '';
ALTER TABLE interaction ADD COLUMN userdata TEXT;
ALTER TABLE interaction ADD COLUMN qualification_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE interaction ADD COLUMN qualification_comment TEXT NOT NULL DEFAULT '';
ALTER TABLE interaction ADD COLUMN service_first_id BIGINT NOT NULL DEFAULT 0;
UPDATE interaction SET queued_at = opened_at, service_first_id = service_id,
  priority = (SELECT priority FROM service WHERE service.id = interaction.service_id) WHERE state < 5;
CREATE INDEX interaction_agent ON interaction (agent_id) WHERE agent_id <> 0 AND state < 5;

-- No row: logged out. live: 1 while the agent is kept there by live streams; gone_at: the last one ended then, 0 when not.
CREATE TABLE presence (
  agent_id    BIGINT PRIMARY KEY REFERENCES agent (id),
  instance_id BIGINT NOT NULL,
  state_id    BIGINT NOT NULL,
  reason      TEXT NOT NULL,
  since       BIGINT NOT NULL,
  idle_since  BIGINT NOT NULL,
  gone_at     BIGINT NOT NULL,
  live        BIGINT NOT NULL
);
CREATE INDEX presence_instance ON presence (instance_id, agent_id);

-- Not to be offered to that agent before then.
CREATE TABLE refusal (
  interaction_id BIGINT NOT NULL,
  agent_id       BIGINT NOT NULL,
  refused_until  BIGINT NOT NULL,
  PRIMARY KEY (interaction_id, agent_id)
);

-- Timers: one of a kind for each thing; removed in the commit that makes it pointless. kind: core/due.def.
CREATE TABLE due (
  kind        BIGINT NOT NULL,
  ref_id      BIGINT NOT NULL,
  instance_id BIGINT NOT NULL,
  due_at      BIGINT NOT NULL,
  PRIMARY KEY (kind, ref_id)
);
CREATE INDEX due_at ON due (due_at);
