//! A PostgreSQL server of our own for the tests of one process: on loopback, in a folder of its own, gone with the process.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Starts a server, tells that it is ready, and does what its standard input says: `stop` ends it as a crash would,
/// `start` brings it back. It ends when the input does: a process that dies closes it.
const SCRIPT: &str = r#"
set -e
folder=$(mktemp -d "${TMPDIR:-/tmp}/llm-speed-pg.XXXXXX")
trap 'rm -rf "$folder"' EXIT
"$1/initdb" -D "$folder/data" -A trust -U postgres -E UTF8 --no-locale --no-sync >"$folder/initdb.log" 2>&1
start() {
    "$1/postgres" -D "$folder/data" -p "$2" -k "$folder" -c listen_addresses=127.0.0.1 -c max_connections=300 \
        -c "fsync=$3" -c "autovacuum=$3" >>"$folder/postgres.log" 2>&1 </dev/null &
    server=$!
    for i in $(seq 1 200); do
        if "$1/pg_isready" -q -h 127.0.0.1 -p "$2" -U postgres; then break; fi
        sleep 0.1
    done
    "$1/pg_isready" -q -h 127.0.0.1 -p "$2" -U postgres && echo ready
}
stop() {
    kill -QUIT "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
}
start "$1" "$2" "$3"
while read -r word; do
    case "$word" in
        stop) stop; echo stopped ;;
        start) start "$1" "$2" "$3" ;;
    esac
done
stop
"#;

/// Where the programs are, where they are installed.
pub fn programs() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let found = folders.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    found.filter(|bin| bin.join("postgres").is_file()).max()
}

/// A server that can be ended and brought back; gone when it is dropped.
pub struct Server {
    port: u16,
    orders: Option<ChildStdin>,
    told: BufReader<ChildStdout>,
    shell: Child,
}

impl Server {
    /// Starts one that leaves it to the system when a write reaches the disk: it outlives a crash of its own, and is fast.
    /// None where PostgreSQL is not installed.
    pub fn start() -> Option<Server> {
        programs().map(|bin| Server::of(&bin, "off", &std::env::temp_dir()))
    }

    /// Starts one that has everything on this disk, and waits for it.
    #[allow(dead_code, reason = "only full disks are small ones")]
    pub fn start_on(disk: &Disk) -> Option<Server> {
        programs().map(|bin| Server::of(&bin, "on", &disk.folder))
    }

    /// Starts one that waits for the disk, as one in use does.
    #[allow(dead_code, reason = "only the benchmark waits")]
    pub fn start_durable() -> Option<Server> {
        programs().map(|bin| Server::of(&bin, "on", &std::env::temp_dir()))
    }

    fn of(bin: &Path, waits: &str, folder: &Path) -> Server {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // PostgreSQL refuses to run as root; its package made a user for it.
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        let mut shell = command
            .args(["-c", SCRIPT, "sh"])
            .arg(bin)
            .arg(port.to_string())
            .arg(waits)
            .env("TMPDIR", folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let told = BufReader::new(shell.stdout.take().expect("piped"));
        let mut server = Server { port, orders: shell.stdin.take(), told, shell };
        server.expect("ready");
        server
    }

    fn expect(&mut self, word: &str) {
        let mut line = String::new();
        self.told.read_line(&mut line).expect("readable");
        assert_eq!(line.trim_end(), word, "PostgreSQL did not do it");
    }

    fn order(&mut self, word: &str, answer: &str) {
        let orders = self.orders.as_mut().expect("it runs");
        writeln!(orders, "{word}").and_then(|()| orders.flush()).expect("it listens");
        self.expect(answer);
    }

    /// Ends it as a crash would: nothing is told to its clients.
    #[allow(dead_code, reason = "not every test takes it away")]
    pub fn stop(&mut self) {
        self.order("stop", "stopped");
    }

    /// Brings it back, with all that it had.
    #[allow(dead_code, reason = "not every test takes it away")]
    pub fn again(&mut self) {
        self.order("start", "ready");
    }

    /// The address of a new, empty database.
    pub fn database(&self) -> String {
        self.made(&[])
    }

    /// The same with its tables on this disk.
    #[allow(dead_code, reason = "only full disks are small ones")]
    pub fn database_on(&self, disk: &Disk) -> String {
        let say = format!("CREATE TABLESPACE small LOCATION '{}'", disk.folder.display());
        self.client("psql", &["-q", "-c", &say, "postgres"]);
        self.made(&["-D", "small"])
    }

    fn made(&self, more: &[&str]) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.client("createdb", &[more, &[&name]].concat());
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs a client of its package.
    fn client(&self, program: &str, arguments: &[&str]) {
        let done = Command::new(programs().expect("it was found before").join(program))
            .args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string()])
            .args(arguments)
            .status();
        assert!(done.is_ok_and(|status| status.success()), "{program} {arguments:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.shell.wait();
    }
}

