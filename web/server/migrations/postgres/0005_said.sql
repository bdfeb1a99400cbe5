-- A result moves with its events one by one, and only with them.
CREATE OR REPLACE FUNCTION standing_moves_with_its_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.run <> OLD.run OR NEW.events <> OLD.events + 1
      OR NOT EXISTS (SELECT 1 FROM event WHERE event.run = NEW.run AND event.number = OLD.events) THEN
        RAISE EXCEPTION 'standing moves with its events';
    END IF;
    RETURN NEW;
END $$;

-- A cell's count is of those who tell a decode speed.
UPDATE cell SET
    count = (SELECT COUNT(decode_tps) FROM vote WHERE vote.cell = cell.cell),
    signed = (SELECT COUNT(*) FROM vote WHERE vote.cell = cell.cell AND signed = 1 AND decode_tps IS NOT NULL);

-- What a paste says, however it is spaced: SHA-256 of its lines with machine, model, quantisation and runtime.
CREATE TABLE paste_said (
    digest TEXT NOT NULL PRIMARY KEY,
    run    TEXT NOT NULL REFERENCES run (id)
);

-- Names that were given up for another's were shown with the number of an account behind them.
UPDATE profile SET name = left(name, -length(subject)) || left(replace(CAST(gen_random_uuid() AS TEXT), '-', ''), 16)
WHERE right(name, length(subject) + 1) = '~' || subject;
UPDATE profile SET shown = left(shown, -length(subject)) || right(name, 16)
WHERE right(shown, length(subject) + 1) = '~' || subject;

-- A file is known as a model in a quantisation: whoever tells another of the same file tells of another file.
DELETE FROM file_vote;
DELETE FROM file_claim;
INSERT INTO file_vote (digest, model, voter)
SELECT DISTINCT run.model_digest, run.model || ' in ' || run.quant, run.voter
FROM run JOIN standing ON standing.run = run.id
WHERE run.model_digest <> '' AND run.voter <> 'r' || run.id AND standing.base IN ('accepted', 'reinstated')
  AND EXISTS (SELECT 1 FROM metric WHERE metric.run = run.id AND metric.counts = 1);
INSERT INTO file_claim (digest, model, voters)
SELECT digest, model, COUNT(*) FROM file_vote GROUP BY digest, model;
