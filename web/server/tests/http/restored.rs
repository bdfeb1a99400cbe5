//! The drill of OPERATIONS.md on a program that serves and is written to: what `backup` prints is what `restore` prints, the
//! log of the one continues that of the other, and what was restored serves and takes what comes next.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use data::checkpoint::Checkpoint;
use data::digest::unhex32;
use data::submission::Receipt;
use serde_json::Value;

use crate::postgres;
use crate::program::{Place, Program, UNLIMITED, all_is_there, ask, receipt, submit};

/// Runs a command of the program; what it prints.
fn command(place: Place<'_>, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llm-speed-server"));
    command.args(arguments).arg("--data-dir").arg(place.dir).env("LLM_SPEED_LOG", "off");
    if let Some(url) = place.url {
        command.args(["--database-url", url]);
    }
    let output = command.output().unwrap();
    let says = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {says}");
    String::from_utf8(output.stdout).unwrap()
}

async fn text(address: &str, path: &str) -> String {
    let (status, body) = ask(address, &format!("GET {path}"), "").await.unwrap();
    assert_eq!(status, 200, "{path}");
    String::from_utf8(body).unwrap()
}

async fn drill(from: Place<'_>, to: Place<'_>, folder: &Path) {
    let serving = Program::start(from, &UNLIMITED);
    // Two clients that do not stop while the backup is made.
    let number = Arc::new(AtomicU32::new(0));
    let clients: Vec<_> = (0..2)
        .map(|client| {
            let (address, number) = (serving.address.clone(), number.clone());
            tokio::spawn(async move {
                let mut acknowledged: Vec<Receipt> = Vec::new();
                while let Some((status, answer)) =
                    submit(&address, client, number.fetch_add(1, Ordering::Relaxed)).await
                {
                    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
                    acknowledged.push(receipt(&answer));
                    if number.load(Ordering::Relaxed) >= u32::MAX / 2 {
                        break;
                    }
                }
                acknowledged
            })
        })
        .collect();
    let size = async || {
        let key = unhex32(text(&serving.address, "/log/key").await.trim()).unwrap();
        let note = text(&serving.address, "/log/checkpoint").await;
        (Checkpoint::verify(&note, &key).unwrap().size, key)
    };
    let grown = async |least: u64| {
        let end = Instant::now() + Duration::from_secs(60);
        while size().await.0 < least {
            assert!(Instant::now() < end, "the log does not grow");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    grown(5).await;
    let before = size().await.0;
    let file = folder.join("drill.backup");
    let printed = command(from, &["backup", file.to_str().unwrap()]);
    let (after, key) = size().await;
    // It goes on behind the backup, and then the clients end.
    grown(after + 2).await;
    number.store(u32::MAX / 2, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for client in clients {
        acknowledged.extend(client.await.unwrap());
    }

    let restored = command(to, &["restore", file.to_str().unwrap()]);
    assert_eq!(restored, printed, "the checkpoint of the file is that of what is restored of it");
    let kept = Checkpoint::verify(&printed, &key).unwrap();
    assert!((before..=after).contains(&kept.size), "{before} ≤ {} ≤ {after}", kept.size);
    assert_eq!(command(to, &["checkpoint"]), printed);

    // It serves: the same checkpoint, every result that the log holds, and it takes the next.
    let program = Program::start(to, &UNLIMITED);
    assert_eq!(text(&program.address, "/log/checkpoint").await, printed);
    assert_eq!(text(&program.address, "/log/key").await, text(&serving.address, "/log/key").await);
    let held: Vec<&Receipt> = acknowledged.iter().filter(|one| one.log_index.unwrap() < kept.size).collect();
    assert!(held.len() as u64 == kept.size, "{} of {} were acknowledged", held.len(), kept.size);
    assert_eq!(all_is_there(&program.address, to, held.iter().copied()).await, kept.size);
    let page = text(&program.address, &format!("/r/{}", held[0].id.as_deref().unwrap())).await;
    assert!(page.contains("RTX 3090"), "{page}");
    let (status, answer) = submit(&program.address, 9, 1).await.unwrap();
    assert_eq!((status, receipt(&answer).log_index), (201, Some(kept.size)));
    // The one that was never gone continues what the backup held.
    let path = format!("/api/v1/log/consistency?from={}", kept.size);
    let proof: Value = serde_json::from_str(&text(&serving.address, &path).await).unwrap();
    let (hashes, to_size) = (proof["hashes"].as_array().unwrap(), proof["to"].as_u64().unwrap());
    let hashes: Vec<_> = hashes.iter().map(|hash| unhex32(hash.as_str().unwrap()).unwrap()).collect();
    let now = Checkpoint::verify(&text(&serving.address, "/log/checkpoint").await, &key).unwrap();
    assert!(now.size == to_size && now.size > kept.size);
    assert!(data::merkle::continues(kept.size, now.size, &kept.root, &now.root, &hashes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_restored_of_a_serving_program_serves() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let place = |dir| Place { dir, url: None };
    drill(place(from.path()), place(&to.path().join("drill")), folder.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_restored_of_a_serving_program_serves_on_postgres() {
    let Some(from) = postgres::database("a drill") else { return };
    let to = postgres::database("a drill, restored").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = |url| Place { dir: folder.path(), url: Some(url) };
    drill(place(&from), place(&to), folder.path()).await;
}
