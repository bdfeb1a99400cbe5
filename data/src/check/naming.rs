//! Rules about ids, names and sources.

use std::collections::HashMap;

use crate::catalog::Catalog;
use crate::lookup::Lookup;

/// Ids with the sources and marks of their rows: all kinds together.
fn cited(catalog: &Catalog) -> impl Iterator<Item = (&str, &[String], Option<&String>)> {
    let rows = catalog.rows();
    let devices = rows.devices.iter().map(|row| (row.id.as_str(), &row.sources[..], row.unverified.as_ref()));
    let models = rows.models.iter().map(|row| (row.id.as_str(), &row.sources[..], row.unverified.as_ref()));
    let quants = rows.quants.iter().map(|row| (row.id.as_str(), &row.sources[..], row.unverified.as_ref()));
    let suites = rows.suites.iter().map(|row| (row.id.as_str(), &row.sources[..], None));
    devices.chain(models).chain(quants).chain(suites)
}

pub(super) fn ids_are_unique_and_kebab_case(catalog: &Catalog) -> Vec<String> {
    let rows = catalog.rows();
    let kinds: [Vec<&str>; 5] = [
        rows.devices.iter().map(|row| row.id.as_str()).collect(),
        rows.models.iter().map(|row| row.id.as_str()).collect(),
        rows.quants.iter().map(|row| row.id.as_str()).collect(),
        rows.sources.iter().map(|row| row.id.as_str()).collect(),
        rows.suites.iter().map(|row| row.id.as_str()).collect(),
    ];
    let mut wrong = Vec::new();
    for ids in kinds {
        let mut times: HashMap<&str, usize> = HashMap::new();
        for id in ids {
            *times.entry(id).or_default() += 1;
            if !is_kebab_case(id) {
                wrong.push(format!(
                    "{id}: only lower-case letters, digits, dots and underscores between single hyphens"
                ));
            }
        }
        wrong.extend(
            times
                .iter()
                .filter(|(_, times)| **times > 1)
                .map(|(id, times)| format!("{id}: used {times} times")),
        );
    }
    wrong
}

/// Dots stand in version numbers, underscores in the names of GGUF's formats.
fn is_kebab_case(id: &str) -> bool {
    let plain = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || matches!(sign, '.' | '_');
    id.split('-').all(|part| !part.is_empty() && part.chars().all(plain))
}

pub(super) fn every_row_names_a_listed_source(catalog: &Catalog) -> Vec<String> {
    let mut wrong = Vec::new();
    for (id, sources, _) in cited(catalog) {
        if sources.is_empty() {
            wrong.push(format!("{id}: names none"));
        }
        let missing = sources.iter().filter(|source| catalog.source(source).is_none());
        wrong.extend(missing.map(|source| format!("{id}: {source:?} is not in sources.toml")));
    }
    wrong
}

pub(super) fn recalled_is_marked_unverified(catalog: &Catalog) -> Vec<String> {
    cited(catalog)
        .filter(|(_, sources, unverified)| {
            unverified.is_none() && sources.iter().any(|source| source == "recalled")
        })
        .map(|(id, _, _)| format!("{id}: cites memory, so say in `unverified` what is recalled"))
        .collect()
}

/// What is wrong when `name` should lead to `id` and leads to `found`.
fn leads_to(id: &str, name: &str, found: Result<&str, Lookup>) -> Option<String> {
    match found {
        Ok(found) if found == id => None,
        Ok(other) => Some(format!("{id}: {name:?} leads to {other}")),
        Err(lookup) => Some(format!("{id}: {name:?} is {lookup}")),
    }
}

pub(super) fn device_names_lead_to_their_row(catalog: &Catalog) -> Vec<String> {
    let rows = catalog.devices().iter();
    let names = rows.flat_map(|row| {
        [&row.id, &row.name].into_iter().chain(&row.aliases).map(|name| (row.id.as_str(), name.as_str()))
    });
    names
        .filter_map(|(id, name)| leads_to(id, name, catalog.device(name).map(|row| row.id.as_str())))
        .collect()
}

pub(super) fn model_names_lead_to_their_row(catalog: &Catalog) -> Vec<String> {
    let rows = catalog.models().iter();
    let names = rows.flat_map(|row| {
        let own = [&row.id, &row.name].into_iter().chain(&row.hf_repo).chain(&row.aliases);
        own.map(|name| (row.id.as_str(), name.as_str()))
    });
    names
        .filter_map(|(id, name)| leads_to(id, name, catalog.model(name).map(|row| row.id.as_str())))
        .collect()
}

pub(super) fn quant_names_lead_to_their_row(catalog: &Catalog) -> Vec<String> {
    let rows = catalog.quants().iter();
    let names = rows.flat_map(|row| {
        [&row.id, &row.name].into_iter().chain(&row.aliases).map(|name| (row.id.as_str(), name.as_str()))
    });
    names
        .filter_map(|(id, name)| leads_to(id, name, catalog.quant(name).map(|row| row.id.as_str())))
        .collect()
}

pub(super) fn shared_names_are_shared(catalog: &Catalog) -> Vec<String> {
    let rows = catalog.rows();
    let devices =
        rows.devices.iter().flat_map(|row| row.shared_names.iter().map(|name| (&row.id, name, true)));
    let models =
        rows.models.iter().flat_map(|row| row.shared_names.iter().map(|name| (&row.id, name, false)));
    let mut wrong = Vec::new();
    for (id, name, device) in devices.chain(models) {
        let found = if device { catalog.device(name).err() } else { catalog.model(name).err() };
        if !matches!(found, Some(Lookup::Ambiguous { .. })) {
            wrong.push(format!("{id}: {name:?} is no other row's; make it an alias"));
        }
    }
    wrong
}
