-- What agents learned and told long ago, or more of them than are worth keeping apart: one row for each image, run in
-- one way.

CREATE TABLE learned_together (
    image_config BLOB NOT NULL CHECK (length(image_config) = 32),
    variant TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- Rows of agents that went into it.
    agents INTEGER NOT NULL,
    -- When an agent sent the newest of them.
    at TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (image_config, variant)
) STRICT;

-- Bodies are large: what has settled is looked for without reading any.
CREATE INDEX learned_by_time ON learned (at, image_config, variant, agent);

PRAGMA user_version = 4;
