//! The README and the report show the scores of the committed constants.

use std::path::Path;

use calibrate::report::{readme_table, scores, unfitted_table};
use calibrate::{commands, row, standing};
use data::Catalog;
use data::constants::Fitted;

#[test]
fn the_readme_shows_the_committed_scores() {
    let readme = include_str!("../../README.md");
    let table = readme_table(Fitted::embedded());
    assert!(readme.contains(&table), "put this between the marks of scores in README.md:\n{table}");
}

#[test]
fn the_report_shows_the_committed_scores() {
    let report = include_str!("../report/report.md");
    let fitted = Fitted::embedded();
    assert!(
        report.contains(&scores(fitted)),
        "`calibrate refit --report` wrote another report than calibrate/report"
    );
    assert!(report.contains(&fitted.provenance.input), "the report is of other measurements");
}

#[test]
fn the_readme_shows_what_rows_that_nothing_was_fitted_to_say() {
    let rows = row::read(&data("unfitted")).expect("the rows are there");
    let standing = standing::standing(&rows, Fitted::embedded()).expect("the constants are whole");
    let table = unfitted_table(&standing);
    // Both metrics of six classes, and streams.
    assert!(table.lines().count() >= 2 + 13, "{table}");
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&table), "put this between the marks of unfitted rows in README.md:\n{table}");
}

#[test]
fn the_constants_are_of_what_the_fit_reads_now() {
    let digest = commands::digest(&data("measurements")).expect("the measurements are there");
    assert_eq!(
        Fitted::embedded().provenance.input,
        digest,
        "measurements, their names, rows or rules changed since the constants were fitted: run `cargo run --release \
         -p llm-speed-calibrate -- refit --report calibrate/report`, and review what it says"
    );
}

#[test]
fn the_readme_says_how_many_rows_are_unverified() {
    let catalog = Catalog::embedded();
    let devices = catalog.devices().iter().filter(|row| row.unverified.is_some()).count();
    let models = catalog.models().iter().filter(|row| row.unverified.is_some()).count();
    let thousands = |count: usize| {
        if count < 1000 { count.to_string() } else { format!("{},{:03}", count / 1000, count % 1000) }
    };
    let says = format!(
        "{} of {} devices and {} of {} models have a figure that\nwas recalled or counted",
        thousands(devices),
        thousands(catalog.devices().len()),
        thousands(models),
        thousands(catalog.models().len())
    );
    assert!(devices > 0 && include_str!("../../README.md").contains(&says), "README.md should say: {says}");
}

fn data(folder: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data").join(folder)
}
