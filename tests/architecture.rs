//! Who may know whom. A crate that is missing here fails, and so does an arrow that is not listed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Crate → crates of this house that its library may use.
#[rustfmt::skip]
const MAY_USE: &[(&str, &[&str])] = &[
    ("llm-speed-estimator", &[]),
    ("llm-speed-chart",     &[]),
    ("llm-speed-data",      &["estimator"]),
    ("llm-speed-probe",     &["estimator", "data", "chart"]),
    ("llm-speed-calibrate", &["estimator", "data", "chart"]),
    ("llm-speed-page",      &["estimator", "data", "chart"]),
    ("llm-speed-wasm",      &["estimator", "data", "page"]),
    ("llm-speed-contribute", &["data", "page"]),
    ("llm-speed-benchmarks", &["data", "page"]),
    ("llm-speed-work",      &["data"]),
    ("llm-speed-server",    &["estimator", "data", "page"]),
    ("llm-speed-tests",     &["estimator", "data", "chart", "page", "probe", "calibrate", "server"]),
    ("xtask",               &["data"]),
];

/// A rule about what the sources under a folder (or one file) may not say.
struct Ban {
    /// Folder or file.
    place: &'static str,
    /// What stays out, as it would be written.
    words: &'static [&'static str],
    /// Folders and files within `place` that the rule leaves alone.
    except: &'static [&'static str],
    /// Why.
    because: &'static str,
}

#[rustfmt::skip]
const BANS: &[Ban] = &[
    Ban { place: "estimator/src", words: &["std::", "alloc::", "String", "println!", ".powf(", ".powi(", ".sqrt()", ".exp()", ".ln()"], except: &[], because: "the estimator runs in a browser, an optimiser and on bare metal, with the same bits" },
    Ban { place: "data/src", words: &["std::net", "std::process", "std::time", "SystemTime", "Instant", "rand::", "getrandom", "reqwest", "tokio"], except: &[], because: "data's answers are the same everywhere: network, processes, clock and chance are handed in" },
    Ban { place: "data/src", words: &["std::fs"], except: &["data/src/files", "data/src/constants/file.rs"], because: "only the files feature touches files" },
    Ban { place: "data/src/gguf", words: &["std::"], except: &[], because: "the GGUF reader uses only core and alloc" },
    Ban { place: "data/src/paste", words: &["std::"], except: &[], because: "the paste reader uses only core and alloc" },
    Ban { place: "data/src/json", words: &["std::"], except: &[], because: "the readers of foreign text stand on it" },
    Ban { place: "probe/src/drivers", words: &["crate::cmd", "crate::report", "crate::client"], except: &[], because: "a driver is read, tested and deleted alone" },
    Ban { place: "web/page/src", words: &["std::fs", "std::net", "tokio", "axum", "sqlx", "reqwest"], except: &[], because: "the page is a pure function" },
    Ban { place: "web/server/src", words: &["sqlx::", "SELECT ", "INSERT "], except: &["web/server/src/store", "web/server/src/store.rs"], because: "SQL lives in the store" },
    Ban { place: "web/server/src/store", words: &["axum", "StatusCode", "http::"], except: &[], because: "the store knows no HTTP" },
    Ban { place: "web/server/src/store.rs", words: &["axum", "StatusCode", "http::"], except: &[], because: "the store knows no HTTP" },
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_owned()
}

/// Folders of the workspace's members, from its manifest.
fn members(root: &Path) -> Vec<PathBuf> {
    let manifest: toml::Table =
        fs::read_to_string(root.join("Cargo.toml")).expect("a workspace").parse().expect("TOML");
    manifest["workspace"]["members"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|member| root.join(member.as_str().expect("a path")))
        .collect()
}

/// Our crates that a manifest names, by their short names; with development ones for the tests' own crate only.
fn uses(manifest: &toml::Table) -> BTreeSet<String> {
    let ours = ["estimator", "data", "chart", "page", "probe", "calibrate", "server"];
    let name = manifest["package"]["name"].as_str().expect("a name");
    let tables: &[&str] = if name == "llm-speed-tests" {
        &["dependencies", "dev-dependencies"]
    } else {
        &["dependencies", "build-dependencies"]
    };
    tables
        .iter()
        .filter_map(|table| manifest.get(*table)?.as_table())
        .flat_map(toml::Table::keys)
        .filter(|key| ours.contains(&key.as_str()))
        .cloned()
        .collect()
}

/// What is wrong with one manifest.
fn arrows(manifest: &toml::Table) -> Vec<String> {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let name = manifest["package"]["name"].as_str().expect("a name");
    let Some(may_use) = allowed.get(name) else { return vec![format!("{name} has no row in MAY_USE")] };
    uses(manifest)
        .into_iter()
        .filter(|used| !may_use.contains(&used.as_str()))
        .map(|used| format!("{name} must never use {used}"))
        .collect()
}

/// Lines of a source that say a banned word: comments and unit tests at the end of a file do not count.
fn breaches(text: &str, ban: &Ban) -> Vec<(usize, String)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .filter(|(_, line)| ban.words.iter().any(|word| said(line, word)))
        .map(|(index, line)| (index + 1, line.trim().to_owned()))
        .collect()
}

