//! Suites that came after this program, kept as files: they are data, and no more than numbers and names are read of them.

use std::io;
use std::path::{Path, PathBuf};

use data::Catalog;
use data::row::SuiteRow;

use crate::runs;

/// Workloads of one suite at most, and points of one workload.
const MOST: usize = 64;
/// Tokens of a prompt or an answer, at most.
const MOST_TOKENS: u32 = 2 << 20;
/// Requests at once and turns, at most.
const MOST_AT_ONCE: u32 = 1024;

fn file(folder: &Path, id: &str) -> PathBuf {
    folder.join("suites").join(format!("{id}.json"))
}

/// A suite by its id: the one that is built in, else one that was kept.
pub fn find(folder: &Path, id: &str) -> Option<SuiteRow> {
    let built_in = Catalog::embedded().suites().iter().find(|suite| suite.id == id);
    built_in.cloned().or_else(|| {
        let bytes = is_id(id).then(|| std::fs::read(file(folder, id)).ok()).flatten()?;
        read(&bytes).ok().filter(|suite| suite.id == id)
    })
}

/// Reads a suite, and sees that it asks for nothing without measure.
///
/// # Errors
/// In words, what is wrong with it.
pub fn read(bytes: &[u8]) -> Result<SuiteRow, String> {
    let suite: SuiteRow = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if !is_id(&suite.id) {
        return Err("its id is no name of letters, digits and hyphens".to_owned());
    }
    if suite.workload.is_empty() || suite.workload.len() > MOST {
        return Err(format!("it has {} workloads; 1 to {MOST} are read", suite.workload.len()));
    }
    for row in &suite.workload {
        let points = [&row.prompt_tokens, &row.streams];
        let lengths = row.prompt_tokens.iter().chain([&row.output_tokens]);
        let counts = row.streams.iter().chain([&row.turns]);
        let is_measured = points.iter().all(|list| (1..=MOST).contains(&list.len()))
            && lengths.into_iter().all(|tokens| (1..=MOST_TOKENS).contains(tokens))
            && counts.into_iter().all(|count| (1..=MOST_AT_ONCE).contains(count));
        if !is_measured {
            return Err(format!("its workload {:?} asks for nothing, or for too much", row.id));
        }
    }
    Ok(suite)
}

/// Keeps a suite.
///
/// # Errors
/// Those of the file system.
pub fn keep(folder: &Path, suite: &SuiteRow) -> io::Result<()> {
    let bytes = serde_json::to_vec(suite).map_err(io::Error::other)?;
    runs::write_whole(&file(folder, &suite.id), &bytes)
}

/// Whether a name can be a file's.
fn is_id(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newer() -> SuiteRow {
        SuiteRow { id: "suite-v9".into(), ..Catalog::embedded().suites()[0].clone() }
    }

    #[test]
    fn what_was_kept_is_found_and_what_is_built_in_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(find(folder.path(), "suite-v9"), None);
        keep(folder.path(), &newer()).unwrap();
        assert_eq!(find(folder.path(), "suite-v9"), Some(newer()));
        let built_in = Catalog::embedded().suites()[0].clone();
        keep(folder.path(), &SuiteRow { workload: newer().workload[..1].to_vec(), ..built_in.clone() })
            .unwrap();
        assert_eq!(find(folder.path(), &built_in.id), Some(built_in));
        assert_eq!(find(folder.path(), "../suite-v9"), None);
    }

    #[test]
    fn a_suite_without_measure_is_refused() {
        let changed = |change: &dyn Fn(&mut SuiteRow)| {
            let mut suite = newer();
            change(&mut suite);
            read(&serde_json::to_vec(&suite).unwrap())
        };
        assert!(changed(&|_| {}).is_ok());
        assert!(changed(&|suite| suite.workload.clear()).is_err());
        assert!(changed(&|suite| suite.workload[0].prompt_tokens = vec![u32::MAX]).is_err());
        assert!(changed(&|suite| suite.workload[0].streams = Vec::new()).is_err());
        assert!(changed(&|suite| suite.workload[0].turns = 0).is_err());
        assert!(changed(&|suite| suite.id = "../v9".into()).is_err());
        assert!(read(br#"{"id":"suite-v9","sources":[],"workload":[],"run":"rm"}"#).is_err());
    }
}
