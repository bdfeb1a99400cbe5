-- Submissions: what was sent, what is known of it, and the log that shows that nothing was changed.

-- Keys of this site. They travel with a backup: the same log signs on after a restore.
CREATE TABLE secret (
    name  TEXT NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

-- Keys that network addresses are hashed with, one a day; deleted after two days, and nothing leads back.
CREATE TABLE day_key (
    day   BIGINT NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

-- What was sent, byte for byte. Erased only by the procedure that leaves a row in erasure.
CREATE TABLE payload (
    digest     TEXT NOT NULL PRIMARY KEY,
    bytes      BYTEA NOT NULL,
    signatures TEXT NOT NULL
);

CREATE TABLE erasure (
    digest TEXT NOT NULL PRIMARY KEY,
    at_ms  BIGINT NOT NULL,
    says   TEXT NOT NULL
);

-- A result. Facts only; where it stands is told by its events.
CREATE TABLE run (
    id              TEXT NOT NULL PRIMARY KEY,
    digest          TEXT NOT NULL UNIQUE,
    log_index       BIGINT NOT NULL UNIQUE,
    kind            TEXT NOT NULL CHECK (kind IN ('run', 'paste')),
    evidence        TEXT NOT NULL CHECK (evidence IN ('signed', 'pasted', 'unverified')),
    received_at_ms  BIGINT NOT NULL,
    measured_on     TEXT NOT NULL,
    suite           TEXT NOT NULL,
    signing_key     TEXT NOT NULL,
    voter           TEXT NOT NULL,
    device          TEXT NOT NULL,
    devices         BIGINT NOT NULL,
    memory_gib      DOUBLE PRECISION,
    power_share     DOUBLE PRECISION,
    model           TEXT NOT NULL,
    quant           TEXT NOT NULL,
    size_bytes      BIGINT NOT NULL,
    model_digest    TEXT NOT NULL,
    runtime         TEXT NOT NULL,
    runtime_version TEXT NOT NULL,
    backend         TEXT NOT NULL,
    offloaded       BIGINT NOT NULL,
    raw_timings     TEXT NOT NULL
);
CREATE INDEX run_received ON run (received_at_ms);

-- One measured point of a result. Speeds in tokens a second.
CREATE TABLE metric (
    run           TEXT NOT NULL REFERENCES run (id),
    point         BIGINT NOT NULL,
    cell          TEXT NOT NULL,
    voter         TEXT NOT NULL,
    counts        BIGINT NOT NULL,
    workload      TEXT NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    streams       BIGINT NOT NULL,
    decode_tps    DOUBLE PRECISION,
    prefill_tps   DOUBLE PRECISION,
    ttft_ms       DOUBLE PRECISION,
    estimate_tps  DOUBLE PRECISION,
    flags         TEXT NOT NULL,
    PRIMARY KEY (run, point)
);
CREATE INDEX metric_cell ON metric (cell, voter);

-- Everything that was said about a result, in order. Who: submitter, server, maintainer, anyone.
CREATE TABLE event (
    run     TEXT NOT NULL REFERENCES run (id),
    number  BIGINT NOT NULL,
    at_ms   BIGINT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN
        ('accepted', 'flagged', 'held', 'withdrawn', 'reinstated', 'disputed', 'answered', 'settled', 'evidence', 'remark')),
    actor   TEXT NOT NULL CHECK (actor IN ('submitter', 'server', 'maintainer', 'anyone')),
    dispute BIGINT NOT NULL,
    code    TEXT NOT NULL,
    says    TEXT NOT NULL,
    PRIMARY KEY (run, number)
);

-- Where a result stands, made of its events; kept so that lists need not read them.
CREATE TABLE standing (
    run      TEXT NOT NULL PRIMARY KEY REFERENCES run (id),
    base     TEXT NOT NULL CHECK (base IN ('accepted', 'flagged', 'held', 'withdrawn', 'reinstated')),
    disputes BIGINT NOT NULL,
    events   BIGINT NOT NULL
);
CREATE INDEX standing_base ON standing (base);

-- Spent proofs of work, until they would have expired.
CREATE TABLE nonce (
    nonce         TEXT NOT NULL PRIMARY KEY,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX nonce_expires ON nonce (expires_at_ms);

-- Rate limits: the moment until which a key has used up what it may (GCRA).
CREATE TABLE bucket (
    key    TEXT NOT NULL PRIMARY KEY,
    tat_ms BIGINT NOT NULL
);
CREATE INDEX bucket_tat ON bucket (tat_ms);

-- Which address (hashed for the day) was counted in which cell, for whom; deleted with the day's key.
CREATE TABLE seen (
    day     BIGINT NOT NULL,
    address TEXT NOT NULL,
    cell    TEXT NOT NULL,
    voter   TEXT NOT NULL,
    PRIMARY KEY (day, address, cell)
);

-- What keys and tags are tied to.
CREATE TABLE signing_key (
    key      TEXT NOT NULL PRIMARY KEY,
    hardware TEXT NOT NULL,
    month    TEXT NOT NULL,
    tag      TEXT NOT NULL
);

CREATE TABLE machine_tag (
    tag      TEXT NOT NULL PRIMARY KEY,
    hardware TEXT NOT NULL
);

CREATE TABLE banned_key (
    key   TEXT NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    says  TEXT NOT NULL
);

-- Who said that a file is which model.
CREATE TABLE model_file (
    digest TEXT NOT NULL,
    model  TEXT NOT NULL,
    voter  TEXT NOT NULL,
    PRIMARY KEY (digest, model, voter)
);

-- What each submitter says about a cell, over all its results there that count. Made of the tables above.
CREATE TABLE vote (
    cell        TEXT NOT NULL,
    voter       TEXT NOT NULL,
    at_ms       BIGINT NOT NULL,
    signed      BIGINT NOT NULL,
    decode_tps  DOUBLE PRECISION,
    prefill_tps DOUBLE PRECISION,
    PRIMARY KEY (cell, voter)
);
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
    depth_tokens BIGINT NOT NULL,
    streams      BIGINT NOT NULL,
    speculative  BIGINT NOT NULL,
    count        BIGINT NOT NULL,
    signed       BIGINT NOT NULL,
    decode_tps   DOUBLE PRECISION,
    decode_low   DOUBLE PRECISION,
    decode_high  DOUBLE PRECISION,
    prefill_tps  DOUBLE PRECISION,
    prefills     BIGINT NOT NULL
);
CREATE INDEX cell_device ON cell (device, model);
CREATE INDEX cell_model ON cell (model, device);

-- The transparency log: its edge, and the hash of every complete subtree.
CREATE TABLE log_head (
    one     BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    size    BIGINT NOT NULL,
    peaks   BYTEA NOT NULL,
    version BIGINT NOT NULL
);
INSERT INTO log_head (one, size, peaks, version) VALUES (1, 0, '', 0);

CREATE TABLE log_node (
    level    BIGINT NOT NULL,
    position BIGINT NOT NULL,
    hash     BYTEA NOT NULL,
    PRIMARY KEY (level, position)
);

-- Append-only, kept by the database itself.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;

CREATE FUNCTION refuse_unless_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM erasure WHERE digest = OLD.digest) THEN
        RAISE EXCEPTION 'payload is append-only';
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER run_is_not_changed BEFORE UPDATE OR DELETE ON run FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER metric_is_not_changed BEFORE UPDATE OR DELETE ON metric FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER event_is_not_changed BEFORE UPDATE OR DELETE ON event FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER signing_key_is_not_changed BEFORE UPDATE OR DELETE ON signing_key FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER machine_tag_is_not_changed BEFORE UPDATE OR DELETE ON machine_tag FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER banned_key_is_not_changed BEFORE UPDATE OR DELETE ON banned_key FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER model_file_is_not_changed BEFORE UPDATE OR DELETE ON model_file FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_node_is_not_changed BEFORE UPDATE OR DELETE ON log_node FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER erasure_is_not_changed BEFORE UPDATE OR DELETE ON erasure FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER secret_is_not_changed BEFORE UPDATE OR DELETE ON secret FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payload_is_not_edited BEFORE UPDATE ON payload FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payload_is_not_deleted BEFORE DELETE ON payload FOR EACH ROW EXECUTE FUNCTION refuse_unless_erased();
CREATE TRIGGER run_is_not_emptied BEFORE TRUNCATE ON run FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER metric_is_not_emptied BEFORE TRUNCATE ON metric FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER event_is_not_emptied BEFORE TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER signing_key_is_not_emptied BEFORE TRUNCATE ON signing_key FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER machine_tag_is_not_emptied BEFORE TRUNCATE ON machine_tag FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER banned_key_is_not_emptied BEFORE TRUNCATE ON banned_key FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER model_file_is_not_emptied BEFORE TRUNCATE ON model_file FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_node_is_not_emptied BEFORE TRUNCATE ON log_node FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER erasure_is_not_emptied BEFORE TRUNCATE ON erasure FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER secret_is_not_emptied BEFORE TRUNCATE ON secret FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payload_is_not_emptied BEFORE TRUNCATE ON payload FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_head_is_not_emptied BEFORE TRUNCATE ON log_head FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER standing_is_not_emptied BEFORE TRUNCATE ON standing FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The log only grows.
CREATE FUNCTION log_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size < OLD.size THEN
        RAISE EXCEPTION 'the log only grows';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER log_head_only_grows BEFORE UPDATE ON log_head FOR EACH ROW EXECUTE FUNCTION log_only_grows();
CREATE TRIGGER log_head_is_not_deleted BEFORE DELETE ON log_head FOR EACH ROW EXECUTE FUNCTION refuse_change();
