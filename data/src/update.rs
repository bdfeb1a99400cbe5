//! What is published for probes to update themselves with: a manifest that its publishers sign (minisign), which names
//! programs and suites by their digests. A suite is data; nothing of it is ever run.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// Name of the manifest in the folder that is published; its signature has `.minisig` behind.
pub const MANIFEST: &str = "manifest.json";

/// No manifest is longer.
pub const MANIFEST_LIMIT_BYTES: usize = 64 << 10;

/// No suite is longer.
pub const SUITE_LIMIT_BYTES: usize = 64 << 10;

/// What there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Rises with each manifest.
    pub serial: u64,
    /// The last day on which it is believed, `2027-01-31` (UTC).
    pub expires: String,
    /// The newest version.
    pub version: String,
    /// Its programs.
    pub programs: Vec<Program>,
    /// Suites, as JSON of [`crate::row::SuiteRow`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suites: Vec<SuiteFile>,
}

/// The program for one kind of machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// `x86_64-linux`.
    pub target: String,
    /// Where it is, relative to the manifest.
    pub path: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// One suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuiteFile {
    /// Its id: `suite-v1`.
    pub id: String,
    /// Where it is, relative to the manifest.
    pub path: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Every file that it names, with its digest.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        let programs = self.programs.iter().map(|file| (file.path.as_str(), file.sha256.as_str()));
        programs.chain(self.suites.iter().map(|file| (file.path.as_str(), file.sha256.as_str())))
    }

    /// Whether it may be read on this day; days in the form `2026-11-22` sort as text.
    #[must_use]
    pub fn is_good_on(&self, day: &str) -> bool {
        self.expires.as_str() >= day
    }
}

/// Whether a path stays in the folder it is relative to: plain names with slashes between.
#[must_use]
pub fn stays_inside(path: &str) -> bool {
    path.len() <= 200
        && path.split('/').all(|name| {
            !name.is_empty()
                && !name.starts_with('.')
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out() {
        for path in ["manifest.json", "programs/0.2.0/x86_64-linux/llm-speed-probe"] {
            assert!(stays_inside(path), "{path}");
        }
        for path in ["", "/etc/passwd", "../a", "a/../b", "a//b", "a/", ".hidden", "a\\b", "a b", "a\0"] {
            assert!(!stays_inside(path), "{path}");
        }
    }

    #[test]
    fn a_manifest_from_before_suites_is_read() {
        let text = r#"{"serial":1,"expires":"2026-11-22","version":"0.1.0","programs":[]}"#;
        let manifest: Manifest = serde_json::from_str(text).unwrap();
        assert!(manifest.suites.is_empty() && manifest.is_good_on("2026-11-22"));
        assert!(!manifest.is_good_on("2026-11-23"));
        assert_eq!(serde_json::to_string(&manifest).unwrap(), text);
    }
}
