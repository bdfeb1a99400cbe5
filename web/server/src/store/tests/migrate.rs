//! A database that an earlier server filled, brought up to date: what is shown of it is what fresh inserts would show.

use data::submission::State;

use super::intake::{fair, send};
use super::*;

/// Makes a database what migration 4 and the server of its time left: cells that count every vote, files known as a model
/// whatever the quantisation, nothing of what pastes say, and a name that was given up with its account behind it.
async fn as_of_4(own: &Own) {
    for statement in [
        "DROP TABLE apart",
        "DROP TABLE paste_said",
        "UPDATE cell SET
             count = (SELECT COUNT(*) FROM vote WHERE vote.cell = cell.cell),
             signed = (SELECT COUNT(*) FROM vote WHERE vote.cell = cell.cell AND signed = 1)",
        "DELETE FROM file_vote",
        "DELETE FROM file_claim",
        "INSERT INTO file_vote (digest, model, voter)
         SELECT DISTINCT run.model_digest, run.model, run.voter
         FROM run JOIN standing ON standing.run = run.id
         WHERE run.model_digest <> '' AND run.voter <> 'r' || run.id AND standing.base IN ('accepted', 'reinstated')
           AND EXISTS (SELECT 1 FROM metric WHERE metric.run = run.id AND metric.counts = 1)",
        "INSERT INTO file_claim (digest, model, voters)
         SELECT digest, model, COUNT(*) FROM file_vote GROUP BY digest, model",
        "INSERT INTO profile (name, subject, shown, created_at_ms) VALUES ('ann~12345', '12345', 'Ann~12345', 0)",
        "DELETE FROM _sqlx_migrations WHERE version >= 5",
    ] {
        sqlx::query(statement).execute(&own.store.pool).await.unwrap();
    }
}

/// A full run; all but the first tell no decode of four requests at once.
fn told(who: u8) -> Submission {
    let mut run = sample::full_run(who, 1.0 + f64::from(who) / 100.0);
    let at_once =
        run.workloads.iter_mut().find(|point| point.workload == "W4" && point.streams == 4).unwrap();
    if who > 1 {
        (at_once.decode_tps, at_once.aggregate_tps) = (None, None);
    }
    run
}

on_both! {
    async fn a_database_of_the_version_before_shows_what_fresh_inserts_show(own: &Own) {
        let judging = own.judging(300).await;
        for who in 1..=4 {
            let id = format!("run{who}");
            assert_eq!(send(own, &judging, who, &told(who), &id, &id).await, Ok(State::Accepted));
        }
        assert_eq!(send(own, &judging, 5, &sample::run(5, fair() * 0.2), "slow", "slow").await, Ok(State::Flagged));
        let claims = async |store: &Store| {
            let mut line = store.pool.acquire().await.unwrap();
            crate::store::files::claims(&mut line, sample::FILE).await.unwrap()
        };
        let dump = async |store: &Store| store.results_from(0, 100).await.unwrap();
        let (cells, files, results) =
            (own.store.cells().await.unwrap(), claims(&own.store).await, dump(&own.store).await);
        as_of_4(own).await;
        let before = own.store.cells().await.unwrap();
        assert_ne!(before, cells, "the version before counted otherwise");
        assert_ne!(claims(&own.store).await, files);

        let store = own.another().await;
        assert!(store.meta().await.unwrap().schema_version >= 5);
        assert_eq!(store.cells().await.unwrap(), cells);
        assert_eq!(claims(&store).await, files);
        assert_eq!(dump(&store).await, results);
        let row = sqlx::query("SELECT name, shown FROM profile WHERE subject = '12345'").fetch_one(&store.pool).await.unwrap();
        let (name, shown): (String, String) = (sqlx::Row::get(&row, "name"), sqlx::Row::get(&row, "shown"));
        assert!(name.starts_with("ann~") && !name.ends_with("12345") && name.len() == 20, "{name}");
        assert_eq!(shown, format!("Ann~{}", &name[4..]));

        // It goes on as one that was never of the version before: by the same rules, and still append-only.
        let more = [arrival(candidate(6, &told(6)), "six", "run6")];
        assert_eq!(store.take(&more, &judging).await.unwrap()[0].as_ref().unwrap().state, State::Accepted);
        let fresh = Own { store: fresh(own).await, url: None, dir: tempfile::tempdir().unwrap() };
        for who in [1, 2, 3, 4, 6] {
            let id = format!("run{who}");
            assert_eq!(send(&fresh, &fresh.judging(300).await, who, &told(who), &id, &id).await, Ok(State::Accepted));
        }
        assert_eq!(store.cells().await.unwrap(), fresh.store.cells().await.unwrap());
        assert!(sqlx::query("UPDATE standing SET base = 'held' WHERE run = 'run1'").execute(&store.pool).await.is_err());
        fresh.close().await;
        store.close().await;
    }
}

/// A database of the same kind with nothing in it.
async fn fresh(own: &Own) -> Store {
    match &own.url {
        Some(_) => Store::open_url(&postgres::database("fresh inserts").unwrap()).await.unwrap(),
        None => Store::open(&own.dir.path().join("fresh")).await.unwrap(),
    }
}
