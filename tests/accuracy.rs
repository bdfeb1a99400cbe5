//! The committed scores do not get worse unnoticed.
//!
//! `tests/accuracy.toml` holds what the constants reached on devices that the fit had not seen. `calibrate check` holds
//! that the committed scores are what the measurements give, so comparing the two files is enough. Who makes a class
//! worse on purpose changes the file in the same commit and says why.

use std::collections::BTreeMap;

use data::constants::{Fitted, Score};

/// A class as it was accepted: median error and its 90th percentile, as shares of the measured speed.
type Accepted = BTreeMap<String, [f64; 2]>;

/// How much worse a class may come out, as a share and in points: machines give the same, small changes of data do not.
const SLACK: (f64, f64) = (0.05, 0.005);

fn accepted() -> Accepted {
    toml::from_str(include_str!("accuracy.toml")).expect("tests/accuracy.toml is a table of pairs")
}

/// What got worse, a sentence each.
fn worse(scores: &[Score], accepted: &Accepted) -> Vec<String> {
    let mut found = Vec::new();
    for (name, [median, p90]) in accepted {
        let Some(score) = scores.iter().find(|score| score.name == *name) else {
            found.push(format!("{name} is not scored any more"));
            continue;
        };
        for (what, now, was) in [("median", score.median, *median), ("90th percentile", score.p90, *p90)] {
            if now > was * (1.0 + SLACK.0) + SLACK.1 {
                found.push(format!(
                    "{name}: {what} error went from {:.1} % to {:.1} %",
                    was * 100.0,
                    now * 100.0
                ));
            }
        }
    }
    found
}

#[test]
fn no_class_is_worse_than_it_was_accepted() {
    let found = worse(&Fitted::embedded().provenance.scores, &accepted());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_class_that_gets_worse_or_lost_is_told_with_its_numbers() {
    let mut scores = Fitted::embedded().provenance.scores.clone();
    let first = scores[0].name.clone();
    let accepted: Accepted =
        scores.iter().map(|score| (score.name.clone(), [score.median, score.p90])).collect();
    assert!(worse(&scores, &accepted).is_empty());
    scores[0].median *= 1.5;
    let found = worse(&scores, &accepted);
    assert!(found.len() == 1 && found[0].starts_with(&first) && found[0].contains('%'), "{found:?}");
    scores.remove(0);
    assert_eq!(worse(&scores, &accepted), [format!("{first} is not scored any more")]);
}

#[test]
fn ranges_of_classes_with_rows_enough_hold_what_they_promise() {
    let scores = &Fitted::embedded().provenance.scores;
    let judged: Vec<_> =
        scores.iter().filter(|score| score.rows >= 100 && score.name.ends_with("llama.cpp")).collect();
    assert!(judged.len() >= 5, "hardly a class has rows enough: {}", judged.len());
    let out: Vec<String> = judged
        .iter()
        .filter(|score| !(0.85..=0.95).contains(&score.coverage) && score.devices >= 8)
        .map(|score| format!("{}: {:.3}", score.name, score.coverage))
        .collect();
    assert!(out.is_empty(), "90 % ranges hold otherwise: {out:?}");
}
