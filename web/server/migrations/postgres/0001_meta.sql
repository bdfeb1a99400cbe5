-- What this database is. One row, written once: a database without it is not ours.
-- The schema's version is kept by the migrations themselves, in _sqlx_migrations.
CREATE TABLE meta (
    one           BIGINT PRIMARY KEY CHECK (one = 1),
    created_at_ms BIGINT NOT NULL CHECK (created_at_ms > 0)
);

INSERT INTO meta (one, created_at_ms) VALUES (1, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT));

CREATE FUNCTION refuse_meta() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'meta is written once';
END $$;

CREATE TRIGGER meta_is_not_changed BEFORE UPDATE OR DELETE ON meta FOR EACH ROW EXECUTE FUNCTION refuse_meta();
CREATE TRIGGER meta_is_not_emptied BEFORE TRUNCATE ON meta FOR EACH STATEMENT EXECUTE FUNCTION refuse_meta();
