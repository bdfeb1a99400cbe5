//! The README and the report show the scores of the committed constants.

use calibrate::report::{readme_table, scores};
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
