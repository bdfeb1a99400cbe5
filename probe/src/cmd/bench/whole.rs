//! The model's file, read whole to identify it, within the time of its run: a little before the first workload, the rest of a
//! large one after the last, and never while something is measured.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use data::submission::{Identity, ModelIdentity};

use super::identify::unread;
use super::time::minutes;
use crate::driver::ModelRef;
use crate::gguf_file;
use crate::model_file::Reading;

/// Share of a run's time in which a file's beginning is read, and its rate is found.
const FIRST_SHARE: f64 = 0.01;
/// The same for a run without a limit.
const FIRST: Duration = Duration::from_secs(1);
/// Largest share of a run's time that is kept for the rest.
const KEPT_SHARE: f64 = 1.0 / 3.0;
/// A disk is not equally fast everywhere: so much more is kept than the beginning took.
const ROOM: f64 = 1.25;

/// A file that is read in its run's time.
pub(super) struct Whole {
    /// None where there is no file, or none that can be read.
    reading: Option<Reading>,
    budget: Option<Duration>,
    /// When the run's time is over.
    end: Option<Instant>,
}

impl Whole {
    /// Reads the beginning. The run's time has begun then; `folder` keeps digests, so that a file is read once.
    pub fn begin(model: &ModelRef, folder: &Path, begun: Instant, budget: Option<Duration>) -> Whole {
        let first = budget.map_or(FIRST, |budget| budget.mul_f64(FIRST_SHARE));
        let begin = |file: &PathBuf| -> io::Result<Reading> {
            let mut reading = Reading::begin(&gguf_file::parts(file), folder)?;
            reading.go_on(Some(begun + first))?;
            // A rest that is as short is not put off.
            if reading.left_s().is_some_and(|left_s| left_s <= first.as_secs_f64()) {
                reading.go_on(Some(begun + 3 * first))?;
            }
            Ok(reading)
        };
        let reading =
            model.file.as_ref().map(begin).and_then(|read| read.map_err(|error| unread(&error)).ok());
        Whole { reading, budget, end: budget.map(|budget| begun + budget) }
    }

    /// The run's time less what is kept for the rest: when the workloads have to be done.
    pub fn end_of_workloads(&self) -> Option<Instant> {
        self.end.map(|end| end.checked_sub(self.kept()).unwrap_or(end))
    }

    /// Time that is kept for the rest; none where it would take too much of the run's.
    fn kept(&self) -> Duration {
        let Some(budget) = self.budget else { return Duration::ZERO };
        let wanted = self.left().map_or(Duration::ZERO, |left| left.mul_f64(ROOM));
        if wanted <= budget.mul_f64(KEPT_SHARE) { wanted } else { Duration::ZERO }
    }

    /// What the rest takes at the rate so far; none where there is no rest.
    fn left(&self) -> Option<Duration> {
        let reading = self.reading.as_ref().filter(|reading| reading.left_bytes() > 0)?;
        Some(Duration::from_secs_f64(reading.left_s()?.clamp(0.0, 1e6)))
    }

    /// What the plan says of the rest.
    pub fn line(&self) -> Option<String> {
        let (left, reading) = (self.left()?, self.reading.as_ref()?);
        let (took, gigabytes) = (minutes(left.as_secs_f64()), reading.left_bytes() as f64 / 1e9);
        Some(match self.budget {
            Some(_) if self.kept().is_zero() => format!(
                "reading all of the model's file would take {took} for {gigabytes:.1} GB: done at the end if that much time \
                 is left, else the run has the digest of its first MiB alone; --full reads it"
            ),
            Some(_) => format!(
                "then, reading the other {gigabytes:.1} GB of the model's file to identify it takes about {took}, for which \
                 time is kept; the next run remembers it"
            ),
            None => format!(
                "then, reading the other {gigabytes:.1} GB of the model's file to identify it takes about {took}; the next \
                 run remembers it"
            ),
        })
    }

    /// Whether there is something left to read, and time for it.
    pub fn has_time(&self) -> bool {
        let left = self.end.map(|end| end.saturating_duration_since(Instant::now()));
        self.left().is_some_and(|needed| left.is_none_or(|left| needed <= left))
    }

    /// Reads the rest, as far as the run's time goes.
    pub fn go_on(&mut self) {
        let Some(reading) = &mut self.reading else { return };
        eprintln!("reading {:.1} GB of the model's file to identify it", reading.left_bytes() as f64 / 1e9);
        if let Err(error) = reading.go_on(self.end) {
            unread(&error);
            self.reading = None;
        }
    }

    /// Puts what is known into the run: the digest of all once all is read, until then that of the first MiB.
    pub fn tell(&self, model: &mut ModelIdentity) {
        let Some(reading) = &self.reading else { return };
        model.prefix_digest = Some(reading.prefix().to_owned());
        model.size_bytes = Some(reading.size_bytes());
        if let Some(found) = reading.digests() {
            (model.digest, model.identity) = (Some(found.whole), Identity::File);
        }
    }

    /// What is said at the end where the file was not read whole.
    pub fn remark(&self) -> Option<&'static str> {
        let unread = self.reading.as_ref().is_some_and(|reading| reading.digests().is_none());
        unread.then_some(
            "the model's file was not read whole, so the run is unverified: it has the digest of the first MiB alone; \
             a run with --full reads the file, and later ones remember its digest",
        )
    }
}
