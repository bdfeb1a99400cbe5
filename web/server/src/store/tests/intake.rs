//! Submissions, decided and kept.

use std::collections::BTreeMap;

use data::merkle::{self, Edge};
use data::submission::{State, Submission};

use super::*;
use crate::gate::{Because, Refusal};
use crate::store::{Actor, Change, Changed, EventKind, Intake, Standing};

pub(super) fn fair() -> f64 {
    sample::estimated("rtx-3090")
}

pub(super) async fn send(
    own: &Own,
    judging: &Judging,
    who: u8,
    run: &Submission,
    address: &str,
    id: &str,
) -> Result<State, Refusal> {
    let taken = own.store.take(&[arrival(candidate(who, run), address, id)], judging).await.unwrap();
    taken.into_iter().next().unwrap().map(|receipt| receipt.state)
}

pub(super) fn by(kind: EventKind, actor: Actor, dispute: Option<u64>) -> Change {
    Change { kind, actor, dispute, code: String::new(), says: "because".into() }
}

on_both! {
    async fn three_submitters_make_a_median(own: &Own) {
        let judging = own.judging(30).await;
        let speed = fair();
        for (who, factor) in [(1_u8, 0.98), (2, 1.0), (3, 1.03)] {
            assert!(own.store.cells().await.unwrap().iter().all(|cell| cell.decode_tps.is_none()));
            let id = format!("run{who}");
            let state = send(own, &judging, who, &sample::run(who, speed * factor), &id, &id).await;
            assert_eq!(state, Ok(State::Accepted));
        }
        let cells = own.store.cells().await.unwrap();
        assert_eq!(cells.len(), 1);
        assert_eq!((cells[0].count, cells[0].signed), (3, 3));
        assert_eq!((cells[0].device.as_str(), cells[0].model.as_str(), cells[0].quant.as_str()), ("rtx-3090", "llama-3.1-8b", "q4_k_m"));
        assert_eq!((cells[0].depth_tokens, cells[0].streams), (2048, 1));
        assert!((cells[0].decode_tps.unwrap() - speed).abs() < 1e-9);
        let [low, high] = cells[0].decode_range.unwrap();
        assert!((low - speed * 0.98).abs() < 1e-9 && (high - speed * 1.03).abs() < 1e-9);

        // A fourth that is twice as fast as three agreeing ones is kept, says why, and changes nothing.
        let state = send(own, &judging, 4, &sample::run(4, speed * 2.0), "d", "forged").await;
        assert!(matches!(state, Ok(State::Flagged | State::Held)), "{state:?}");
        let forged = own.store.result("forged").await.unwrap().unwrap();
        assert!(forged.events.iter().any(|event| event.change.code.starts_with("far_from") || event.change.code == "above_roofline"), "{:?}", forged.events);
        assert_eq!(own.store.cells().await.unwrap()[0].count, 3);

        // Withdrawn, one is gone from the median; reinstated, it is back.
        own.store.change("run3", &by(EventKind::Withdrawn, Actor::Maintainer, None), now_ms()).await.unwrap();
        let cells = own.store.cells().await.unwrap();
        assert_eq!((cells[0].count, cells[0].decode_tps), (2, None));
        own.store.change("run3", &by(EventKind::Reinstated, Actor::Maintainer, None), now_ms()).await.unwrap();
        assert_eq!(own.store.cells().await.unwrap()[0].count, 3);
        // What is there is what its events say.
        for id in ["run1", "run3", "forged"] {
            let stored = own.store.result(id).await.unwrap().unwrap();
            assert_eq!(stored.run.standing, Standing::of(&stored.events), "{id}");
        }
    }

    /// Whoever sends what is refused makes nobody read anything anew.
    async fn what_is_refused_changes_no_version(own: &Own) {
        let judging = own.judging(2).await;
        let version = async || own.store.head().await.unwrap().version;
        let before = version().await;
        assert_eq!(send(own, &judging, 1, &sample::run(1, fair()), "a", "one").await, Ok(State::Accepted));
        let after = version().await;
        assert!(after > before);
        let again = send(own, &judging, 1, &sample::run(1, fair()), "b", "two").await;
        assert_eq!(again.unwrap_err().because, Because::Repeated);
        let spent = own.judging(1).await;
        for number in 0..3_u8 {
            let _ = send(own, &spent, 1, &sample::run(1, fair()), "c", &format!("more{number}")).await;
        }
        let unknown = own.store.change("nothing", &by(EventKind::Withdrawn, Actor::Maintainer, None), now_ms()).await;
        assert_eq!(unknown.unwrap(), Changed::Unknown);
        own.store.secrets().await.unwrap();
        assert_eq!(version().await, after);
        own.store.change("one", &by(EventKind::Held, Actor::Maintainer, None), now_ms()).await.unwrap();
        assert!(version().await > after);
    }

    async fn reports_are_those_that_count_and_payloads_are_what_was_sent(own: &Own) {
        let judging = own.judging(30).await;
        for who in 1_u8..=3 {
            let id = format!("run{who}");
            let run = sample::full_run(who, 0.98 + 0.01 * f64::from(who));
            assert_eq!(send(own, &judging, who, &run, &id, &id).await, Ok(State::Accepted));
        }
        own.store.change("run2", &by(EventKind::Withdrawn, Actor::Submitter, None), now_ms()).await.unwrap();
        let cell = "rtx-3090|llama-3.1-8b|q4_k_m|llama.cpp|2048|1";
        let reports = own.store.reports(cell, 50).await.unwrap();
        let of = |workload: &str| -> Vec<&str> {
            reports.iter().filter(|report| report.workload == workload).map(|report| report.run.as_str()).collect()
        };
        assert_eq!((of("W1"), of("W4")), (vec!["run3", "run1"], vec!["run3", "run1"]), "newest first, withdrawn none");
        assert_eq!(own.store.reports(cell, 1).await.unwrap().len(), 1);
        let deep = own.store.reports_of("suite-v1", "W3").await.unwrap();
        assert_eq!(deep.iter().map(|report| report.run.as_str()).collect::<Vec<_>>(), ["run1", "run1", "run3", "run3"]);
        assert_eq!(own.store.reports_of("suite-v0", "W3").await.unwrap(), []);
        let trace = own.store.reports_of("suite-v1", "W5").await.unwrap().remove(0);
        assert_eq!((trace.prompt_tokens, trace.cached_tokens), (16_128, 13_870));
        let sent: Submission = serde_json::from_slice(&own.store.payload(&trace.digest).await.unwrap().unwrap()).unwrap();
        assert_eq!(sent.workloads.last().and_then(|result| result.turns.as_ref()).map(|turns| turns.count), Some(10));
        assert_eq!(own.store.payload("none").await.unwrap(), None);
        assert_eq!(own.store.counting_ids(0, 10).await.unwrap(), ["run1", "run3"]);
        assert_eq!(own.store.counting_ids(1, 10).await.unwrap(), ["run3"]);
    }

    async fn one_submitter_counts_once(own: &Own) {
        let judging = own.judging(300).await;
        let speed = fair();
        for (number, factor) in [1.0, 1.02, 0.99, 1.01].into_iter().enumerate() {
            let mut run = sample::run(1, speed * factor);
            run.backend.version = format!("b{number}");
            let id = format!("run{number}");
            assert_eq!(send(own, &judging, 1, &run, "same", &id).await, Ok(State::Accepted));
        }
        let cells = own.store.cells().await.unwrap();
        assert_eq!((cells.len(), cells[0].count), (1, 1));
        // The same machine at half its own speed is looked at.
        let mut slow = sample::run(1, speed * 0.55);
        slow.backend.version = "slow".into();
        assert_eq!(send(own, &judging, 1, &slow, "same", "slow").await, Ok(State::Held));
    }

    async fn many_tags_behind_one_address_are_one(own: &Own) {
        let judging = own.judging(300).await;
        for who in 1..=4 {
            let run = sample::run(who, fair());
            assert_eq!(send(own, &judging, who, &run, "one address", &format!("run{who}")).await, Ok(State::Accepted));
        }
        assert_eq!(own.store.cells().await.unwrap()[0].count, 1);
        let stored = own.store.result("run2").await.unwrap().unwrap();
        assert!(!stored.metrics[0].counts);
        assert_eq!(stored.run.voter, tag_of(&judging.secrets, 2));
    }

    async fn what_was_taken_is_not_taken_again(own: &Own) {
        let judging = own.judging(300).await;
        let run = sample::run(1, fair());
        let mut first = candidate(1, &run);
        first.nonce = Some(("n".into(), now_ms() + 1000));
        assert!(own.store.take(&[arrival(first.clone(), "a", "one")], &judging).await.unwrap()[0].is_ok());
        let again = own.store.take(&[arrival(first, "a", "two")], &judging).await.unwrap();
        let refusal = again[0].as_ref().unwrap_err();
        assert_eq!((refusal.because, refusal.instance.as_deref()), (Because::Repeated, Some("/r/one")));
        // A new run on an old token.
        let mut other = sample::run(1, fair() * 1.01);
        other.backend.version = "b2".into();
        let mut second = candidate(1, &other);
        second.nonce = Some(("n".into(), now_ms() + 1000));
        let spent = own.store.take(&[arrival(second.clone(), "a", "three")], &judging).await.unwrap();
        assert_eq!(spent[0].as_ref().unwrap_err().because, Because::Proof);
        // Two of one in the same breath: the first is taken.
        second.nonce = Some(("m".into(), now_ms() + 1000));
        let both = [arrival(second.clone(), "a", "four"), arrival(second, "b", "five")];
        let outcomes = own.store.take(&both, &judging).await.unwrap();
        assert!(outcomes[0].is_ok() && outcomes[1].is_err());
        assert_eq!(own.store.head().await.unwrap().edge.size, 2);
    }

    async fn keys_and_tags_belong_to_their_hardware(own: &Own) {
        let judging = own.judging(300).await;
        assert!(send(own, &judging, 1, &sample::run(1, fair()), "a", "one").await.is_ok());
        let says = |outcome: Result<State, Refusal>| outcome.unwrap_err().says;
        // The key of machine 1 signs for machine 2.
        assert!(says(send(own, &judging, 1, &sample::run(2, fair()), "b", "two").await).contains("other hardware"));
        // Machine 2 claims the tag of machine 1.
        let mut stolen = sample::run(2, fair());
        stolen.tag = sample::run(1, 1.0).tag;
        assert!(says(send(own, &judging, 2, &stolen, "b", "two").await).contains("tag belongs to other hardware"));
        // The same key without its tag, and in another month.
        let mut untagged = sample::run(1, fair() * 1.01);
        untagged.tag = None;
        assert!(says(send(own, &judging, 1, &untagged, "b", "two").await).contains("another tag"));
        let mut old = sample::run(1, fair() * 1.01);
        old.measured_on = "2026-01-15".into();
        assert!(says(send(own, &judging, 1, &old, "b", "two").await).contains("another month"));
        // Banned.
        let key = candidate(1, &sample::run(1, fair())).signer.unwrap().key;
        own.store.ban_key(&key, "forged results", now_ms()).await.unwrap();
        let mut more = sample::run(1, fair());
        more.backend.version = "b2".into();
        assert!(says(send(own, &judging, 1, &more, "b", "two").await).contains("may not submit"));
    }

    async fn a_file_is_one_model(own: &Own) {
        let judging = own.judging(300).await;
        let claims = |who: u8, reference: &str, params: u64, bytes: u64| {
            let mut run = sample::run(who, 100.0);
            run.model.reference = reference.into();
            (run.model.params, run.model.size_bytes) = (Some(params), Some(bytes));
            run.workloads[0].decode_tps = Some(110.0);
            run.workloads[0].decode_tps_interval = None;
            run.workloads[0].decode_p50_latency_ms = None;
            run
        };
        let llama = |who: u8| claims(who, "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", 8_030_261_312, 4_920_734_272);
        let qwen = |who: u8| claims(who, "Qwen3-8B-Q4_K_M.gguf", 8_190_735_360, 5_027_783_488);
        assert!(send(own, &judging, 1, &qwen(1), "a", "liar").await.is_ok(), "one claim is believed");
        // Against a single claim: held, so that the first to claim does not own the file.
        assert_eq!(send(own, &judging, 2, &llama(2), "b", "two").await, Ok(State::Held));
        assert_eq!(send(own, &judging, 3, &llama(3), "c", "three").await, Ok(State::Held));
        // A maintainer releases them: the file is known, and one by another name waits.
        for id in ["two", "three"] {
            own.store.change(id, &by(EventKind::Reinstated, Actor::Maintainer, None), now_ms()).await.unwrap();
        }
        let state = send(own, &judging, 4, &llama(4), "d", "four").await;
        assert!(state.is_ok_and(|state| state != State::Held));
        assert_eq!(send(own, &judging, 5, &qwen(5), "e", "five").await, Ok(State::Held));
        let reasons = own.store.result("five").await.unwrap().unwrap().events;
        assert!(reasons.iter().any(|event| event.change.says.contains("known as llama-3.1-8b")), "{reasons:?}");
        // What no longer counts says nothing about the file.
        for id in ["two", "three", "four"] {
            own.store.change(id, &by(EventKind::Withdrawn, Actor::Submitter, None), now_ms()).await.unwrap();
        }
        assert!(send(own, &judging, 6, &qwen(6), "f", "six").await.is_ok_and(|state| state != State::Held));
    }

    async fn an_address_has_so_many(own: &Own) {
        let judging = own.judging(30).await;
        let mut taken = 0;
        for number in 0..12 {
            let mut run = sample::run(1, fair());
            run.backend.version = format!("b{number}");
            match send(own, &judging, 1, &run, "busy", &format!("run{number}")).await {
                Ok(_) => taken += 1,
                Err(refusal) => {
                    assert_eq!(refusal.because, Because::TooOften);
                    assert!(refusal.retry_after_s.is_some_and(|seconds| (1..=121).contains(&seconds)), "{refusal:?}");
                }
            }
        }
        assert_eq!(taken, 10, "a third of thirty at once");
        assert!(own.store.used("busy", judging.limit, now_ms()).await.unwrap() >= 9);
        assert_eq!(own.store.used("idle", judging.limit, now_ms()).await.unwrap(), 0);
        let run = sample::run(2, fair());
        assert!(send(own, &judging, 2, &run, "idle", "other").await.is_ok(), "others are not affected");
        // An hour later there is room again.
        let later = now_ms() + 3_600_000;
        assert_eq!(own.store.spend("busy", judging.limit, later).await.unwrap(), Ok(()));
    }

    async fn disputes_are_opened_answered_and_settled(own: &Own) {
        let judging = own.judging(30).await;
        assert!(send(own, &judging, 1, &sample::run(1, fair()), "a", "one").await.is_ok());
        let opened = own.store.change("one", &by(EventKind::Disputed, Actor::Anyone, None), now_ms()).await.unwrap();
        let Changed::Done(dispute, standing) = opened else { panic!("{opened:?}") };
        assert_eq!((standing.state(), standing.base), (State::Disputed, State::Accepted));
        let answer = by(EventKind::Answered, Actor::Submitter, Some(dispute));
        assert!(matches!(own.store.change("one", &answer, now_ms()).await.unwrap(), Changed::Done(..)));
        let settled = by(EventKind::Settled, Actor::Maintainer, Some(dispute));
        let settled = own.store.change("one", &settled, now_ms()).await.unwrap();
        let Changed::Done(_, standing) = settled else { panic!("{settled:?}") };
        assert_eq!(standing.state(), State::Accepted);
        // Over is over, and what never was cannot be answered.
        assert!(own.store.change("one", &answer, now_ms()).await.unwrap() == Changed::Unknown);
        assert!(own.store.change("one", &by(EventKind::Answered, Actor::Anyone, Some(0)), now_ms()).await.unwrap() == Changed::Unknown);
        assert!(own.store.change("none", &by(EventKind::Disputed, Actor::Anyone, None), now_ms()).await.unwrap() == Changed::Unknown);
    }

    /// Two processes on one database are as one: no payload twice, no index twice, limits and nonces shared, and the
    /// log holds every acknowledged result at the place that its receipt names.
    async fn two_processes_are_as_one(own: &Own) {
        let judging = own.judging(100_000).await;
        let other = own.another().await;
        let (here, _) = Intake::start(own.store.clone(), judging.clone(), now_ms);
        let (there, _) = Intake::start(other.clone(), judging.clone(), now_ms);
        let mut tasks = Vec::new();
        for number in 0..60_u8 {
            // Each payload is sent to both.
            let mut run = sample::run(number % 20, fair());
            run.backend.version = format!("b{number}");
            let made = candidate(number % 20, &run);
            for (side, intake) in [("h", &here), ("t", &there)] {
                let (intake, made) = (intake.clone(), made.clone());
                let id = format!("{side}{number}");
                let address = format!("address {}", number % 20);
                tasks.push(tokio::spawn(async move { intake.submit(arrival(made, &address, &id)).await.unwrap() }));
            }
        }
        let mut places = BTreeMap::new();
        let mut repeated = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(receipt) => {
                    assert_eq!(places.insert(receipt.log_index.unwrap(), receipt.digest), None, "an index twice");
                }
                Err(refusal) => {
                    assert_eq!(refusal.because, Because::Repeated, "{refusal:?}");
                    repeated += 1;
                }
            }
        }
        assert_eq!((places.len(), repeated), (60, 60));
        let mut edge = Edge::default();
        for digest in places.values() {
            edge.append(merkle::leaf(&data::digest::unhex32(digest).unwrap()));
        }
        let head = own.store.head().await.unwrap();
        assert_eq!(head.edge, edge);
        assert_eq!(other.head().await.unwrap().edge.root(), edge.root());
        for (index, digest) in places.iter().take(5) {
            let proof = other.inclusion(*index, 60).await.unwrap().unwrap();
            let leaf = merkle::leaf(&data::digest::unhex32(digest).unwrap());
            assert!(merkle::includes(*index, 60, leaf, &proof, &edge.root()));
        }
        assert_eq!(own.store.consistency(61, 60).await.unwrap(), None);
        // The limit is one for both.
        let few = Limit::an_hour(3);
        assert_eq!(own.store.spend("shared", few, now_ms()).await.unwrap(), Ok(()));
        assert!(other.spend("shared", few, now_ms()).await.unwrap().is_err());
        assert_eq!(own.store.cells().await.unwrap()[0].count, 20);
        other.close().await;
    }

    async fn a_dump_goes_through_all_in_order(own: &Own) {
        let judging = own.judging(1000).await;
        for who in 0..7 {
            assert!(send(own, &judging, who, &sample::run(who, fair()), &format!("a{who}"), &format!("run{who}")).await.is_ok());
        }
        let mut seen = Vec::new();
        loop {
            let page = own.store.results_from(seen.len() as u64, 3).await.unwrap();
            if page.is_empty() {
                break;
            }
            seen.extend(page.into_iter().map(|(run, metrics)| (run.id, metrics.len())));
        }
        let all: Vec<(String, usize)> = (0..7).map(|who| (format!("run{who}"), 1)).collect();
        assert_eq!(seen, all);
        assert_eq!(own.store.counts().await.unwrap(), [(State::Accepted, 7)]);
    }
}
