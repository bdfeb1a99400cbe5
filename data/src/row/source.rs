//! Where figures were read.

use serde::{Deserialize, Serialize};

/// Where figures were read: one work, cited by many rows as `id` or `id:place in it`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRow {
    /// Key that rows cite.
    pub id: String,
    /// What it is, with its version.
    pub name: String,
    /// Where it can be had.
    #[serde(default)]
    pub url: Option<String>,
    /// Its licence, where it states one.
    #[serde(default)]
    pub license: Option<String>,
    /// How figures were taken from it, or what to beware of.
    #[serde(default)]
    pub note: Option<String>,
}
