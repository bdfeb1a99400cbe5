//! A run in the making: what is known so far, signed and saved after each point.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use data::envelope::digest;
use data::fingerprint::HostState;
use data::submission::{BackendInfo, Submission, WorkloadResult};
use data::timings::{Timings, quantile};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::identify;
use crate::cmd::detect::{BANDWIDTH_BUDGET, round};
use crate::detect::host::Machine;
use crate::detect::{self, bandwidth};
use crate::driver::{CrossCheck, ModelRef, Running, Runtime};
use crate::identity::{self, Secret, Signer};
use crate::measure::{Series, decode_of};
use crate::plan::Point;
use crate::runs::{self, SavedRun};
use crate::{calendar, ceiling, names};

/// One request's stamps, as they are kept.
#[derive(Serialize)]
struct Raw<'a> {
    workload: &'a str,
    prompt_tokens: u32,
    streams: u32,
    round: usize,
    timings: &'a Timings,
    extras: &'a Value,
}

/// Everything about a run.
pub(super) struct Record {
    pub id: String,
    pub submission: Submission,
    /// Where runs and digests are kept.
    pub folder: PathBuf,
    signer: Signer,
    /// JSON texts of [`Raw`].
    raw: Vec<String>,
    /// Words about the machine's state that every result carries.
    state: Vec<String>,
    /// Whether the runtime computes on this machine, whose state then is that of the measurement.
    pub is_here: bool,
    /// Flags of every result from the beginning: what kind of run it is.
    pub marks: Vec<&'static str>,
    /// What the runtime's own benchmark says, to be laid beside W1.
    pub cross_check: Option<CrossCheck>,
    /// How often heat has slowed the processor since the machine started, as its kernel counts.
    throttled: Option<f64>,
}

impl Record {
    /// Looks at the machine and the model, and sets up an empty run.
    pub fn begin(
        suite: &str,
        backend: &str,
        runtime: &dyn Runtime,
        model: &ModelRef,
        anonymous: bool,
    ) -> Result<Record> {
        let folder = runs::data_folder()?;
        for place in [folder.clone(), folder.join("runs")] {
            runs::sweep(&place);
        }
        let before = detect::this_machine_now();
        let mut fingerprint = detect::this_machine();
        let measured = bandwidth::measure(BANDWIDTH_BUDGET, detect::spare_memory_gib(&fingerprint));
        fingerprint.ram.read_gb_s = Some(round(measured.read_gb_s));
        fingerprint.ram.triad_gb_s = Some(round(measured.triad_gb_s));
        let measured_on = calendar::today();
        let signer = if anonymous {
            identity::anonymous()?
        } else {
            let secret = Secret::of_installation(&folder).context(
                "runs are signed with this installation's secret, which cannot be made or read; \
                 LLM_SPEED_HOME names another folder for it",
            )?;
            secret.signer(&fingerprint.hardware_descriptor(), &measured_on[..7])
        };
        let is_here = runtime.is_here();
        let mut state: Vec<String> = Vec::new();
        if is_here {
            state.extend(before.flags().into_iter().map(str::to_owned));
            if is_busy(&before, fingerprint.cpu.threads) {
                state.push("machine_busy".to_owned());
            }
            if runtime.is_busy() {
                state.push("server_busy".to_owned());
            }
            for flag in &state {
                eprintln!("note: the machine is slower than it could be: {}", flag.replace('_', " "));
            }
        }
        let model = identify::identify(model);
        let submission = Submission {
            suite: suite.to_owned(),
            probe: env!("CARGO_PKG_VERSION").to_owned(),
            measured_on,
            backend: BackendInfo {
                name: backend.to_owned(),
                version: names::public(&runtime.version()),
                ..BackendInfo::default()
            },
            model,
            fingerprint,
            tag: signer.tag.clone(),
            after: before.clone(),
            before,
            during: None,
            calibration: ceiling::measure()?,
            workloads: Vec::new(),
            raw_timings_sha256: String::new(),
        };
        let throttled = detect::linux::throttle_count(&Machine);
        Ok(Record {
            id: run_id()?,
            submission,
            folder,
            signer,
            raw: Vec::new(),
            state,
            is_here,
            marks: if is_here { Vec::new() } else { vec![runs::REMOTE] },
            cross_check: None,
            throttled,
        })
    }

