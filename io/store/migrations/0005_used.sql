-- What agents saw containers of images run.

CREATE TABLE used (
    id INTEGER PRIMARY KEY,
    agent INTEGER NOT NULL REFERENCES agents (id),
    image_config BLOB NOT NULL CHECK (length(image_config) = 32),
    -- As the agent sent it.
    body BLOB NOT NULL,
    at TEXT NOT NULL,
    UNIQUE (agent, image_config)
) STRICT;
CREATE INDEX used_by_image ON used (image_config);

PRAGMA user_version = 5;
