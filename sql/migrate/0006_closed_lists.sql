-- Closed interactions of one service or agent, found among all there ever were. 5: closed; the others are few.

CREATE INDEX interaction_closed_service ON interaction (instance_id, service_id, id) WHERE state = 5;
CREATE INDEX interaction_closed_agent ON interaction (instance_id, agent_id, id) WHERE state = 5;
