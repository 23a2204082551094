-- Ways into running containers that people opened for a while.

CREATE TABLE break_glass (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    agent INTEGER NOT NULL REFERENCES agents (id),
    container TEXT NOT NULL,
    -- What the container was called then.
    container_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    by TEXT NOT NULL,
    opened TEXT NOT NULL,
    until TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open',
    in_force TEXT,
    closed TEXT,
    closed_by TEXT
) STRICT;
CREATE INDEX break_glass_open ON break_glass (agent) WHERE state = 'open';

-- What happened in them.
CREATE TABLE break_glass_events (
    break_glass INTEGER NOT NULL REFERENCES break_glass (id),
    position INTEGER NOT NULL,
    PRIMARY KEY (break_glass, position)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 6;