    /// A point that was left out. The reason is signed and published: our own words alone.
    pub fn skip(&mut self, point: &Point, reason: &str) {
        self.submission.workloads.push(WorkloadResult::skipped(
            &point.workload,
            point.prompt_tokens,
            point.streams,
            reason.to_owned(),
        ));
    }

    /// A point's result. What concerns the whole run stands in it at once: a run that is killed is saved as it is then.
    pub fn add(&mut self, mut found: WorkloadResult) {
        if found.skipped.is_none() {
            found.flags.extend(self.marks.iter().map(|mark| (*mark).to_owned()));
        }
        self.submission.workloads.push(found);
    }

    /// How the runtime says that it runs.
    pub fn note_running(&mut self, version: &str, running: Running) {
        let Running { build, threads, gpu_layers, layers } = running;
        let backend = &mut self.submission.backend;
        backend.version = names::public(version);
        backend.build = build.map(|build| names::printable(&build));
        (backend.threads, backend.gpu_layers, backend.layers) = (threads, gpu_layers, layers);
    }

    /// Keeps a point's stamps.
    pub fn note(&mut self, point: &Point, series: &Series) {
        for (round, replies) in series.rounds.iter().enumerate() {
            for reply in replies {
                let extras = self.beside_the_runtimes_own(point, series, &reply.extras);
                let raw = Raw {
                    workload: &point.workload,
                    prompt_tokens: point.prompt_tokens,
                    streams: point.streams,
                    round,
                    timings: &reply.timings,
                    extras: &extras,
                };
                self.raw.extend(serde_json::to_string(&raw));
            }
        }
    }

    /// A reply's extras, of W1 with the rate of the runtime's own benchmark and ours over it.
    fn beside_the_runtimes_own(&self, point: &Point, series: &Series, extras: &Value) -> Value {
        let mut extras = extras.clone();
        if let Some(found) = self.cross_check.filter(|_| is_compared(point))
            && let Some(ratio) = ratio(series, found)
        {
            extras["cross_check"] =
                json!({"program": found.program, "decode_tps": found.decode_tps, "ratio": ratio});
        }
        extras
    }

    /// The line that says how a point compares with the runtime's own benchmark, where there is one.
    pub fn cross_check_line(&self, point: &Point, series: &Series) -> Option<String> {
        let found = self.cross_check.filter(|_| is_compared(point))?;
        let CrossCheck { program, decode_tps } = found;
        let ratio = ratio(series, found)?;
        Some(format!("{program} on the same file: {decode_tps:.1} tok/s; measured here: {ratio:.2} of it"))
    }

    /// Whether anything was measured.
    pub fn has_results(&self) -> bool {
        self.submission.workloads.iter().any(|found| found.skipped.is_none())
    }

    /// The last point is done: how the machine was doing meanwhile and afterwards becomes flags of every result.
    pub fn end(&mut self, during: Option<HostState>) {
        self.submission.after = detect::this_machine_now();
        if self.is_here {
            self.note_state(during.as_ref());
        }
        self.submission.during = during;
        for found in self.submission.workloads.iter_mut().filter(|found| found.skipped.is_none()) {
            found.flags.extend(self.state.iter().cloned());
        }
    }

    /// How this machine was doing while it measured.
    fn note_state(&mut self, during: Option<&HostState>) {
        for state in during.into_iter().chain([&self.submission.after]) {
            for flag in state.flags() {
                if !self.state.iter().any(|known| known == flag) {
                    self.state.push(flag.to_owned());
                }
            }
        }
        if during.into_iter().chain([&self.submission.after]).any(is_shared) {
            self.state.push("gpu_shared".to_owned());
        }
        let cpu_limit = "cpu_thermal_limit".to_owned();
        if detect::linux::throttle_count(&Machine) > self.throttled && !self.state.contains(&cpu_limit) {
            self.state.push(cpu_limit);
        }
    }

