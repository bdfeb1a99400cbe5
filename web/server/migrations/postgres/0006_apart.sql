-- Points whose reasoning and answer were timed apart, tokens a second of one stream each.
CREATE TABLE apart (
    run           TEXT NOT NULL,
    point         BIGINT NOT NULL,
    reasoning_tps DOUBLE PRECISION NOT NULL,
    answer_tps    DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (run, point),
    FOREIGN KEY (run, point) REFERENCES metric (run, point)
);
CREATE TRIGGER apart_is_not_changed BEFORE UPDATE OR DELETE ON apart FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER apart_is_not_emptied BEFORE TRUNCATE ON apart FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
