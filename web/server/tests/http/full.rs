//! A disk that fills up in the middle of submissions: nothing that was acknowledged is lost, whoever sends is told to come
//! again, and with room there the server goes on by itself.
//!
//! Of a file the size is bounded (`ulimit -f`); PostgreSQL has a small disk of its own, once for all that it writes and once
//! for its tables alone.

use std::process::Command;
use std::time::{Duration, Instant};

use data::submission::Receipt;

use crate::postgres::{self, Disk};
use crate::program::{
    Place, Program, UNLIMITED, all_is_there, ask, exchange, prepared, problem, receipt, run,
};

const CHALLENGE: &str =
    "GET /api/v1/challenge?digest=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A submission with the head of its answer, or the answer to the question before it: the limiter writes too.
async fn sent(address: &str, number: u32) -> (u16, String, Vec<u8>) {
    match prepared(address, 1, &run(1, number)).await {
        Some(body) => exchange(address, "POST /api/v1/runs", &body).await,
        None => exchange(address, CHALLENGE, "").await,
    }
    .expect("the server answers")
}

/// It says that it cannot take anything now, and when to come again.
fn is_told((status, head, answer): &(u16, String, Vec<u8>)) {
    assert_eq!(*status, 503, "{}", String::from_utf8_lossy(answer));
    assert!(head.to_ascii_lowercase().contains("retry-after: "), "{head}");
    assert_eq!(problem(answer)["type"], "/problems/not-ready");
}

/// Submits until nothing more fits; what was acknowledged.
async fn filled(address: &str) -> Vec<Receipt> {
    let mut taken = Vec::new();
    let refused = loop {
        assert!(taken.len() < 5000, "the disk never filled");
        let answer = sent(address, taken.len() as u32).await;
        if answer.0 != 201 {
            break answer;
        }
        taken.push(receipt(&answer.2));
    };
    assert!(taken.len() >= 5, "{} fitted", taken.len());
    is_told(&refused);
    taken
}

/// More of them: one may still fit where another did not; what was taken is acknowledged, whoever was not is told.
async fn pressed(address: &str, taken: &mut Vec<Receipt>) {
    for number in 0..5 {
        let answer = sent(address, 10_000 + number).await;
        if answer.0 == 201 {
            taken.push(receipt(&answer.2));
        } else {
            is_told(&answer);
        }
    }
}

/// What is there is shown as before.
async fn shows(address: &str, paths: &[&str]) {
    for path in paths {
        assert_eq!(ask(address, &format!("GET {path}"), "").await.unwrap().0, 200, "{path}");
    }
}

/// There is room again: the server finds out by itself.
async fn goes_on(address: &str, taken: &mut Vec<Receipt>) {
    let begun = Instant::now();
    loop {
        let answer = sent(address, 50_000).await;
        if answer.0 == 201 {
            return taken.push(receipt(&answer.2));
        }
        is_told(&answer);
        assert!(begun.elapsed() < Duration::from_secs(20), "there is room, and it does not see it");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// SIGXFSZ is ignored, so that a write beyond the bound fails as it does on a full disk.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let place = Place { dir: dir.path(), url: None };
    let mut command = Command::new("bash");
    // In KiB: a fresh database and its log, and a few dozen runs.
    command.args(["-c", "trap '' XFSZ; ulimit -S -f 2000; exec \"$0\" \"$@\""]);
    command.arg(env!("CARGO_BIN_EXE_llm-speed-server"));
    let program = Program::start_by(command, place, &UNLIMITED);
    let address = &program.address;
    let mut taken = filled(address).await;
    shows(address, &["/healthz", "/", &format!("/r/{}", taken[0].id.as_deref().unwrap())]).await;
    let room =
        Command::new("prlimit").args(["--pid", &program.id().to_string(), "--fsize=unlimited"]).status();
    assert!(room.is_ok_and(|status| status.success()), "prlimit comes with util-linux");
    goes_on(address, &mut taken).await;
    let stored = all_is_there(address, place, &taken).await;
    assert_eq!(stored, taken.len() as u64, "nothing that was refused was kept");
    drop(program);
    let again = Program::start(place, &UNLIMITED);
    assert_eq!(all_is_there(&again.address, place, &taken).await, stored);
}

/// Tables and indices have no room to grow, its write-ahead log has: PostgreSQL refuses the statement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_tablespace_of_postgresql_loses_nothing() {
    let test = "a full tablespace";
    let Some(server) = postgres::Server::start() else { return postgres::skipped(test) };
    let Some(disk) = Disk::mount(test, 32) else { return };
    let url = server.database_on(&disk);
    let dir = tempfile::tempdir().unwrap();
    let place = Place { dir: dir.path(), url: Some(&url) };
    let program = Program::start(place, &UNLIMITED);
    // First pages of every table and index, and some hundred runs.
    disk.take_but(600);
    let address = &program.address;
    let mut taken = filled(address).await;
    pressed(address, &mut taken).await;
    shows(address, &["/healthz", "/", &format!("/r/{}", taken[0].id.as_deref().unwrap())]).await;
    disk.grow(64);
    goes_on(address, &mut taken).await;
    assert_eq!(
        all_is_there(address, place, &taken).await,
        taken.len() as u64,
        "nothing that was refused was kept"
    );
    // Its last connections go before the disk that they are on.
    drop((program, server));
}

/// Nothing of PostgreSQL has any room, its write-ahead log neither: it stops, and has to be started by whoever made room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_postgresql_loses_nothing() {
    let test = "a full disk of PostgreSQL";
    // A fresh cluster with one database more takes some fifty.
    let Some(disk) = Disk::mount(test, 64) else { return };
    let Some(mut server) = postgres::Server::start_on(&disk) else { return postgres::skipped(test) };
    let url = server.database();
    let dir = tempfile::tempdir().unwrap();
    let place = Place { dir: dir.path(), url: Some(&url) };
    let program = Program::start(place, &UNLIMITED);
    let address = &program.address;
    let mut taken = filled(address).await;
    pressed(address, &mut taken).await;
    shows(address, &["/healthz", "/"]).await;
    disk.grow(256);
    server.stop();
    server.again();
    goes_on(address, &mut taken).await;
    let stored = all_is_there(address, place, &taken).await;
    // What was written and not acknowledged, because PostgreSQL stopped in between, may be there: one group at the most.
    let refused = stored - taken.len() as u64;
    assert!(refused <= 1, "{stored} stored, {} acknowledged", taken.len());
    drop((program, server));
}
