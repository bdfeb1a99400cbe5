//! SECURITY.md's table of claims: each is kept by a test that is there, under the name that the table gives it.

use std::fs;
use std::path::{Path, PathBuf};

/// A test by its file and its name.
type Keeper = (PathBuf, String);

/// Claims with the tests that a table names as `file::test`; without a file it is in the one before, and a bare file lies
/// beside the one before.
fn keepers(table: &str) -> Vec<(String, Vec<Keeper>)> {
    let mut rows = Vec::new();
    for row in table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| claim")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [claim, keeper] = cells[..] else { panic!("{row}: two cells") };
        let mut named: Vec<Keeper> = Vec::new();
        for code in keeper.split('`').skip(1).step_by(2) {
            let (file, test) = code.split_once("::").unwrap_or((code, ""));
            let before = named.last().map(|(file, _)| file.clone()).unwrap_or_default();
            let file = match file {
                "" => before,
                _ if file.contains('/') => PathBuf::from(file),
                _ => before.parent().unwrap_or(Path::new("")).join(file),
            };
            if code.contains("::") || file.extension().is_some_and(|extension| extension == "rs") {
                named.push((file, test.to_owned()));
            }
        }
        rows.push((claim.trim().to_owned(), named));
    }
    rows
}

/// Whether a source has a test of this name that runs: a function below a test's attribute, or one that both databases run.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let begins = |line: &str| {
        let line = line.trim_start_matches("pub ").trim_start_matches("async ");
        line.strip_prefix("fn ")
            .and_then(|line| line.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with('('))
    };
    let Some(at) = lines.iter().position(|line| begins(line)) else { return false };
    if lines[at].contains("(own: &Own)") {
        return text.contains("on_both! {");
    }
    let above = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("///"));
    let above: Vec<&&str> = above.collect();
    let is_test = |line: &&&str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    above.iter().any(is_test) && !above.iter().any(|line| line.starts_with("#[ignore"))
}

#[test]
fn every_claim_names_its_test() {
    let root = crate::root();
    let text = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let (_, rest) = text.split_once("## Claims").expect("a table of claims");
    let rows = keepers(rest.split("\n## ").next().unwrap_or_default());
    assert!(rows.len() > 20, "{} claims", rows.len());
    let mut wrong = Vec::new();
    for (claim, named) in rows {
        if named.is_empty() {
            wrong.push(format!("{claim}: no test is named"));
        }
        for (file, test) in named {
            let text = fs::read_to_string(root.join(&file)).unwrap_or_default();
            if !has_test(&text, &test) {
                wrong.push(format!("{claim}: no test {test:?} in {}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_claim_without_its_test_is_found() {
    let table = "| claim | kept by |\n|---|---|\n| a | `x/y.rs::one`, `::two`, `z.rs::three`, `deny.toml` |\n\
                 | b | good will |\n| c | `x/y.rs` |\n";
    let named = |tests: &[(&str, &str)]| -> Vec<Keeper> {
        tests.iter().map(|(file, test)| (PathBuf::from(file), (*test).to_owned())).collect()
    };
    assert_eq!(
        keepers(table),
        [
            ("a".to_owned(), named(&[("x/y.rs", "one"), ("x/y.rs", "two"), ("x/z.rs", "three")])),
            ("b".to_owned(), Vec::new()),
            ("c".to_owned(), named(&[("x/y.rs", "")])),
        ]
    );
    let text = "#[test]\n/// Why.\nfn one() {}\nfn helper() {}\n#[test]\n#[ignore = \"slow\"]\nfn slow() {}\n\
                on_both! {\n    async fn both(own: &Own) {}\n}\n#[tokio::test(x)]\nasync fn waits() {}\n";
    for (name, there) in [
        ("one", true),
        ("both", true),
        ("waits", true),
        ("helper", false),
        ("slow", false),
        ("on", false),
        ("", false),
    ] {
        assert_eq!(has_test(text, name), there, "{name:?}");
    }
}
