//! The README shows the scores of the committed constants.

use calibrate::report::readme_table;
use data::constants::Fitted;

#[test]
fn the_readme_shows_the_committed_scores() {
    let readme = include_str!("../../README.md");
    let table = readme_table(Fitted::embedded());
    assert!(readme.contains(&table), "put this between the marks of scores in README.md:\n{table}");
}