    /// Saves what is there; a disk that is full now may have room later, so the run goes on.
    pub fn try_to_save(&mut self) {
        if let Err(error) = self.save(&runs::path_of(&self.folder, &self.id)) {
            eprintln!("note: {error:#}; it is tried again after the next workload");
        }
    }

    /// Saves the whole run: in the folder for data, else in the one for temporary files, else onto `out`.
    pub fn save_somewhere(&mut self, out: &mut dyn Write) -> Result<(PathBuf, SavedRun)> {
        let path = runs::path_of(&self.folder, &self.id);
        let failed = match self.save(&path) {
            Ok(saved) => return Ok((path, saved)),
            Err(error) => error,
        };
        let elsewhere = std::env::temp_dir().join(format!("llm-speed-{}.json", self.id));
        if let Ok(saved) = self.save(&elsewhere) {
            eprintln!("note: {failed:#}; it is in {}", elsewhere.display());
            return Ok((elsewhere, saved));
        }
        serde_json::to_writer_pretty(&mut *out, &self.seal()?)?;
        writeln!(out)?;
        Err(failed.context("the run above is kept nowhere else"))
    }

    fn seal(&mut self) -> Result<SavedRun> {
        let raw = RawValue::from_string(format!("[{}]", self.raw.join(",")))?;
        self.submission.raw_timings_sha256 = digest(raw.get().as_bytes());
        SavedRun::new(&self.id, &self.submission, raw, &self.signer.seed)
    }

    /// Signs what is there and writes it whole: a kill at any later point loses nothing that was finished.
    fn save(&mut self, path: &Path) -> Result<SavedRun> {
        let saved = self.seal()?;
        saved.write(path).with_context(|| format!("the run cannot be saved at {}", path.display()))?;
        Ok(saved)
    }
}

/// Whether a point is what the runtime's own benchmark is run for: a short prompt and one stream.
fn is_compared(point: &Point) -> bool {
    point.workload == "W1" && point.streams == 1
}

/// The middle of our decode rates over the benchmark's.
fn ratio(series: &Series, found: CrossCheck) -> Option<f64> {
    let rates: Vec<f64> = series.rounds.iter().filter_map(|round| decode_of(round)).collect();
    quantile(&rates, 0.5).map(|rate| rate / found.decode_tps)
}

/// Whether another program computes on a GPU beside the runtime's.
fn is_shared(state: &HostState) -> bool {
    state.gpus.iter().any(|gpu| gpu.programs > Some(1))
}

/// Whether other programs want more of the processors than a share that measuring can bear.
fn is_busy(before: &HostState, threads: u32) -> bool {
    const BEARABLE_SHARE: f64 = 0.25;
    before.load_average.is_some_and(|load| load > (BEARABLE_SHARE * f64::from(threads)).max(0.5))
}

/// Ten letters and digits that nobody can guess.
fn run_id() -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes: [u8; 10] = identity::random()?;
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use data::fingerprint::GpuState;

    #[test]
    fn a_second_program_on_a_gpu_is_one_too_many() {
        let with = |programs| {
            let gpu = GpuState { programs, ..GpuState::default() };
            HostState { gpus: vec![GpuState::default(), gpu], ..HostState::default() }
        };
        assert!(is_shared(&with(Some(2))));
        assert!(!is_shared(&with(Some(1))) && !is_shared(&with(None)));
    }

    #[test]
    fn load_counts_against_the_threads_there_are() {
        let loaded = |load| HostState { load_average: Some(load), ..HostState::default() };
        assert!(is_busy(&loaded(0.6), 2) && !is_busy(&loaded(0.4), 2));
        assert!(!is_busy(&loaded(3.0), 16) && is_busy(&loaded(5.0), 16));
        assert!(!is_busy(&HostState::default(), 4));
    }
}
