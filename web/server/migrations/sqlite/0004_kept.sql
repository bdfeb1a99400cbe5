-- Which machines say that a file is which model, by results that count now; and how many for each. Made of run, metric and
-- standing, as votes and cells are. It takes the place of a list that counted whoever had ever said so.
CREATE TABLE file_vote (
    digest TEXT NOT NULL,
    model  TEXT NOT NULL,
    voter  TEXT NOT NULL,
    PRIMARY KEY (digest, model, voter)
) STRICT;

CREATE TABLE file_claim (
    digest TEXT NOT NULL,
    model  TEXT NOT NULL,
    voters INTEGER NOT NULL,
    PRIMARY KEY (digest, model)
) STRICT;

INSERT INTO file_vote (digest, model, voter)
SELECT DISTINCT run.model_digest, run.model, run.voter
FROM run JOIN standing ON standing.run = run.id
WHERE run.model_digest <> '' AND run.voter <> 'r' || run.id AND standing.base IN ('accepted', 'reinstated')
  AND EXISTS (SELECT 1 FROM metric WHERE metric.run = run.id AND metric.counts = 1);

INSERT INTO file_claim (digest, model, voters)
SELECT digest, model, COUNT(*) FROM file_vote GROUP BY digest, model;

DROP TABLE model_file;

-- What was erased does not come back, in whatever form.
CREATE TRIGGER payload_stays_erased BEFORE INSERT ON payload
    WHEN EXISTS (SELECT 1 FROM erasure WHERE digest = NEW.digest)
BEGIN SELECT RAISE(ABORT, 'payload was erased'); END;

-- Where a result stands moves with its events; it is never forgotten, nor another result's.
CREATE TRIGGER standing_is_not_deleted BEFORE DELETE ON standing
BEGIN SELECT RAISE(ABORT, 'standing is kept'); END;
CREATE TRIGGER standing_is_not_replaced BEFORE INSERT ON standing
    WHEN EXISTS (SELECT 1 FROM standing WHERE run = NEW.run)
BEGIN SELECT RAISE(ABORT, 'standing has this row'); END;
CREATE TRIGGER standing_stays_with_its_run BEFORE UPDATE ON standing
    WHEN NEW.run <> OLD.run OR NEW.events < OLD.events
BEGIN SELECT RAISE(ABORT, 'standing moves with its events'); END;

-- The edge moves with the leaves, and only with them.
DROP TRIGGER log_head_only_grows;
CREATE TRIGGER log_head_only_grows BEFORE UPDATE ON log_head
    WHEN NEW.size < OLD.size OR NEW.version < OLD.version
      OR (NEW.size = OLD.size AND NEW.peaks <> OLD.peaks)
      OR (NEW.size > OLD.size AND (length(NEW.peaks) = 0 OR length(NEW.peaks) % 32 <> 0
          OR NOT EXISTS (SELECT 1 FROM log_node WHERE level = 0 AND position = NEW.size - 1)
          OR EXISTS (SELECT 1 FROM log_node WHERE level = 0 AND position = NEW.size)))
BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;
