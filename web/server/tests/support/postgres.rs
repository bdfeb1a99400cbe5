//! A PostgreSQL server of our own for the tests of one process: on loopback, in a folder of its own, gone with the process.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Starts a server, tells that it is ready, and ends it when its standard input does: a process that dies closes it.
const SCRIPT: &str = r#"
set -e
folder=$(mktemp -d "${TMPDIR:-/tmp}/llm-speed-pg.XXXXXX")
trap 'rm -rf "$folder"' EXIT
"$1/initdb" -D "$folder/data" -A trust -U postgres -E UTF8 --no-locale --no-sync >"$folder/initdb.log" 2>&1
"$1/postgres" -D "$folder/data" -p "$2" -k "$folder" -c listen_addresses=127.0.0.1 -c max_connections=300 \
    -c fsync=off -c autovacuum=off >"$folder/postgres.log" 2>&1 </dev/null &
server=$!
for i in $(seq 1 200); do
    if "$1/pg_isready" -q -h 127.0.0.1 -p "$2" -U postgres; then break; fi
    sleep 0.1
done
"$1/pg_isready" -q -h 127.0.0.1 -p "$2" -U postgres && echo ready
cat >/dev/null
kill -QUIT "$server" 2>/dev/null || true
wait "$server" 2>/dev/null || true
"#;

/// Where the programs are, where they are installed.
pub fn programs() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let found = folders.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    found.filter(|bin| bin.join("postgres").is_file()).max()
}

fn start(bin: &Path) -> u16 {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // PostgreSQL refuses to run as root; its package made a user for it.
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.starts_with(b"0"));
    let mut command = if is_root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    let mut child = command
        .args(["-c", SCRIPT, "sh"])
        .arg(bin)
        .arg(port.to_string())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    out.read_line(&mut line).expect("readable");
    assert_eq!(line, "ready\n", "PostgreSQL did not start");
    // Held open until the process ends.
    std::mem::forget(child.stdin.take());
    std::mem::forget(child);
    port
}

/// The address of a new, empty database; none where PostgreSQL is not installed, which is a failure in CI.
pub fn database(test: &str) -> Option<String> {
    static PORT: OnceLock<Option<u16>> = OnceLock::new();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let port = PORT.get_or_init(|| programs().map(|bin| start(&bin)));
    let Some(port) = port else {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "{test}: PostgreSQL is not installed, and with CI=true a skip is a failure"
        );
        eprintln!("skipped: {test} needs PostgreSQL (apt install postgresql)");
        return None;
    };
    let name = format!("test{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let made = Command::new(programs()?.join("createdb"))
        .args(["-h", "127.0.0.1", "-U", "postgres", "-p", &port.to_string(), &name])
        .status();
    assert!(made.is_ok_and(|status| status.success()), "no database for {test}");
    Some(format!("postgres://postgres@127.0.0.1:{port}/{name}"))
}
