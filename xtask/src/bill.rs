//! Bills of materials: which crates are inside a program, and which of them brought which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::tools;

/// A crate in a bill.
#[derive(Debug, Default)]
struct Crate {
    name: String,
    version: String,
    licence: String,
    /// What it stands on, by package URL.
    needs: BTreeSet<String>,
}

/// Every crate that is linked into a program of ours for this target, with licence, digest and what it stands on, as
/// CycloneDX. What only builds, tests or writes code at compile time is not in the program, and not in its bill.
pub fn materials(program: &str, target: &str) -> Result<Value> {
    // Of this program by itself: features that only others of the workspace ask for are off in it.
    let tree =
        tools::read(tools::cargo(["tree", "--locked", "--package", program, "--target", target]).args([
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "depth",
            "--format",
            "|{p}|{l}|",
        ]))?;
    let crates = read(&tree)?;
    let lock: toml::Table = fs::read_to_string(tools::root().join("Cargo.lock"))?.parse()?;
    let digests = digests(&lock);
    let own = crates.iter().find(|(_, one)| one.name == program).map(|(url, _)| url.clone());
    let own = own.with_context(|| format!("{program} is not in its own tree"))?;
    let component = |kind: &str, url: &String, one: &Crate| {
        let mut component = json!({
            "type": kind, "bom-ref": url, "name": one.name, "version": one.version, "purl": url,
            "licenses": [{"expression": one.licence}],
        });
        if let Some(digest) = digests.get(url) {
            component["hashes"] = json!([{"alg": "SHA-256", "content": digest}]);
        }
        component
    };
    let inside = crates.iter().filter(|(url, _)| **url != own);
    Ok(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": component("application", &own, &crates[&own])},
        "components": inside.map(|(url, one)| component("library", url, one)).collect::<Vec<_>>(),
        "dependencies": crates
            .iter()
            .map(|(url, one)| json!({"ref": url, "dependsOn": one.needs}))
            .collect::<Vec<_>>(),
    }))
}

/// The crates of a tree as cargo prints it: depth, name with version, licence. What stands on a crate that was printed
/// before is not printed again.
fn read(tree: &str) -> Result<BTreeMap<String, Crate>> {
    let mut crates: BTreeMap<String, Crate> = BTreeMap::new();
    let mut above: Vec<String> = Vec::new();
    for line in tree.lines() {
        let mut parts = line.split('|');
        let mut part = || parts.next().with_context(|| format!("a line of the tree: {line}"));
        let (depth, package, licence) = (part()?.parse::<usize>()?, part()?, part()?);
        let mut words = package.split(' ');
        let (name, version) = words.next().zip(words.next()).context("a name and a version")?;
        let version = version.trim_start_matches('v');
        let url = format!("pkg:cargo/{name}@{version}");
        above.truncate(depth);
        if let Some(parent) = above.last().and_then(|parent| crates.get_mut(parent)) {
            parent.needs.insert(url.clone());
        }
        let one = crates.entry(url.clone()).or_default();
        (one.name, one.version) = (name.to_owned(), version.to_owned());
        // Before there were expressions, a slash meant a choice.
        one.licence = licence.replace('/', " OR ");
        above.push(url);
    }
    Ok(crates)
}

/// SHA-256 of each package as its registry has it, by package URL; ours have none.
fn digests(lock: &toml::Table) -> BTreeMap<String, String> {
    let packages = lock.get("package").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let digest = |package: &toml::Value| {
        let word = |name: &str| package.get(name)?.as_str();
        Some((format!("pkg:cargo/{}@{}", word("name")?, word("version")?), word("checksum")?.to_owned()))
    };
    packages.iter().filter_map(digest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of the crates in a bill.
    fn names(bill: &Value) -> BTreeSet<&str> {
        let components = bill["components"].as_array().map(Vec::as_slice).unwrap_or_default();
        components.iter().filter_map(|component| component["name"].as_str()).collect()
    }

    #[test]
    fn a_bill_lists_what_is_linked_and_not_what_builds() {
        let target = "x86_64-unknown-linux-gnu";
        let probe = materials("llm-speed-probe", target).unwrap();
        let server = materials("llm-speed-server", target).unwrap();
        assert!(names(&probe).is_superset(&["rustls", "llm-speed-estimator", "altcha"].into()));
        assert!(names(&server).is_superset(&["axum", "sqlx-core", "llm-speed-data", "altcha"].into()));
        // One is no part of the other; macros, what tests need and features of others (schemas, MySQL) are in neither.
        assert!(!names(&probe).contains("axum") && !names(&server).contains("nvml-wrapper"));
        for bill in [&probe, &server] {
            for absent in ["tempfile", "cc", "syn", "serde_derive", "schemars", "sqlx-mysql"] {
                assert!(!names(bill).contains(absent), "{absent}: {bill:#}");
            }
            for component in bill["components"].as_array().unwrap() {
                let name = component["name"].as_str().unwrap();
                let licence = component["licenses"][0]["expression"].as_str().unwrap();
                assert!(!licence.is_empty() && !licence.contains('/'), "{component}");
                let digest = component["hashes"][0]["content"].as_str().unwrap_or_default();
                assert_eq!(digest.len(), if name.starts_with("llm-speed") { 0 } else { 64 }, "{component}");
            }
        }
    }

    #[test]
    fn who_stands_on_whom_is_read_from_the_tree() {
        let tree = "0|ours v0.1.0 (/somewhere/ours)|MIT|\n1|a v1.0.0|MIT/Apache-2.0|\n2|b v2.0.0+x|Zlib|\n1|c v3.0.0|MIT|\n2|a v1.0.0|MIT/Apache-2.0| (*)";
        let crates = read(tree).unwrap();
        let needs = |url: &str| crates[url].needs.iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(needs("pkg:cargo/ours@0.1.0"), ["pkg:cargo/a@1.0.0", "pkg:cargo/c@3.0.0"]);
        assert_eq!(needs("pkg:cargo/a@1.0.0"), ["pkg:cargo/b@2.0.0+x"]);
        assert_eq!(needs("pkg:cargo/c@3.0.0"), ["pkg:cargo/a@1.0.0"]);
        assert_eq!(crates["pkg:cargo/a@1.0.0"].licence, "MIT OR Apache-2.0");
        assert!(read("no tree").is_err());
    }
}
