//! Saved runs: one file each, written whole or not at all.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use data::envelope::{self, Envelope};
use data::fingerprint::Fingerprint;
use data::submission::{BackendInfo, ModelIdentity, Submission, WorkloadResult};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Flag of a run against a server on another machine.
pub const REMOTE: &str = "remote";

/// Flag of a quick run, whose answers are shorter than the suite's.
pub const QUICK: &str = "quick";

/// A run as it is saved: readable at the top, the signed bytes in its envelope.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedRun {
    /// Its name: ten letters and digits.
    pub run_id: String,
    /// Which suite.
    pub suite: String,
    /// The runtime.
    pub backend: BackendInfo,
    /// The model.
    pub model: ModelIdentity,
    /// The machine.
    pub fingerprint: Fingerprint,
    /// The results.
    pub workloads: Vec<WorkloadResult>,
    /// Every stamp of every request, byte for byte as its digest was taken.
    pub raw_timings: Box<RawValue>,
    /// The signed submission.
    pub envelope: Envelope,
    /// Key of an anonymous run, so that it can be withdrawn; it stays here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anonymous_key: Option<[u8; 32]>,
}

impl SavedRun {
    /// Signs a submission and sets it beside its raw timings.
    ///
    /// # Errors
    /// When it is too long for an envelope.
    pub fn new(
        run_id: &str,
        submission: &Submission,
        raw_timings: Box<RawValue>,
        seed: &[u8; 32],
    ) -> Result<SavedRun> {
        let payload = serde_json::to_vec(submission)?;
        if payload.len() > envelope::PAYLOAD_LIMIT_BYTES {
            bail!("the run is {} bytes long, {} can be sent", payload.len(), envelope::PAYLOAD_LIMIT_BYTES);
        }
        Ok(SavedRun {
            run_id: run_id.to_owned(),
            suite: submission.suite.clone(),
            backend: submission.backend.clone(),
            model: submission.model.clone(),
            fingerprint: submission.fingerprint.clone(),
            workloads: submission.workloads.clone(),
            raw_timings,
            envelope: envelope::seal(&payload, seed),
            anonymous_key: submission.tag.is_none().then_some(*seed),
        })
    }

    /// A copy to hand on: an anonymous run's key stays with the saved run alone. It verifies as well.
    #[must_use]
    pub fn without_key(&self) -> SavedRun {
        SavedRun { anonymous_key: None, ..self.clone() }
    }

    /// Why it is no run to publish, in a sentence; none for one that may be sent.
    pub fn stays_because(&self) -> Option<&'static str> {
        let is = |word: &str| self.workloads.iter().any(|found| found.flags.iter().any(|flag| flag == word));
        if is(REMOTE) {
            return Some(
                "what ran is not the machine that the fingerprint describes; run the probe on the machine of the server",
            );
        }
        is(QUICK).then_some("a quick run is a smoke test, not the suite's W1; run it without --quick")
    }

    /// Writes it whole, readable by its owner alone where it holds a key.
    ///
    /// # Errors
    /// Those of the file system; then an older file is as it was.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(self)?;
        #[cfg(unix)]
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        #[cfg(unix)]
        return write_whole_as(path, &bytes, self.anonymous_key.map(|_| private));
        #[cfg(not(unix))]
        write_whole_as(path, &bytes, None)
    }

    /// The submission, once signature, readable part and raw timings have been found to agree.
    ///
    /// # Errors
    /// In words, what does not agree.
    pub fn verify(&self) -> Result<Submission> {
        let payload = self.envelope.open()?;
        let signed: Submission =
            serde_json::from_slice(&payload).context("the signed bytes are no run of this version")?;
        // Compared as JSON: what is printed is what counts, and a number survives its own text.
        let same = |ours: &dyn erased::ToJson, theirs: &dyn erased::ToJson| ours.json() == theirs.json();
        let pairs: [(&str, bool); 5] = [
            ("suite", self.suite == signed.suite),
            ("backend", self.backend == signed.backend),
            ("model", self.model == signed.model),
            ("fingerprint", same(&self.fingerprint, &signed.fingerprint)),
            ("workloads", same(&self.workloads, &signed.workloads)),
        ];
        if let Some((part, _)) = pairs.iter().find(|(_, agrees)| !agrees) {
            bail!("{part} differs from what was signed");
        }
        if envelope::digest(self.raw_timings.get().as_bytes()) != signed.raw_timings_sha256 {
            bail!("raw_timings differ from what was signed");
        }
        Ok(signed)
    }
}

