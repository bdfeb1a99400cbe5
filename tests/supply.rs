//! What is linked into our programs: under which licences, how often twice, from where, and whether it is used at all.
//!
//! The rules are those of `deny.toml`, which cargo-deny reads too (`cargo xtask supply`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use spdx::{Expression, Licensee, ParseMode};
use toml::{Table, Value};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_owned()
}

fn rules() -> Table {
    fs::read_to_string(root().join("deny.toml")).expect("deny.toml").parse().expect("TOML")
}

fn words<'t>(table: &'t Value, key: &str) -> Vec<&'t str> {
    table[key].as_array().expect(key).iter().filter_map(Value::as_str).collect()
}

/// Every crate in our programs and in what builds them, here: name, version, licence.
fn linked() -> BTreeSet<(String, String, String)> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["tree", "--workspace", "--locked", "--edges", "normal,build"]);
    cargo.args(["--prefix", "none", "--no-dedupe", "--format", "{p}\t{l}"]);
    let output = cargo.output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let of_line = |line: &str| {
        let (package, licence) = line.split_once('\t')?;
        let mut parts = package.split(' ');
        Some((parts.next()?.to_owned(), parts.next()?.trim_start_matches('v').to_owned(), licence.to_owned()))
    };
    text.lines().filter_map(of_line).collect()
}

/// Whether a licence's terms can be met with those that are allowed.
fn is_allowed(licence: &str, allowed: &[Licensee]) -> bool {
    Expression::parse_mode(licence, ParseMode::LAX)
        .is_ok_and(|terms| terms.evaluate(|asked| allowed.iter().any(|licensee| licensee.satisfies(asked))))
}

#[test]
fn every_licence_is_one_that_we_allow() {
    let rules = rules();
    let allowed = words(&rules["licenses"], "allow");
    let allowed: Vec<Licensee> = allowed.iter().map(|name| Licensee::parse(name).expect(name)).collect();
    let linked = linked();
    assert!(linked.len() > 200, "{} crates", linked.len());
    let refused: Vec<_> = linked.iter().filter(|(.., licence)| !is_allowed(licence, &allowed)).collect();
    assert!(refused.is_empty(), "{refused:?}");
    // The test can tell.
    for (licence, is_fine) in
        [("GPL-3.0-only", false), ("MIT/GPL-3.0", true), ("MIT AND GPL-3.0-only", false), ("", false)]
    {
        assert_eq!(is_allowed(licence, &allowed), is_fine, "{licence:?}");
    }
}

#[test]
fn what_is_there_twice_is_listed_with_its_reason() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, version, _) in linked() {
        versions.entry(name).or_default().insert(version);
    }
    let twice: Vec<(&String, &BTreeSet<String>)> = versions.iter().filter(|(_, all)| all.len() > 1).collect();
    let rules = rules();
    let skipped: Vec<(&str, &str)> = rules["bans"]["skip"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| {
            assert!(entry["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{entry}");
            entry["crate"].as_str().and_then(|of| of.split_once('@')).expect("name@version")
        })
        .collect();
    let is_of = |version: &str, prefix: &str| {
        version.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    for (name, all) in &twice {
        let excused = |version: &&String| skipped.iter().any(|(of, v)| of == name && is_of(version, v));
        let rest: Vec<_> = all.iter().filter(|version| !excused(version)).collect();
        assert_eq!(
            rest.len(),
            1,
            "{name} is there as {all:?}: agree on one, or say in deny.toml who does not"
        );
    }
    for (name, version) in skipped {
        let is_there = twice.iter().any(|(of, all)| *of == name && all.iter().any(|v| is_of(v, version)));
        assert!(is_there, "{name}@{version} is no longer there twice: deny.toml need not excuse it");
    }
}

#[test]
fn everything_comes_from_one_registry() {
    let lock: Table =
        fs::read_to_string(root().join("Cargo.lock")).expect("a lockfile").parse().expect("TOML");
    let packages = lock["package"].as_array().expect("packages");
    let sources: BTreeSet<&str> = packages.iter().filter_map(|p| p.get("source")?.as_str()).collect();
    assert_eq!(sources.len(), 1, "{sources:?}");
    assert!(sources.iter().all(|source| source.starts_with("registry+")), "{sources:?}");
    let unsummed = packages.iter().filter(|p| p.get("source").is_some() && p.get("checksum").is_none());
    assert_eq!(unsummed.count(), 0, "each has its checksum");
}

/// Rust text under a folder, all of it, with what it includes from elsewhere by `#[path = "../.."]`.
fn source(folder: &Path, text: &mut String) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            source(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let own = fs::read_to_string(&path).expect("a source file");
            let included =
                own.lines().filter_map(|line| line.strip_prefix("#[path = \"")?.strip_suffix("\"]"));
            for file in included.filter(|file| file.starts_with("../..")) {
                text.push_str(&fs::read_to_string(folder.join(file)).expect(file));
            }
            text.push_str(&own);
        }
    }
}

/// Asked for without a name in the code, and why.
const SILENT: &[(&str, &str)] = &[("argmin-math", "switches argmin's solvers on for nalgebra's types")];

#[test]
fn no_crate_asks_for_what_it_does_not_name() {
    let root = root();
    let workspace: Table =
        fs::read_to_string(root.join("Cargo.toml")).expect("a manifest").parse().expect("TOML");
    let (mut unused, mut asked_for) = (Vec::new(), BTreeSet::new());
    for member in words(&workspace["workspace"], "members") {
        let folder = root.join(member);
        let manifest: Table =
            fs::read_to_string(folder.join("Cargo.toml")).expect(member).parse().expect("TOML");
        let mut text = String::new();
        source(&folder, &mut text);
        // What only some systems need stands in a table of its own.
        let systems = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
        let tables: Vec<&Table> = systems.filter_map(Value::as_table).chain([&manifest]).collect();
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for name in tables.iter().filter_map(|table| table.get(section)?.as_table()).flat_map(Table::keys)
            {
                asked_for.insert(name.clone());
                let ident = name.replace('-', "_");
                let named = [format!("{ident}::"), format!("use {ident}"), format!("extern crate {ident}")];
                let silent = SILENT.iter().any(|(known, _)| known == name);
                if !silent && !named.iter().any(|form| text.contains(form.as_str())) {
                    unused.push(format!("{member}: {name}"));
                }
            }
        }
    }
    assert!(unused.is_empty(), "{unused:?}");
    let shared = workspace["workspace"]["dependencies"].as_table().expect("shared versions");
    let idle: Vec<&String> = shared.keys().filter(|name| !asked_for.contains(*name)).collect();
    assert!(idle.is_empty(), "no member asks for {idle:?}");
}