/// Whether a line says `word` as a word of its own where it begins with a letter.
fn said(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !word.starts_with(char::is_alphanumeric) || !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn sources(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect();
    found.sort();
    found
}

#[test]
fn arrows_point_down() {
    let wrong: Vec<String> = members(&root())
        .iter()
        .flat_map(|member| {
            let text = fs::read_to_string(member.join("Cargo.toml")).expect("a manifest");
            arrows(&text.parse().expect("TOML"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rooms_keep_to_themselves() {
    let root = root();
    let mut wrong = Vec::new();
    for ban in BANS {
        for path in sources(&root.join(ban.place)) {
            if ban.except.iter().any(|except| path.starts_with(root.join(except))) {
                continue;
            }
            let text = fs::read_to_string(&path).expect("a source");
            for (line, said) in breaches(&text, ban) {
                let place = path.strip_prefix(&root).expect("below the root").display();
                wrong.push(format!("{place}:{line}: {said}  ({})", ban.because));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn drivers_do_not_know_each_other() {
    let root = root();
    let drivers = sources(&root.join("probe/src/drivers"));
    let names: Vec<String> = drivers
        .iter()
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .filter(|name| name != "mod")
        .collect();
    let mut wrong = Vec::new();
    for path in &drivers {
        let own = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if own == "mod" {
            continue;
        }
        let text = fs::read_to_string(path).expect("a source");
        for other in names.iter().filter(|name| **name != own) {
            if text.contains(&format!("drivers::{other}")) || text.contains(&format!("super::{other}")) {
                wrong.push(format!("{own} knows {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Every crate root says that it is safe, by the workspace's lints, and none opts out.
#[test]
fn unsafe_code_is_forbidden() {
    let root = root();
    let workspace: toml::Table = fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    assert_eq!(workspace["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    for member in members(&root) {
        let manifest: toml::Table = fs::read_to_string(member.join("Cargo.toml")).unwrap().parse().unwrap();
        let inherits = manifest["lints"].get("workspace").and_then(toml::Value::as_bool) == Some(true);
        assert!(inherits, "{} has lints of its own", member.display());
    }
}

/// Whether there is a test in a file, or in the files of a folder.
fn has_test(place: &Path) -> bool {
    let files = if place.is_dir() { sources(place) } else { vec![place.to_owned()] };
    let marks = ["#[test]", "#[tokio::test", "on_both! {", "proptest! {", "pub const TARGETS"];
    files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .any(|text| marks.iter().any(|mark| text.contains(mark)))
}

/// Files and folders that a table of claims names; a bare name lies beside the one before it.
fn keepers(table: &str) -> Vec<(String, Vec<PathBuf>)> {
    let mut rows = Vec::new();
    for row in table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| claim")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [claim, keeper] = cells[..] else { panic!("{row}: two cells") };
        let mut named: Vec<PathBuf> = Vec::new();
        for code in keeper.split('`').skip(1).step_by(2) {
            if code.contains('/') && !code.contains(' ') {
                named.push(PathBuf::from(code));
            } else if code.ends_with(".rs") {
                let beside = named.last().and_then(|last| last.parent()).unwrap_or(Path::new("")).join(code);
                named.push(beside);
            }
        }
        rows.push((claim.trim().to_owned(), named));
    }
    rows
}

/// What SECURITY.md claims is kept by tests that are there.
#[test]
fn every_claim_names_its_test() {
    let root = root();
    let text = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let (_, rest) = text.split_once("## Claims").expect("a table of claims");
    let table = rest.split("\n## ").next().unwrap_or_default();
    let rows = keepers(table);
    assert!(rows.len() > 20, "{} claims", rows.len());
    for (claim, named) in rows {
        assert!(!named.is_empty(), "{claim}: kept by nothing that has a path");
        for place in named {
            assert!(has_test(&root.join(&place)), "{claim}: no test in {}", place.display());
        }
    }
}

/// The checks above see a violation when there is one.
#[test]
fn planted_violations_are_found() {
    let manifest: toml::Table =
        "[package]\nname = \"llm-speed-server\"\n[dependencies]\nprobe.workspace = true\n\
         data.workspace = true\n"
            .parse()
            .unwrap();
    assert_eq!(arrows(&manifest), ["llm-speed-server must never use probe"]);
    let stranger: toml::Table = "[package]\nname = \"llm-speed-extra\"\n".parse().unwrap();
    assert_eq!(arrows(&stranger), ["llm-speed-extra has no row in MAY_USE"]);

    let ban = &BANS[0];
    let planted = "use core::fmt;\nfn f() { let x = std::time::Instant::now(); }\n// std:: in a comment\n\
                   #[cfg(test)]\nmod tests { use std::vec; }\n";
    assert_eq!(breaches(planted, ban).len(), 1);
    assert_eq!(breaches(planted, ban)[0].0, 2);
    assert!(breaches("let tested::Thing = x;", ban).is_empty());
    assert!(!breaches("let y = x.sqrt();", ban).is_empty());

    let table = "| claim | kept by |\n|---|---|\n| a | `x/y.rs`, `z.rs` |\n| b | good will |\n";
    let named = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
    let expected = [("a".to_owned(), named(&["x/y.rs", "x/z.rs"])), ("b".to_owned(), Vec::new())];
    assert_eq!(keepers(table), expected);
    assert!(!has_test(Path::new("no/such/file.rs")));
}