/// JSON of a value, without naming its type.
mod erased {
    pub trait ToJson {
        fn json(&self) -> Option<String>;
    }

    impl<T: serde::Serialize> ToJson for T {
        fn json(&self) -> Option<String> {
            serde_json::to_string(self).ok()
        }
    }
}

/// Where this program keeps what it writes: `LLM_SPEED_HOME`, else the platform's folder for data.
pub fn data_folder() -> Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(own) = variable("LLM_SPEED_HOME") {
        return Ok(own);
    }
    let base = if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        variable("XDG_DATA_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/share")))
    };
    base.map(|base| base.join("llm-speed")).context("no home folder is known; name one in LLM_SPEED_HOME")
}

/// Ending of a neighbour, before the number of the process that writes it.
pub const PART: &str = "part-";

/// How old a neighbour is that nobody writes any more.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// Removes the neighbours that were left in this folder by programs which were killed while they wrote.
pub fn sweep(folder: &Path) {
    let is_left = |path: &Path| {
        let is_part = path.extension().is_some_and(|ending| ending.to_string_lossy().starts_with(PART));
        let written = fs::metadata(path).and_then(|about| about.modified());
        is_part && written.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LEFT_BEHIND))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in entries.filter(|path| is_left(path)) {
        // It takes room and does nothing else: one that cannot be removed may stay.
        let _ = fs::remove_file(path);
    }
}

/// Writes a file whole or not at all: a neighbour is written, forced to disk and put in its place.
///
/// # Errors
/// Those of the file system; then the old file is as it was.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_whole_as(path, bytes, None)
}

/// The same, with permissions that the file has before it is in its place.
///
/// # Errors
/// As [`write_whole`].
pub fn write_whole_as(path: &Path, bytes: &[u8], permissions: Option<fs::Permissions>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let neighbour = path.with_extension(format!("{PART}{}", std::process::id()));
    let written = fs::File::create(&neighbour).and_then(|mut file| {
        if let Some(permissions) = permissions {
            file.set_permissions(permissions)?;
        }
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(error) = written.and_then(|()| fs::rename(&neighbour, path)) {
        // The half-written neighbour is of no use; that it cannot be removed either changes nothing.
        let _ = fs::remove_file(&neighbour);
        return Err(error);
    }
    // The rename itself is on disk only when the folder is; not every system lets a folder be opened.
    if let Ok(folder) = fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// The file of a run.
pub fn path_of(folder: &Path, run_id: &str) -> PathBuf {
    folder.join("runs").join(format!("{run_id}.json"))
}

/// Reads a run by its id, or by the name of a file; a file is read also where no folder of our own is known.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn find(reference: impl AsRef<OsStr>) -> Result<SavedRun> {
    find_in(data_folder(), reference.as_ref())
}

fn find_in(folder: Result<PathBuf>, reference: &OsStr) -> Result<SavedRun> {
    match folder {
        Ok(folder) => load(&folder, reference),
        Err(_) if Path::new(reference).is_file() => read(Path::new(reference)),
        Err(error) => Err(error.context(format!("no saved run {}", reference.display()))),
    }
}

/// Reads a run by its id in this folder, or by the name of a file.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn load(folder: &Path, reference: impl AsRef<OsStr>) -> Result<SavedRun> {
    let reference = reference.as_ref();
    // A file may have any name; an id is letters and digits.
    let is_id = |id: &&str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let own = reference.to_str().filter(is_id).map(|id| path_of(folder, id)).filter(|own| own.is_file());
    read(own.as_deref().unwrap_or(Path::new(reference)))
}

/// The runs that were saved last, the newest first; what cannot be read is passed over.
pub fn newest(folder: &Path, count: usize) -> Vec<SavedRun> {
    let entries = fs::read_dir(folder.join("runs")).into_iter().flatten().flatten();
    let is_run = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
    let saved_at = |path: &PathBuf| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_run).collect();
    paths.sort_by_cached_key(|path| std::cmp::Reverse(saved_at(path)));
    paths.iter().filter_map(|path| read(path).ok()).take(count).collect()
}

fn read(path: &Path) -> Result<SavedRun> {
    let text = fs::read_to_string(path).with_context(|| format!("no saved run {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no saved run", path.display()))
}

