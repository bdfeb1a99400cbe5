-- Who signed in at the identity service, and which machines they showed to be theirs. Nothing here is append-only: whoever
-- unlinks takes all of it away.
CREATE TABLE profile (
    subject       TEXT NOT NULL PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    shown         TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);

-- Tokens that probes hold, as SHA-256.
CREATE TABLE profile_token (
    hash          TEXT NOT NULL PRIMARY KEY,
    profile       TEXT NOT NULL REFERENCES profile (subject),
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX profile_token_profile ON profile_token (profile, created_at_ms);

CREATE TABLE profile_machine (
    voter   TEXT NOT NULL PRIMARY KEY,
    profile TEXT NOT NULL REFERENCES profile (subject),
    at_ms   BIGINT NOT NULL
);
CREATE INDEX profile_machine_profile ON profile_machine (profile);

-- What the machines of a profile sent, and where they have a vote.
CREATE INDEX run_voter ON run (voter, log_index);
CREATE INDEX vote_voter ON vote (voter);
