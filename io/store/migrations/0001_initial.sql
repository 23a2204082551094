-- Digests and hashes are 32-byte blobs, times RFC 3339 text, lists JSON text.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Who may speak to the server. Secrets themselves are never stored.

CREATE TABLE tokens (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    kind TEXT NOT NULL CHECK (kind IN ('user', 'enrolment')),
    name TEXT NOT NULL,
    created TEXT NOT NULL,
    expires TEXT
) STRICT;

CREATE TABLE agents (
    id INTEGER PRIMARY KEY,
    agent TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL UNIQUE,
    machine TEXT NOT NULL UNIQUE,
    version TEXT NOT NULL,
    key_hash BLOB NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    enrolled TEXT NOT NULL,
    last_seen TEXT
) STRICT;

-- What hosts report.

CREATE TABLE spools (
    id INTEGER PRIMARY KEY,
    agent INTEGER NOT NULL REFERENCES agents (id),
    spool TEXT NOT NULL,
    through INTEGER NOT NULL DEFAULT 0,
    -- What the agent says it lost.
    lost INTEGER NOT NULL DEFAULT 0,
    -- What is stored of it.
    events INTEGER NOT NULL DEFAULT 0,
    UNIQUE (agent, spool)
) STRICT;

CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    spool INTEGER NOT NULL REFERENCES spools (id),
    -- Without a number: said by the server about the spool.
    seq INTEGER,
    container TEXT,
    image_config BLOB,
    body TEXT NOT NULL,
    UNIQUE (spool, seq)
) STRICT;

CREATE TABLE decisions (
    position INTEGER PRIMARY KEY REFERENCES events (position),
    agent INTEGER NOT NULL REFERENCES agents (id),
    decision TEXT NOT NULL,
    container TEXT,
    image_config BLOB,
    -- Index of its leaf in the audit log; none while the log is closed.
    audit INTEGER
) STRICT;
CREATE INDEX decisions_by_name ON decisions (decision);
CREATE INDEX decisions_by_container ON decisions (container) WHERE container IS NOT NULL;
CREATE INDEX decisions_by_image ON decisions (image_config) WHERE image_config IS NOT NULL;
CREATE INDEX decisions_unlogged ON decisions (position) WHERE audit IS NULL;

CREATE TABLE containers (
    id INTEGER PRIMARY KEY,
    agent INTEGER NOT NULL REFERENCES agents (id),
    container TEXT NOT NULL,
    name TEXT NOT NULL,
    image_name TEXT NOT NULL,
    image_config BLOB,
    decision TEXT,
    command TEXT NOT NULL,
    pid INTEGER NOT NULL,
    running INTEGER NOT NULL,
    started TEXT NOT NULL,
    ended TEXT,
    exit_code INTEGER,
    -- Nobody saw it end: the agent started anew and has not named it yet.
    presumed INTEGER NOT NULL,
    UNIQUE (agent, container)
) STRICT;
CREATE INDEX containers_running ON containers (agent) WHERE running = 1;
CREATE INDEX containers_by_name ON containers (name);
CREATE INDEX containers_by_container ON containers (container);
CREATE INDEX containers_by_image ON containers (image_config) WHERE image_config IS NOT NULL;

-- Earlier runs of containers that were started again.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    container INTEGER NOT NULL REFERENCES containers (id),
    image_config BLOB,
    decision TEXT,
    started TEXT NOT NULL,
    ended TEXT,
    exit_code INTEGER
) STRICT;
CREATE INDEX runs_by_container ON runs (container);

-- What is proven of images. An image is its manifest, in however many repositories it is.

CREATE TABLE images (
    id INTEGER PRIMARY KEY,
    -- Where it was named last.
    repository TEXT NOT NULL,
    manifest BLOB NOT NULL UNIQUE CHECK (length(manifest) = 32),
    config BLOB NOT NULL CHECK (length(config) = 32),
    manifest_bytes BLOB NOT NULL,
    -- Key of the distribution release that advisories are looked up with; empty while no bill of material is known.
    release TEXT NOT NULL DEFAULT '',
    first_seen TEXT NOT NULL
) STRICT;
CREATE INDEX images_by_config ON images (config);