#[cfg(test)]
#[path = "../tests/support/submission.rs"]
mod sample;

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> SavedRun {
        let raw = RawValue::from_string("[{\"at_ms\": 1.50}]".to_owned()).unwrap();
        let submission = sample::unmeasured(raw.get());
        SavedRun::new("abcdefghij", &submission, raw, &[5; 32]).unwrap()
    }

    #[test]
    fn a_saved_run_survives_the_disk_and_verifies() {
        let folder = tempfile::tempdir().unwrap();
        let run = saved();
        write_whole(&path_of(folder.path(), "abcdefghij"), &serde_json::to_vec_pretty(&run).unwrap())
            .unwrap();
        let loaded = load(folder.path(), "abcdefghij").unwrap();
        assert_eq!(loaded.verify().unwrap().suite, "suite-v1");
        assert_eq!(loaded.anonymous_key, Some([5; 32]));
        assert!(load(folder.path(), "zzzzzzzzzz").is_err());
        let copy = serde_json::to_string(&loaded.without_key()).unwrap();
        assert!(!copy.contains("anonymous_key"), "{copy}");
        assert!(serde_json::from_str::<SavedRun>(&copy).unwrap().verify().is_ok());
        // Other systems have no names that are no text.
        #[cfg(target_os = "linux")]
        {
            use std::os::unix::ffi::OsStrExt;
            use std::os::unix::fs::PermissionsExt;
            // Whoever has an anonymous run's key can withdraw it.
            let path = folder.path().join(OsStr::from_bytes(b"not-\xff-text.json"));
            run.write(&path).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert!(find(&path).unwrap().verify().is_ok(), "whatever its name");
        }
    }

    #[test]
    fn the_newest_runs_come_first() {
        let folder = tempfile::tempdir().unwrap();
        assert!(newest(folder.path(), 8).is_empty(), "none yet");
        let saved_at = |id: &str, seconds| {
            let path = path_of(folder.path(), id);
            let run = SavedRun { run_id: id.to_owned(), ..saved() };
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            run.write(&path).unwrap();
            let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
            fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        };
        for (id, seconds) in [("b", 2000), ("a", 1000), ("c", 3000)] {
            saved_at(id, seconds);
        }
        fs::write(path_of(folder.path(), "damaged"), "{").unwrap();
        let ids = |count| newest(folder.path(), count).into_iter().map(|run| run.run_id).collect::<Vec<_>>();
        assert_eq!((ids(8), ids(1)), (vec!["c".to_owned(), "b".into(), "a".into()], vec!["c".to_owned()]));
    }

    #[test]
    fn a_file_is_found_where_no_home_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.json");
        fs::write(&file, serde_json::to_vec(&saved()).unwrap()).unwrap();
        let homeless = || Err(anyhow::anyhow!("no home folder is known"));
        let found = find_in(homeless(), file.as_os_str()).unwrap();
        assert_eq!(found.verify().unwrap().suite, "suite-v1");
        let error = format!("{:#}", find_in(homeless(), "abcdefghij".as_ref()).unwrap_err());
        assert_eq!(error, "no saved run abcdefghij: no home folder is known");
    }

    #[test]
    fn a_run_on_another_machine_and_a_quick_one_stay_here() {
        let mut run = saved();
        assert_eq!(run.stays_because(), None);
        run.workloads[0].flags.push(REMOTE.to_owned());
        assert!(run.stays_because().is_some_and(|why| why.contains("not the machine")));
        run.workloads[0].flags = vec![QUICK.to_owned()];
        assert!(run.stays_because().is_some_and(|why| why.contains("smoke test")));
    }

    #[test]
    fn any_change_is_told() {
        let text = serde_json::to_string(&saved()).unwrap();
        for (from, to, expected) in [
            ("Q4_K_M\"", "Q8_0\"", "model differs"),
            ("\"too long\"", "\"other\"", "workloads differs"),
            ("1.50", "1.51", "raw_timings differ"),
            ("\"sig\":\"", "\"sig\":\"AAAA", "not written as it should be"),
        ] {
            let changed: SavedRun = serde_json::from_str(&text.replacen(from, to, 1)).unwrap();
            let error = changed.verify().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn what_a_killed_program_left_is_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, hours: u64| {
            let path = folder.path().join(name);
            fs::write(&path, "{").unwrap();
            let at = std::time::SystemTime::now() - Duration::from_secs(hours * 3600);
            fs::File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
            path
        };
        let [old, being_written, run] = [file("a.part-12", 2), file("b.part-13", 0), file("c.json", 2)];
        sweep(folder.path());
        assert_eq!([old, being_written, run].map(|path| path.exists()), [false, true, true]);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        write_whole(&path, b"old").unwrap();
        // A folder in the neighbour's place: the write fails before anything is replaced.
        let neighbour = path.with_extension(format!("part-{}", std::process::id()));
        fs::create_dir(&neighbour).unwrap();
        assert!(write_whole(&path, b"new").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
}
