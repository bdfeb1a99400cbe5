-- What this database is. One row, written once: a file without it is not ours.
-- The schema's version is kept by the migrations themselves, in _sqlx_migrations.
CREATE TABLE meta (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms > 0)
) STRICT;

INSERT INTO meta (one, created_at_ms) VALUES (1, CAST(unixepoch('subsec') * 1000 AS INTEGER));

CREATE TRIGGER meta_is_not_edited BEFORE UPDATE ON meta
BEGIN
    SELECT RAISE(ABORT, 'meta is written once');
END;

CREATE TRIGGER meta_is_not_deleted BEFORE DELETE ON meta
BEGIN
    SELECT RAISE(ABORT, 'meta is written once');
END;
