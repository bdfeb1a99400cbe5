-- Which machines say that a file is which model, by results that count now; and how many for each. Made of run, metric and
-- standing, as votes and cells are. It takes the place of a list that counted whoever had ever said so.
CREATE TABLE file_vote (
    digest TEXT NOT NULL,
    model  TEXT NOT NULL,
    voter  TEXT NOT NULL,
    PRIMARY KEY (digest, model, voter)
);

CREATE TABLE file_claim (
    digest TEXT NOT NULL,
    model  TEXT NOT NULL,
    voters BIGINT NOT NULL,
    PRIMARY KEY (digest, model)
);

INSERT INTO file_vote (digest, model, voter)
SELECT DISTINCT run.model_digest, run.model, run.voter
FROM run JOIN standing ON standing.run = run.id
WHERE run.model_digest <> '' AND run.voter <> 'r' || run.id AND standing.base IN ('accepted', 'reinstated')
  AND EXISTS (SELECT 1 FROM metric WHERE metric.run = run.id AND metric.counts = 1);

INSERT INTO file_claim (digest, model, voters)
SELECT digest, model, COUNT(*) FROM file_vote GROUP BY digest, model;

DROP TABLE model_file;

-- What was erased does not come back, in whatever form.
CREATE FUNCTION refuse_what_was_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM erasure WHERE digest = NEW.digest) THEN
        RAISE EXCEPTION 'payload was erased';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payload_stays_erased BEFORE INSERT ON payload FOR EACH ROW EXECUTE FUNCTION refuse_what_was_erased();

-- Where a result stands moves with its events; it is never forgotten, nor another result's.
CREATE FUNCTION standing_moves_with_its_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.run <> OLD.run OR NEW.events < OLD.events THEN
        RAISE EXCEPTION 'standing moves with its events';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER standing_is_not_deleted BEFORE DELETE ON standing FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER standing_stays_with_its_run BEFORE UPDATE ON standing FOR EACH ROW EXECUTE FUNCTION standing_moves_with_its_events();

-- The edge moves with the leaves, and only with them.
CREATE OR REPLACE FUNCTION log_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size < OLD.size OR NEW.version < OLD.version
      OR (NEW.size = OLD.size AND NEW.peaks <> OLD.peaks)
      OR (NEW.size > OLD.size AND (length(NEW.peaks) = 0 OR length(NEW.peaks) % 32 <> 0
          OR NOT EXISTS (SELECT 1 FROM log_node WHERE level = 0 AND position = NEW.size - 1)
          OR EXISTS (SELECT 1 FROM log_node WHERE level = 0 AND position = NEW.size))) THEN
        RAISE EXCEPTION 'the log only grows';
    END IF;
    RETURN NEW;
END $$;
