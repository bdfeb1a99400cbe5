//! The rows that no fit reads stay such: none of their sources is one that the constants come from.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use calibrate::row::{self, MeasurementRow};

fn data(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data").join(folder)
}

/// Owner and repository of an address, with the number of the thread where it names one.
fn place(address: &str) -> Option<(String, Option<String>)> {
    let path = address.split_once("github.com/")?.1.to_lowercase();
    let mut parts = path.split(['/', '#', ' ']);
    let repository = format!("{}/{}", parts.next()?, parts.next()?);
    let thread = parts.next().filter(|part| matches!(*part, "issues" | "pull" | "discussions"));
    Some((repository, thread.and_then(|_| parts.next().map(str::to_owned))))
}

#[test]
fn every_row_names_its_thread_or_file() {
    let rows = row::read(&data("unfitted")).expect("the rows are there");
    assert!(rows.len() > 1000, "{} rows", rows.len());
    for row in &rows {
        let MeasurementRow { source_ref, metric, tok_s, device, .. } = row;
        assert!(place(source_ref).is_some(), "{device}: {source_ref:?} is no repository's address");
        assert!(matches!(metric.as_str(), "decode" | "prefill"), "{source_ref}: {metric}");
        assert!(tok_s.is_some_and(|speed| speed > 0.0), "{source_ref}: no figure");
    }
}

#[test]
fn no_fitted_source_is_among_them() {
    let references =
        std::fs::read_to_string(data("measurement-references.csv")).expect("the references are there");
    let fitted: BTreeSet<_> = references.lines().filter_map(place).collect();
    assert!(fitted.len() > 30, "{fitted:?}");
    for row in row::read(&data("unfitted")).expect("the rows are there") {
        let place = place(&row.source_ref).expect("an address");
        assert!(!fitted.contains(&place), "{} is a source that constants were fitted to", row.source_ref);
    }
}

#[test]
fn a_row_that_was_fitted_is_not_among_them() {
    let figure = |row: &MeasurementRow| {
        let words = |text: &str| text.to_lowercase().replace(|sign: char| !sign.is_ascii_alphanumeric(), "");
        format!("{} {} {} {:?}", words(&row.device), words(&row.model), row.metric, row.tok_s)
    };
    let fitted: BTreeSet<String> =
        row::read(&data("measurements")).expect("the rows are there").iter().map(figure).collect();
    for row in row::read(&data("unfitted")).expect("the rows are there") {
        assert!(!fitted.contains(&figure(&row)), "{} has been fitted to: {}", row.source_ref, figure(&row));
    }
}