/// A small disk, in memory, for as long as the value lives.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
}

#[allow(dead_code, reason = "only full disks are small ones")]
impl Disk {
    /// One of so many MiB, which every user may write; none where it cannot be mounted, which is a failure in CI where we
    /// are root.
    pub fn mount(test: &str, mib: u32) -> Option<Disk> {
        let folder = tempfile::Builder::new().prefix("llm-speed-disk-").tempdir().expect("a folder").keep();
        let size = format!("size={mib}M,mode=0777");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "llm-speed"]).arg(&folder).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            // A tablespace's folder belongs to who runs the server.
            let _ = Command::new("chown").arg("postgres").arg(&folder).status();
            return Some(Disk { folder });
        }
        let _ = std::fs::remove_dir(&folder);
        let in_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!in_ci || !is_root(), "{test}: no disk of its own, and with CI=true a skip is a failure");
        eprintln!("skipped: {test} needs a disk of its own, which only root may mount");
        None
    }

    /// Takes all the room that is left but so many KiB.
    pub fn take_but(&self, kib: u64) {
        let told = Command::new("df").args(["-k", "--output=avail"]).arg(&self.folder).output().expect("df");
        let told = String::from_utf8(told.stdout).expect("UTF-8");
        let left: u64 = told.lines().last().and_then(|line| line.trim().parse().ok()).expect("KiB");
        let ballast = vec![0; (left.saturating_sub(kib) << 10) as usize];
        std::fs::write(self.folder.join("ballast"), ballast).expect("there is room");
    }

    /// Gives it so many MiB in all.
    pub fn grow(&self, mib: u32) {
        let size = format!("remount,size={mib}M");
        let done = Command::new("mount").args(["-o", &size]).arg(&self.folder).status();
        assert!(done.is_ok_and(|status| status.success()), "the disk does not grow");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whoever still has a file open keeps it; it is gone from the folder at once.
        let gone = Command::new("umount").arg("-l").arg(&self.folder).status();
        if gone.is_ok_and(|status| status.success()) {
            let _ = std::fs::remove_dir(&self.folder);
        }
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.starts_with(b"0"))
}

/// Says that a test is left out; a failure in CI, where nothing may be.
pub fn skipped(test: &str) {
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{test}: PostgreSQL is not installed, and with CI=true a skip is a failure"
    );
    eprintln!("skipped: {test} needs PostgreSQL (apt install postgresql)");
}

/// The address of a new, empty database on the server that all tests of this process share; none where PostgreSQL is not
/// installed, which is a failure in CI.
pub fn database(test: &str) -> Option<String> {
    // Never dropped: it ends when the process does, since its input ends then.
    static SHARED: OnceLock<Option<Server>> = OnceLock::new();
    let Some(server) = SHARED.get_or_init(Server::start) else {
        skipped(test);
        return None;
    };
    Some(server.database())
}

/// Every row of the database at this address, as PostgreSQL's own program writes them down.
#[allow(dead_code, reason = "not every test looks at all of it")]
pub fn dump(url: &str) -> String {
    let program = programs().expect("it was found before").join("pg_dump");
    let output = Command::new(program).args(["--data-only", "--no-owner", url]).output().expect("pg_dump");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}
