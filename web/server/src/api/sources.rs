//! The works that rows cite.

use std::collections::BTreeMap;

use data::catalog::Catalog;
use data::row::SourceRow;
use utoipa::ToSchema;

/// A work that figures were read in.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct Source<'a> {
    /// What rows cite it by.
    id: &'a str,
    /// What it is, with its version.
    name: &'a str,
    /// Where it can be had.
    url: Option<&'a str>,
    /// Its licence, where it states one.
    license: Option<&'a str>,
    /// How figures were taken from it, or what to beware of.
    note: Option<&'a str>,
}

/// The works behind these citations, each once, by id.
pub fn cited<'a>(catalog: &'a Catalog, citations: impl Iterator<Item = &'a String>) -> Vec<Source<'a>> {
    let works: BTreeMap<&str, &SourceRow> = citations
        .filter_map(|citation| catalog.source(citation))
        .map(|work| (work.id.as_str(), work))
        .collect();
    let source = |work: &'a SourceRow| Source {
        id: &work.id,
        name: &work.name,
        url: work.url.as_deref(),
        license: work.license.as_deref(),
        note: work.note.as_deref(),
    };
    works.into_values().map(source).collect()
}
