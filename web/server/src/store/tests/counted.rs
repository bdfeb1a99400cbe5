//! What counts and for whom: files, addresses, what is taken back, what is said twice.

use data::submission::State;

use super::intake::{by, fair, send};
use super::*;
use crate::store::{Actor, Change, Changed, EventKind, Standing};

on_both! {
    /// Runs without a tag, tags behind one address, and runs that do not count lock nobody out of a file.
    async fn who_cannot_be_told_apart_says_nothing_about_a_file(own: &Own) {
        let judging = own.judging(300).await;
        let claims = |who: u8, reference: &str, params: u64, bytes: u64, tagged: bool| {
            let mut run = sample::run(who, fair());
            run.model.reference = reference.into();
            (run.model.params, run.model.size_bytes) = (Some(params), Some(bytes));
            run.tag = run.tag.filter(|_| tagged);
            run
        };
        let qwen = |who: u8, tagged: bool| claims(who, "Qwen3-8B-Q4_K_M.gguf", 8_190_735_360, 5_027_783_488, tagged);
        for who in 1..=3 {
            let state = send(own, &judging, who, &qwen(who, false), &format!("a{who}"), &format!("none{who}")).await;
            assert_eq!(state, Ok(State::Accepted));
        }
        let honest = send(own, &judging, 9, &sample::run(9, fair()), "honest", "honest").await;
        assert_eq!(honest, Ok(State::Accepted), "three without a tag");
        let claims = async || {
            let mut line = own.store.pool.acquire().await.unwrap();
            crate::store::files::claims(&mut line, sample::FILE).await.unwrap()
        };
        assert_eq!(claims().await, [("llama-3.1-8b in q4_k_m".to_owned(), 1)]);
        own.store.change("honest", &by(EventKind::Withdrawn, Actor::Submitter, None), now_ms()).await.unwrap();
        for who in 4..=6 {
            let state = send(own, &judging, who, &qwen(who, true), "one address", &format!("one{who}")).await;
            assert_eq!(state, Ok(State::Accepted));
        }
        assert_eq!(claims().await, [("qwen3-8b in q4_k_m".to_owned(), 1)], "three tags behind one address are one");
    }

    /// What is doubted or taken back does not use up the day's place of its address, and what has none says so.
    async fn the_place_of_an_address_is_for_what_counts(own: &Own) {
        let judging = own.judging(300).await;
        let count = async || own.store.cells().await.unwrap().first().map_or(0, |cell| cell.count);
        let said = async |id: &str| {
            let events = own.store.result(id).await.unwrap().unwrap().events;
            events.into_iter().find(|event| event.change.code == "same_address").map(|event| event.change.says)
        };
        assert_eq!(send(own, &judging, 1, &sample::run(1, fair() * 0.2), "home", "slow").await, Ok(State::Flagged));
        assert_eq!(send(own, &judging, 2, &sample::run(2, fair()), "home", "second").await, Ok(State::Accepted));
        assert_eq!((count().await, said("second").await), (1, None), "the flagged one left the place free");
        let third = [arrival(candidate(3, &sample::run(3, fair())), "home", "third")];
        let receipt = own.store.take(&third, &judging).await.unwrap().remove(0).unwrap();
        assert!(receipt.reasons.iter().any(|reason| reason.code == "same_address"), "{receipt:?}");
        assert!(said("third").await.unwrap().contains("same network address"));
        assert_eq!(count().await, 1);
        // The second takes its own back: the place is free for whoever comes next.
        own.store.change("second", &by(EventKind::Withdrawn, Actor::Submitter, None), now_ms()).await.unwrap();
        assert_eq!(count().await, 0);
        assert_eq!(send(own, &judging, 4, &sample::run(4, fair()), "home", "fourth").await, Ok(State::Accepted));
        assert_eq!((count().await, said("fourth").await), (1, None));
    }

    /// What a maintainer looks at keeps the day's place of its address, or takes it when it counts after all: so one address
    /// counts once, whatever is held and released.
    async fn a_released_result_has_its_place(own: &Own) {
        let judging = own.judging(300).await;
        let count = async || own.store.cells().await.unwrap().first().map_or(0, |cell| cell.count);
        let change = async |id: &str, kind: EventKind| {
            let changed = own.store.change(id, &by(kind, Actor::Maintainer, None), now_ms()).await.unwrap();
            assert!(matches!(changed, Changed::Done(..)), "{id}: {changed:?}");
        };
        // Held and released, with another of its address in between.
        assert_eq!(send(own, &judging, 1, &sample::run(1, fair()), "home", "first").await, Ok(State::Accepted));
        change("first", EventKind::Held).await;
        assert_eq!(count().await, 0);
        assert_eq!(send(own, &judging, 2, &sample::run(2, fair()), "home", "second").await, Ok(State::Accepted));
        assert_eq!(count().await, 0, "the place is the first one's while a maintainer looks at it");
        change("first", EventKind::Reinstated).await;
        assert_eq!(count().await, 1);
        // Doubted when they came: the first of an address may count yet, and then nobody else of it does.
        for who in 3..=5 {
            let id = format!("slow{who}");
            assert_eq!(send(own, &judging, who, &sample::run(who, fair() * 0.2), "office", &id).await, Ok(State::Flagged));
        }
        for who in 3..=5 {
            change(&format!("slow{who}"), EventKind::Reinstated).await;
        }
        assert_eq!(count().await, 2, "three names of one address are one");
        assert_eq!(send(own, &judging, 6, &sample::run(6, fair()), "office", "late").await, Ok(State::Accepted));
        assert_eq!(count().await, 2, "the released one has the place");
        let late = own.store.result("late").await.unwrap().unwrap().events;
        assert!(late.iter().any(|event| event.change.code == "same_address"), "{late:?}");
    }

    /// What its submitter took back stays so, whatever a maintainer does; and a maintainer's acts are events.
    async fn the_submitter_has_the_last_word(own: &Own) {
        let judging = own.judging(300).await;
        for who in 1..=2 {
            let id = format!("run{who}");
            assert!(send(own, &judging, who, &sample::run(who, fair()), &id, &id).await.is_ok());
        }
        let change = async |id: &str, kind: EventKind, actor: Actor| {
            own.store.change(id, &by(kind, actor, None), now_ms()).await.unwrap()
        };
        assert!(matches!(change("run1", EventKind::Withdrawn, Actor::Submitter).await, Changed::Done(..)));
        for kind in [EventKind::Held, EventKind::Reinstated, EventKind::Withdrawn] {
            assert_eq!(change("run1", kind, Actor::Maintainer).await, Changed::TakenBack);
        }
        let stored = own.store.result("run1").await.unwrap().unwrap();
        assert_eq!(stored.run.standing.base, State::Withdrawn);
        assert_eq!(own.store.cells().await.unwrap()[0].count, 1);

        let key = own.store.result("run2").await.unwrap().unwrap().run.signing_key;
        assert_eq!(own.store.ban_key(&key, "forged", now_ms()).await.unwrap(), 1);
        assert_eq!(own.store.ban_key(&key, "forged, again", now_ms()).await.unwrap(), 1);
        assert!(own.store.erase("run2", "asked for", now_ms()).await.unwrap());
        let stored = own.store.result("run2").await.unwrap().unwrap();
        let acts: Vec<(&str, &str)> = stored.events.iter().filter(|event| event.change.actor == Actor::Maintainer)
            .map(|event| (event.change.code.as_str(), event.change.says.as_str())).collect();
        assert_eq!(acts, [("key_banned", "forged"), ("erased", "asked for")]);
        assert_eq!(stored.run.standing, Standing::of(&stored.events));
        assert_eq!(own.store.cells().await.unwrap()[0].count, 1, "neither takes its vote");
    }

    /// Whoever tells only how fast a prompt is read stands behind no median of answers.
    async fn a_median_is_of_those_who_tell_its_figure(own: &Own) {
        let judging = own.judging(300).await;
        for who in 1_u8..=4 {
            let mut run = sample::full_run(who, 1.0);
            let at_once = run.workloads.iter_mut().find(|point| point.workload == "W4" && point.streams == 4).unwrap();
            if who > 1 {
                (at_once.decode_tps, at_once.aggregate_tps) = (None, None);
            }
            let id = format!("run{who}");
            assert_eq!(send(own, &judging, who, &run, &id, &id).await, Ok(State::Accepted));
        }
        let cells = own.store.cells().await.unwrap();
        let told: Vec<_> = cells.iter().map(|cell| (cell.streams, cell.count, cell.signed, cell.decode_tps.is_some())).collect();
        assert!(told.contains(&(4, 1, 1, false)) && told.contains(&(8, 4, 4, true)), "{told:?}");
    }

    /// A message that was signed once is written down once, however often it comes.
    async fn a_replay_is_no_event(own: &Own) {
        let judging = own.judging(300).await;
        assert!(send(own, &judging, 1, &sample::run(1, fair()), "a", "one").await.is_ok());
        let Changed::Done(dispute, _) = own.store.change("one", &by(EventKind::Disputed, Actor::Anyone, None), now_ms()).await.unwrap() else {
            panic!("it opens")
        };
        let answer = Change { code: "digest".into(), ..by(EventKind::Answered, Actor::Submitter, Some(dispute)) };
        let Changed::Done(number, _) = own.store.change("one", &answer, now_ms()).await.unwrap() else { panic!("it is answered") };
        assert_eq!(own.store.change("one", &answer, now_ms()).await.unwrap(), Changed::Repeated(number));
        let events = own.store.result("one").await.unwrap().unwrap().events;
        assert_eq!(events.iter().filter(|event| event.change.kind == EventKind::Answered).count(), 1);
    }
}
