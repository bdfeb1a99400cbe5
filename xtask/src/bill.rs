//! Bills of materials: which crates are inside a program.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::tools;

/// Every crate that is linked into a program of ours for this target, with licence and place of origin, as CycloneDX.
pub fn materials(program: &str, version: &str, target: &str) -> Result<Value> {
    let text = tools::read(
        tools::cargo(["metadata", "--locked", "--format-version", "1", "--filter-platform", target])
            .env_remove("RUSTFLAGS"),
    )?;
    let metadata: Value = serde_json::from_str(&text)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<String, Value> =
        list(&metadata["packages"]).into_iter().map(|package| (word(&package["id"]), package)).collect();
    let nodes: BTreeMap<String, Value> =
        list(&metadata["resolve"]["nodes"]).into_iter().map(|node| (word(&node["id"]), node)).collect();
    let root = packages.iter().find(|(_, package)| package["name"] == program);
    let root = root.map(|(id, _)| id.clone()).context("the program among the packages")?;
    let mut seen = BTreeSet::new();
    let mut waiting = vec![root.clone()];
    while let Some(id) = waiting.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let Some(node) = nodes.get(&id) else { continue };
        // What only builds or tests need is not in the program.
        let linked =
            |dependency: &Value| list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
        waiting.extend(
            list(&node["deps"]).iter().filter(|dependency| linked(dependency)).map(|d| word(&d["pkg"])),
        );
    }
    let component = |id: &String| {
        let package = packages.get(id)?;
        let (name, version) = (word(&package["name"]), word(&package["version"]));
        let licences =
            package["license"].as_str().map(|licence| json!([{"expression": licence.replace('/', " OR ")}]));
        Some(json!({
            "type": "library", "name": name, "version": version, "purl": format!("pkg:cargo/{name}@{version}"),
            "licenses": licences.unwrap_or_else(|| json!([])),
        }))
    };
    let components: Vec<Value> = seen.iter().filter(|id| **id != root).filter_map(component).collect();
    Ok(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "application", "name": program, "version": version}},
        "components": components,
    }))
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
        let probe = materials("llm-speed-probe", "1.0.0", target).unwrap();
        let server = materials("llm-speed-server", "1.0.0", target).unwrap();
        assert!(names(&probe).is_superset(&["rustls", "llm-speed-estimator", "altcha"].into()));
        assert!(names(&server).is_superset(&["axum", "sqlx-core", "llm-speed-data", "altcha"].into()));
        // One is no part of the other; proc macros' own tools and what tests need are in neither.
        assert!(!names(&probe).contains("axum") && !names(&server).contains("nvml-wrapper"));
        for bill in [&probe, &server] {
            assert!(!names(bill).contains("tempfile") && !names(bill).contains("cc"), "{bill:#}");
            let components = bill["components"].as_array().unwrap();
            let licensed =
                components.iter().filter(|one| one["licenses"].as_array().is_some_and(|l| !l.is_empty()));
            assert_eq!(licensed.count(), components.len(), "each has a licence");
        }
    }
}
