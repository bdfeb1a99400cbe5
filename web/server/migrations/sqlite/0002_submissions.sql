-- Submissions: what was sent, what is known of it, and the log that shows that nothing was changed.

-- Keys of this site. They travel with a backup: the same log signs on after a restore.
CREATE TABLE secret (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- Keys that network addresses are hashed with, one a day; deleted after two days, and nothing leads back.
CREATE TABLE day_key (
    day   INTEGER NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- What was sent, byte for byte. Erased only by the procedure that leaves a row in erasure.
CREATE TABLE payload (
    digest     TEXT NOT NULL PRIMARY KEY,
    bytes      BLOB NOT NULL,
    signatures TEXT NOT NULL
) STRICT;

CREATE TABLE erasure (
    digest TEXT NOT NULL PRIMARY KEY,
    at_ms  INTEGER NOT NULL,
    says   TEXT NOT NULL
) STRICT;

-- A result. Facts only; where it stands is told by its events.
CREATE TABLE run (
    id              TEXT NOT NULL PRIMARY KEY,
    digest          TEXT NOT NULL UNIQUE,
    log_index       INTEGER NOT NULL UNIQUE,
    kind            TEXT NOT NULL CHECK (kind IN ('run', 'paste')),
    evidence        TEXT NOT NULL CHECK (evidence IN ('signed', 'pasted', 'unverified')),
    received_at_ms  INTEGER NOT NULL,
    measured_on     TEXT NOT NULL,
    suite           TEXT NOT NULL,
    signing_key     TEXT NOT NULL,
    voter           TEXT NOT NULL,
    device          TEXT NOT NULL,
    devices         INTEGER NOT NULL,
    memory_gib      REAL,
    power_share     REAL,
    model           TEXT NOT NULL,
    quant           TEXT NOT NULL,
    size_bytes      INTEGER NOT NULL,
    model_digest    TEXT NOT NULL,
    runtime         TEXT NOT NULL,
    runtime_version TEXT NOT NULL,
    backend         TEXT NOT NULL,
    offloaded       INTEGER NOT NULL,
    raw_timings     TEXT NOT NULL
) STRICT;
CREATE INDEX run_received ON run (received_at_ms);

-- One measured point of a result. Speeds in tokens a second.
CREATE TABLE metric (
    run           TEXT NOT NULL REFERENCES run (id),
    point         INTEGER NOT NULL,
    cell          TEXT NOT NULL,
    voter         TEXT NOT NULL,
    counts        INTEGER NOT NULL,
    workload      TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    streams       INTEGER NOT NULL,
    decode_tps    REAL,
    prefill_tps   REAL,
    ttft_ms       REAL,
    estimate_tps  REAL,
    flags         TEXT NOT NULL,
    PRIMARY KEY (run, point)
) STRICT;
CREATE INDEX metric_cell ON metric (cell, voter);

-- Everything that was said about a result, in order. Who: submitter, server, maintainer, anyone.
CREATE TABLE event (
    run     TEXT NOT NULL REFERENCES run (id),
    number  INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN
        ('accepted', 'flagged', 'held', 'withdrawn', 'reinstated', 'disputed', 'answered', 'settled', 'evidence', 'remark')),
    actor   TEXT NOT NULL CHECK (actor IN ('submitter', 'server', 'maintainer', 'anyone')),
    dispute INTEGER NOT NULL,
    code    TEXT NOT NULL,
    says    TEXT NOT NULL,
    PRIMARY KEY (run, number)
) STRICT;

-- Where a result stands, made of its events; kept so that lists need not read them.
CREATE TABLE standing (
    run      TEXT NOT NULL PRIMARY KEY REFERENCES run (id),
    base     TEXT NOT NULL CHECK (base IN ('accepted', 'flagged', 'held', 'withdrawn', 'reinstated')),
    disputes INTEGER NOT NULL,
    events   INTEGER NOT NULL
) STRICT;
CREATE INDEX standing_base ON standing (base);

-- Spent proofs of work, until they would have expired.
CREATE TABLE nonce (
    nonce         TEXT NOT NULL PRIMARY KEY,
    expires_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX nonce_expires ON nonce (expires_at_ms);

-- Rate limits: the moment until which a key has used up what it may (GCRA).
CREATE TABLE bucket (
    key    TEXT NOT NULL PRIMARY KEY,
    tat_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX bucket_tat ON bucket (tat_ms);

-- Which address (hashed for the day) was counted in which cell, for whom; deleted with the day's key.
CREATE TABLE seen (
    day     INTEGER NOT NULL,
    address TEXT NOT NULL,
    cell    TEXT NOT NULL,
    voter   TEXT NOT NULL,
    PRIMARY KEY (day, address, cell)
) STRICT;

-- What keys and tags are tied to.
CREATE TABLE signing_key (
    key      TEXT NOT NULL PRIMARY KEY,
    hardware TEXT NOT NULL,
    month    TEXT NOT NULL,
    tag      TEXT NOT NULL
) STRICT;

CREATE TABLE machine_tag (
    tag      TEXT NOT NULL PRIMARY KEY,
    hardware TEXT NOT NULL
) STRICT;

CREATE TABLE banned_key (
    key   TEXT NOT NULL PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    says  TEXT NOT NULL
) STRICT;

-- Who said that a file is which model.
CREATE TABLE model_file (
    digest TEXT NOT NULL,
    model  TEXT NOT NULL,
    voter  TEXT NOT NULL,
    PRIMARY KEY (digest, model, voter)
) STRICT;

-- What each submitter says about a cell, over all its results there that count. Made of the tables above.
CREATE TABLE vote (
    cell        TEXT NOT NULL,
    voter       TEXT NOT NULL,
    at_ms       INTEGER NOT NULL,
    signed      INTEGER NOT NULL,
    decode_tps  REAL,
    prefill_tps REAL,
    PRIMARY KEY (cell, voter)
) STRICT;
CREATE INDEX vote_decode ON vote (cell, decode_tps);
CREATE INDEX vote_prefill ON vote (cell, prefill_tps);
CREATE INDEX vote_latest ON vote (cell, at_ms);

-- What is shown of a cell: kept, not computed when asked.
CREATE TABLE cell (
    cell         TEXT NOT NULL PRIMARY KEY,
    device       TEXT NOT NULL,
    model        TEXT NOT NULL,
    quant        TEXT NOT NULL,
    runtime      TEXT NOT NULL,
    depth_tokens INTEGER NOT NULL,
    streams      INTEGER NOT NULL,
    speculative  INTEGER NOT NULL,
    count        INTEGER NOT NULL,
    signed       INTEGER NOT NULL,
    decode_tps   REAL,
    decode_low   REAL,
    decode_high  REAL,
    prefill_tps  REAL,
    prefills     INTEGER NOT NULL
) STRICT;
CREATE INDEX cell_device ON cell (device, model);
CREATE INDEX cell_model ON cell (model, device);

-- The transparency log: its edge, and the hash of every complete subtree.
CREATE TABLE log_head (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    size    INTEGER NOT NULL,
    peaks   BLOB NOT NULL,
    version INTEGER NOT NULL
) STRICT;
INSERT INTO log_head (one, size, peaks, version) VALUES (1, 0, x'', 0);

CREATE TABLE log_node (
    level    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    PRIMARY KEY (level, position)
) STRICT;

-- Append-only, kept by the database itself. The guard before INSERT is for INSERT OR REPLACE, which otherwise deletes
-- without a word wherever recursive_triggers is off.
CREATE TRIGGER run_is_not_edited BEFORE UPDATE ON run
BEGIN SELECT RAISE(ABORT, 'run is append-only'); END;
CREATE TRIGGER run_is_not_deleted BEFORE DELETE ON run
BEGIN SELECT RAISE(ABORT, 'run is append-only'); END;
CREATE TRIGGER run_is_not_replaced BEFORE INSERT ON run
    WHEN EXISTS (SELECT 1 FROM run WHERE id = NEW.id OR digest = NEW.digest OR log_index = NEW.log_index)
BEGIN SELECT RAISE(ABORT, 'run has this row'); END;
CREATE TRIGGER metric_is_not_edited BEFORE UPDATE ON metric
BEGIN SELECT RAISE(ABORT, 'metric is append-only'); END;
CREATE TRIGGER metric_is_not_deleted BEFORE DELETE ON metric
BEGIN SELECT RAISE(ABORT, 'metric is append-only'); END;
CREATE TRIGGER metric_is_not_replaced BEFORE INSERT ON metric
    WHEN EXISTS (SELECT 1 FROM metric WHERE run = NEW.run AND point = NEW.point)
BEGIN SELECT RAISE(ABORT, 'metric has this row'); END;
CREATE TRIGGER event_is_not_edited BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'event is append-only'); END;
CREATE TRIGGER event_is_not_deleted BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'event is append-only'); END;
CREATE TRIGGER event_is_not_replaced BEFORE INSERT ON event
    WHEN EXISTS (SELECT 1 FROM event WHERE run = NEW.run AND number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'event has this row'); END;
CREATE TRIGGER signing_key_is_not_edited BEFORE UPDATE ON signing_key
BEGIN SELECT RAISE(ABORT, 'signing_key is append-only'); END;
CREATE TRIGGER signing_key_is_not_deleted BEFORE DELETE ON signing_key
BEGIN SELECT RAISE(ABORT, 'signing_key is append-only'); END;
CREATE TRIGGER signing_key_is_not_replaced BEFORE INSERT ON signing_key
    WHEN EXISTS (SELECT 1 FROM signing_key WHERE key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'signing_key has this row'); END;
CREATE TRIGGER machine_tag_is_not_edited BEFORE UPDATE ON machine_tag
BEGIN SELECT RAISE(ABORT, 'machine_tag is append-only'); END;
CREATE TRIGGER machine_tag_is_not_deleted BEFORE DELETE ON machine_tag
BEGIN SELECT RAISE(ABORT, 'machine_tag is append-only'); END;
CREATE TRIGGER machine_tag_is_not_replaced BEFORE INSERT ON machine_tag
    WHEN EXISTS (SELECT 1 FROM machine_tag WHERE tag = NEW.tag)
BEGIN SELECT RAISE(ABORT, 'machine_tag has this row'); END;
CREATE TRIGGER banned_key_is_not_edited BEFORE UPDATE ON banned_key
BEGIN SELECT RAISE(ABORT, 'banned_key is append-only'); END;
CREATE TRIGGER banned_key_is_not_deleted BEFORE DELETE ON banned_key
BEGIN SELECT RAISE(ABORT, 'banned_key is append-only'); END;
CREATE TRIGGER banned_key_is_not_replaced BEFORE INSERT ON banned_key
    WHEN EXISTS (SELECT 1 FROM banned_key WHERE key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'banned_key has this row'); END;
CREATE TRIGGER model_file_is_not_edited BEFORE UPDATE ON model_file
BEGIN SELECT RAISE(ABORT, 'model_file is append-only'); END;
CREATE TRIGGER model_file_is_not_deleted BEFORE DELETE ON model_file
BEGIN SELECT RAISE(ABORT, 'model_file is append-only'); END;
CREATE TRIGGER model_file_is_not_replaced BEFORE INSERT ON model_file
    WHEN EXISTS (SELECT 1 FROM model_file WHERE digest = NEW.digest AND model = NEW.model AND voter = NEW.voter)
BEGIN SELECT RAISE(ABORT, 'model_file has this row'); END;
CREATE TRIGGER log_node_is_not_edited BEFORE UPDATE ON log_node
BEGIN SELECT RAISE(ABORT, 'log_node is append-only'); END;
CREATE TRIGGER log_node_is_not_deleted BEFORE DELETE ON log_node
BEGIN SELECT RAISE(ABORT, 'log_node is append-only'); END;
CREATE TRIGGER log_node_is_not_replaced BEFORE INSERT ON log_node
    WHEN EXISTS (SELECT 1 FROM log_node WHERE level = NEW.level AND position = NEW.position)
BEGIN SELECT RAISE(ABORT, 'log_node has this row'); END;
CREATE TRIGGER erasure_is_not_edited BEFORE UPDATE ON erasure
BEGIN SELECT RAISE(ABORT, 'erasure is append-only'); END;
CREATE TRIGGER erasure_is_not_deleted BEFORE DELETE ON erasure
BEGIN SELECT RAISE(ABORT, 'erasure is append-only'); END;
CREATE TRIGGER erasure_is_not_replaced BEFORE INSERT ON erasure
    WHEN EXISTS (SELECT 1 FROM erasure WHERE digest = NEW.digest)
BEGIN SELECT RAISE(ABORT, 'erasure has this row'); END;
CREATE TRIGGER secret_is_not_edited BEFORE UPDATE ON secret
BEGIN SELECT RAISE(ABORT, 'secret is append-only'); END;
CREATE TRIGGER secret_is_not_deleted BEFORE DELETE ON secret
BEGIN SELECT RAISE(ABORT, 'secret is append-only'); END;
CREATE TRIGGER secret_is_not_replaced BEFORE INSERT ON secret
    WHEN EXISTS (SELECT 1 FROM secret WHERE name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'secret has this row'); END;
CREATE TRIGGER payload_is_not_edited BEFORE UPDATE ON payload
BEGIN SELECT RAISE(ABORT, 'payload is append-only'); END;
CREATE TRIGGER payload_is_not_deleted BEFORE DELETE ON payload
    WHEN NOT EXISTS (SELECT 1 FROM erasure WHERE digest = OLD.digest)
BEGIN SELECT RAISE(ABORT, 'payload is append-only'); END;
CREATE TRIGGER payload_is_not_replaced BEFORE INSERT ON payload
    WHEN EXISTS (SELECT 1 FROM payload WHERE digest = NEW.digest)
BEGIN SELECT RAISE(ABORT, 'payload has this row'); END;

-- The log only grows.
CREATE TRIGGER log_head_only_grows BEFORE UPDATE ON log_head WHEN NEW.size < OLD.size
BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;
CREATE TRIGGER log_head_is_not_deleted BEFORE DELETE ON log_head
BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;
CREATE TRIGGER log_head_is_not_replaced BEFORE INSERT ON log_head
BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;
