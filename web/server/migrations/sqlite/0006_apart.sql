-- Points whose reasoning and answer were timed apart, tokens a second of one stream each.
CREATE TABLE apart (
    run           TEXT NOT NULL,
    point         INTEGER NOT NULL,
    reasoning_tps REAL NOT NULL,
    answer_tps    REAL NOT NULL,
    PRIMARY KEY (run, point),
    FOREIGN KEY (run, point) REFERENCES metric (run, point)
) STRICT;
CREATE TRIGGER apart_is_not_edited BEFORE UPDATE ON apart
BEGIN SELECT RAISE(ABORT, 'apart is append-only'); END;
CREATE TRIGGER apart_is_not_deleted BEFORE DELETE ON apart
BEGIN SELECT RAISE(ABORT, 'apart is append-only'); END;
CREATE TRIGGER apart_is_not_replaced BEFORE INSERT ON apart
    WHEN EXISTS (SELECT 1 FROM apart WHERE run = NEW.run AND point = NEW.point)
BEGIN SELECT RAISE(ABORT, 'apart has this row'); END;