CREATE TABLE packages (
    id INTEGER PRIMARY KEY,
    ecosystem TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    architecture TEXT NOT NULL,
    source_name TEXT NOT NULL,
    source_version TEXT NOT NULL,
    UNIQUE (name, version, architecture, source_name, source_version, ecosystem)
) STRICT;

CREATE TABLE image_packages (
    image INTEGER NOT NULL REFERENCES images (id),
    package INTEGER NOT NULL REFERENCES packages (id),
    layer INTEGER NOT NULL,
    location TEXT NOT NULL,
    PRIMARY KEY (image, package, location)
) STRICT, WITHOUT ROWID;

CREATE TABLE layers (
    image INTEGER NOT NULL REFERENCES images (id),
    position INTEGER NOT NULL,
    diff_id TEXT NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (image, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE envelopes (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    image INTEGER NOT NULL REFERENCES images (id),
    predicate_type TEXT NOT NULL,
    title TEXT NOT NULL,
    key TEXT NOT NULL,
    at TEXT NOT NULL,
    audit INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX envelopes_by_image ON envelopes (image);

-- The newest attested scan of each image.
CREATE TABLE verdicts (
    image INTEGER PRIMARY KEY REFERENCES images (id),
    envelope BLOB NOT NULL,
    outcome TEXT NOT NULL,
    policy TEXT NOT NULL,
    database TEXT NOT NULL,
    database_built TEXT NOT NULL,
    reasons TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;

CREATE TABLE verdict_findings (
    image INTEGER NOT NULL REFERENCES images (id),
    -- People type names as they like.
    vulnerability TEXT NOT NULL COLLATE NOCASE,
    package TEXT NOT NULL,
    version TEXT NOT NULL,
    source TEXT NOT NULL,
    fixed TEXT,
    severity TEXT NOT NULL
) STRICT;
CREATE INDEX verdict_findings_by_image ON verdict_findings (image);
CREATE INDEX verdict_findings_by_vulnerability ON verdict_findings (vulnerability);

CREATE TABLE promotions (
    id INTEGER PRIMARY KEY,
    image INTEGER NOT NULL REFERENCES images (id),
    envelope BLOB NOT NULL UNIQUE,
    stage TEXT NOT NULL,
    from_stage TEXT,
    key TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX promotions_by_image ON promotions (image);

CREATE TABLE policies (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,
    text TEXT NOT NULL,
    at TEXT NOT NULL,
    by TEXT NOT NULL
) STRICT;

-- Imported advisories.

CREATE TABLE advisories (
    id INTEGER PRIMARY KEY,
    feed TEXT NOT NULL,
    vulnerability TEXT NOT NULL,
    aliases TEXT NOT NULL,
    ecosystem TEXT NOT NULL,
    release TEXT NOT NULL,
    package TEXT NOT NULL,
    fixed TEXT,
    introduced TEXT,
    severity TEXT NOT NULL,
    summary TEXT NOT NULL,
    published TEXT,
    imported TEXT NOT NULL
) STRICT;
CREATE INDEX advisories_by_name ON advisories (vulnerability, release, package, feed);

-- What agents are asked to do.

CREATE TABLE replacements (
    id INTEGER PRIMARY KEY,
    replacement TEXT NOT NULL UNIQUE,
    agent INTEGER NOT NULL REFERENCES agents (id),
    container TEXT NOT NULL,
    image TEXT NOT NULL,
    health_seconds INTEGER NOT NULL,
    state TEXT NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0,
    successor TEXT,
    requested TEXT NOT NULL
) STRICT;
CREATE INDEX replacements_open ON replacements (agent) WHERE ended = 0;

CREATE TABLE replacement_steps (
    replacement INTEGER NOT NULL REFERENCES replacements (id),
    position INTEGER NOT NULL,
    at TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (replacement, position)
) STRICT, WITHOUT ROWID;

-- The append-only log.

CREATE TABLE audit_leaves (
    position INTEGER PRIMARY KEY,
    leaf TEXT NOT NULL
) STRICT;

CREATE TABLE audit_checkpoints (
    size INTEGER PRIMARY KEY,
    note TEXT NOT NULL
) STRICT;

PRAGMA user_version = 1;
