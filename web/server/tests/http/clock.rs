//! The system's clock is set while the server runs, ahead and back and across days: what was worked for expires by it, what
//! was spent stays spent, nothing that was acknowledged is lost, and once the clock is right all is as before.
//!
//! The program itself runs, its clock by libfaketime (Debian's `faketime`); timers go on as they do on a real machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::faketime::library;
use crate::postgres;
use crate::program::{Place, Program, all_is_there, ask, exchange, prepared, problem, receipt, run};

/// A clock that can be set.
struct Clock {
    file: PathBuf,
}

impl Clock {
    fn new(folder: &Path) -> Clock {
        let clock = Clock { file: folder.join("clock") };
        clock.set("+0");
        clock
    }

    /// So far from the right time: `+1h`, `-2d`.
    fn set(&self, offset: &str) {
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("{offset}\n")).unwrap();
        std::fs::rename(next, &self.file).unwrap();
    }

    /// The program by this clock.
    fn program(&self, library: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_llm-speed-server"));
        command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &self.file);
        command.envs([("FAKETIME_NO_CACHE", "1"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")]);
        command
    }
}

async fn a_clock_that_jumps(place: Place<'_>, library: &Path) {
    let clock = Clock::new(place.dir);
    let limits = ["--submissions-per-hour", "40", "--work", "1"];
    let program = Program::start_by(clock.program(library), place, &limits);
    let address = program.address.as_str();
    let send = async |body: &str| exchange(address, "POST /api/v1/runs", body).await.expect("an answer");
    let fresh = async |number: u32| prepared(address, 1, &run(1, number)).await.expect("a challenge");
    let refused = |(status, _, answer): (u16, String, Vec<u8>), wanted: u16, words: &str| {
        let detail = problem(&answer)["detail"].to_string();
        assert!(status == wanted && detail.contains(words), "{status} {detail}, and not {wanted} {words}");
    };
    let mut taken = Vec::new();

    let spent = fresh(1).await;
    let (status, _, answer) = send(&spent).await;
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
    taken.push(receipt(&answer));
    // Solved now, sent when the clock says something else.
    let waiting = fresh(2).await;

    // Ahead: an hour, some days (keys of addresses change twice), a year.
    for (number, offset) in [(10, "+1h"), (11, "+3d"), (12, "+365d")] {
        clock.set(offset);
        refused(send(&waiting).await, 403, "expired");
        let (status, _, answer) = send(&fresh(number).await).await;
        assert_eq!(status, 201, "{offset}: {}", String::from_utf8_lossy(&answer));
        taken.push(receipt(&answer));
        assert_eq!(ask(address, "GET /readyz", "").await.unwrap().0, 200, "{offset}");
    }
    // Back: to before the run was measured, and to a clock that nobody ever set.
    for offset in ["-2d", "-56y"] {
        clock.set(offset);
        refused(send(&waiting).await, 403, "expired");
        refused(send(&fresh(20).await).await, 422, "has not come");
        assert_eq!(ask(address, "GET /", "").await.unwrap().0, 200, "{offset}");
    }
    // Right again: what was worked for is good, what was spent is not, and no limit waits for a day that was none.
    clock.set("+0");
    let (status, _, answer) = send(&waiting).await;
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
    taken.push(receipt(&answer));
    assert_eq!(send(&spent).await.0, 409, "the same bytes");
    assert_eq!(send(&waiting).await.0, 409, "the same bytes");
    let (status, _, answer) = send(&fresh(3).await).await;
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
    taken.push(receipt(&answer));
    let places: Vec<Option<u64>> = taken.iter().map(|receipt| receipt.log_index).collect();
    assert_eq!(places, (0..6).map(Some).collect::<Vec<_>>(), "in the order in which they came");
    assert_eq!(all_is_there(address, place, &taken).await, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_loses_nothing() {
    let Some(library) = library("a clock that jumps") else { return };
    let dir = tempfile::tempdir().unwrap();
    a_clock_that_jumps(Place { dir: dir.path(), url: None }, &library).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_loses_nothing_on_postgres() {
    let Some(library) = library("a clock that jumps, on PostgreSQL") else { return };
    let Some(url) = postgres::database("a clock that jumps") else { return };
    let dir = tempfile::tempdir().unwrap();
    a_clock_that_jumps(Place { dir: dir.path(), url: Some(&url) }, &library).await;
}
