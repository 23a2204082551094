-- What agents learned of images, run in one way each.

CREATE TABLE learned (
    id INTEGER PRIMARY KEY,
    agent INTEGER NOT NULL REFERENCES agents (id),
    image_config BLOB NOT NULL CHECK (length(image_config) = 32),
    variant TEXT NOT NULL,
    -- How the image is run, as JSON, for lists.
    subject TEXT NOT NULL,
    -- As the agent sent it.
    body BLOB NOT NULL,
    at TEXT NOT NULL,
    UNIQUE (agent, image_config, variant)
) STRICT;
CREATE INDEX learned_by_image ON learned (image_config, variant);

PRAGMA user_version = 3;
