//! Backup and restore: the whole database in one file, taken while it is in use.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::Row;

use super::{Backend, FILE_NAME, Head, Store, StoreError, ledger, path_url};
use crate::private;

/// Why a backup or a restore failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Something is where the copy should go.
    #[error("{} is there already; name a place where nothing is", .0.display())]
    There(PathBuf),
    /// A path that cannot be written as text.
    #[error("{} is not UTF-8; name another", .0.display())]
    Name(PathBuf),
    /// The file system.
    #[error("cannot copy to {}", path.display())]
    Copy {
        /// Where to.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file that `backup` did not write, or that was cut.
    #[error("{} is no backup of llm-speed-server, or not a whole one: {says}", file.display())]
    NoBackup {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        says: String,
    },
    /// A backup of the other kind of database.
    #[error("{} is a backup of {of}; {instead}", file.display())]
    OtherKind {
        /// The file.
        file: PathBuf,
        /// What it is of.
        of: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// There are results where the backup should go.
    #[error("the database {0} holds results already; name one that is empty")]
    Used(String),
    /// PostgreSQL's own program.
    #[error("{program} failed: {says}")]
    Program {
        /// Which.
        program: &'static str,
        /// What it says.
        says: String,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// PostgreSQL's program: the one in the path, else the newest that the distribution keeps apart.
fn program(name: &'static str) -> Command {
    let in_path = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()));
    if in_path {
        return Command::new(name);
    }
    let folders = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let found =
        folders.map(|folder| folder.path().join("bin").join(name)).filter(|path| path.is_file()).max();
    Command::new(found.unwrap_or_else(|| PathBuf::from(name)))
}

async fn done(name: &'static str, mut command: Command) -> Result<(), BackupError> {
    let ran = tokio::task::spawn_blocking(move || command.output()).await;
    let failed = |says: String| BackupError::Program { program: name, says };
    let output = ran
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(format!("{error}; it comes with PostgreSQL's client")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// How a file of SQLite and one of pg_dump begin.
const SQLITE_FILE: &[u8] = b"SQLite format 3\0";
const POSTGRES_FILE: &[u8] = b"PGDMP";

/// The address of a PostgreSQL database without its password, which every user of the machine can read on a command line; and
/// that password.
fn without_password(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), None) };
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    let mut password = None;
    let authority =
        match authority.rsplit_once('@').and_then(|(who, host)| Some((who.split_once(':')?, host))) {
            Some(((user, secret), host)) => {
                password = Some(unescaped(secret));
                format!("{user}@{host}")
            }
            None => authority.to_owned(),
        };
    let (secrets, plain): (Vec<&str>, Vec<&str>) =
        query.split('&').filter(|pair| !pair.is_empty()).partition(|pair| pair.starts_with("password="));
    if let Some((_, secret)) = secrets.last().and_then(|pair| pair.split_once('=')) {
        password = Some(unescaped(secret));
    }
    let query = if plain.is_empty() { String::new() } else { format!("?{}", plain.join("&")) };
    (format!("{scheme}://{authority}{path}{query}"), password)
}

/// Percent-encoded text as it was.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = escape.filter(|_| *first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A program of PostgreSQL's that connects to this database.
fn on(name: &'static str, url: &str) -> Command {
    let (url, password) = without_password(url);
    let mut command = program(name);
    command.arg("--dbname").arg(url);
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command
}

/// Tables that tie results to network addresses for a day or two. A backup is kept for longer, so they are not in it.
const OF_A_DAY: [&str; 3] = ["day_key", "seen", "bucket"];

impl Store {
    /// Writes everything that outlives a day to a file, as it is at one moment; how far its log is, which goes on meanwhile.
    /// `url` is the address that the store was opened with.
    pub async fn backup(&self, file: &Path, url: Option<&str>) -> Result<Head, BackupError> {
        // It is made before anything is in it: the site's keys are never in a file that others may read.
        private::create_new(file).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => BackupError::There(file.to_owned()),
            _ => BackupError::Copy { path: file.to_owned(), source },
        })?;
        let written = self.write_to(file, url).await;
        if written.is_err() {
            // What is left of it is no backup.
            let _ = fs::remove_file(file);
        }
        written
    }

    async fn write_to(&self, file: &Path, url: Option<&str>) -> Result<Head, BackupError> {
        match (self.backend(), url) {
            (Backend::Postgres, Some(url)) => {
                // The moment is ours, and stays open until it is written down: so its head is that of what is in the file.
                let begun = self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await;
                let mut moment = begun.map_err(StoreError::Query)?;
                let row =
                    sqlx::query("SELECT pg_export_snapshot() AS snapshot").fetch_one(&mut *moment).await;
                let snapshot: String =
                    row.and_then(|row| row.try_get("snapshot")).map_err(StoreError::Query)?;
                let head = ledger::head_of(&mut *moment).await?;
                let mut command = on("pg_dump", url);
                command.arg(format!("--snapshot={snapshot}"));
                command.args(OF_A_DAY.map(|table| format!("--exclude-table-data={table}")));
                command.args(["--format=custom", "--no-owner", "--file"]).arg(file);
                done("pg_dump", command).await?;
                Ok(head)
            }
            _ => {
                let path = file.to_str().ok_or_else(|| BackupError::Name(file.to_owned()))?;
                let copied = sqlx::query("VACUUM INTO $1").bind(path).execute(&self.pool).await;
                copied.map_err(StoreError::Query)?;
                Ok(leave_days_out(file).await?)
            }
        }
    }

    /// Makes a database of a backup where there is none; whole, or not at all.
    pub async fn restore(data_dir: &Path, url: Option<&str>, file: &Path) -> Result<(), BackupError> {
        is_backup(file, if url.is_some() { Backend::Postgres } else { Backend::Sqlite })?;
        if let Some(url) = url {
            let target = Store::connect_url(url).await?;
            let is_used = target.is_ours().await;
            target.close().await;
            if is_used? {
                return Err(BackupError::Used(target.place));
            }
            let mut command = on("pg_restore", url);
            command.args(["--exit-on-error", "--single-transaction", "--no-owner"]).arg(file);
            return done("pg_restore", command).await;
        }
        let path = data_dir.join(FILE_NAME);
        // What is left of another database's journal would be written into this one when it is opened.
        for end in ["", "-wal", "-shm", "-journal"] {
            let there = data_dir.join(format!("{FILE_NAME}{end}"));
            if there.exists() {
                return Err(BackupError::There(there));
            }
        }
        let is_new = !data_dir.exists();
        let beside = data_dir.join(format!("{FILE_NAME}.restored-{}", std::process::id()));
        let copied = copy(data_dir, file, &beside)
            .map_err(|source| BackupError::Copy { path: beside.clone(), source });
        let put = match copied {
            Ok(()) => match is_whole(file, &beside).await {
                Ok(()) => fs::rename(&beside, &path).map_err(|source| BackupError::Copy { path, source }),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        if put.is_err() {
            for end in ["", "-wal", "-shm", "-journal"] {
                let _ = fs::remove_file(
                    data_dir.join(format!("{FILE_NAME}.restored-{}{end}", std::process::id())),
                );
            }
            if is_new {
                let _ = fs::remove_dir(data_dir);
            }
        }
        put
    }
}

/// Takes out of a copy what is of a day, to the last byte; how far its log is.
async fn leave_days_out(copy: &Path) -> Result<Head, StoreError> {
    // No journal beside it: what is deleted must not be in another file, and nobody else has this one open.
    let settings = "PRAGMA journal_mode = MEMORY; PRAGMA secure_delete = ON;";
    let store =
        Store::connect_with(settings, &path_url(copy)?, copy.display().to_string(), Backend::Sqlite).await?;
    let emptied = async {
        for statement in ["DELETE FROM day_key", "DELETE FROM seen", "DELETE FROM bucket", "VACUUM"] {
            sqlx::query(statement).execute(&store.pool).await?;
        }
        store.head().await
    };
    let emptied: Result<Head, StoreError> = emptied.await;
    store.close().await;
    emptied
}

fn copy(data_dir: &Path, file: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(data_dir)?;
    let mut made = private::create_new(to)?;
    io::copy(&mut fs::File::open(file)?, &mut made)?;
    made.sync_all()
}

/// Whether a file begins as a backup of this kind does.
fn is_backup(file: &Path, of: Backend) -> Result<(), BackupError> {
    let mut start = Vec::new();
    let read = fs::File::open(file).and_then(|opened| opened.take(16).read_to_end(&mut start));
    let no_backup = |says: String| BackupError::NoBackup { file: file.to_owned(), says };
    read.map_err(|error| no_backup(error.to_string()))?;
    let other = |of, instead| Err(BackupError::OtherKind { file: file.to_owned(), of, instead });
    match of {
        _ if start.starts_with(SQLITE_FILE) == start.starts_with(POSTGRES_FILE) => {
            Err(no_backup("it does not begin as one".to_owned()))
        }
        Backend::Sqlite if start.starts_with(POSTGRES_FILE) => {
            other("a PostgreSQL database", "name an empty one with --database-url")
        }
        Backend::Postgres if start.starts_with(SQLITE_FILE) => {
            other("a database in a file", "leave --database-url out and name a --data-dir")
        }
        _ => Ok(()),
    }
}

/// Whether a copy of a backup is a database of ours with nothing torn.
async fn is_whole(file: &Path, copy: &Path) -> Result<(), BackupError> {
    let no_backup = |says: String| BackupError::NoBackup { file: file.to_owned(), says };
    let looked = async {
        let store = Store::peek(copy, file.display().to_string()).await?;
        let looked = async {
            let row = sqlx::query("PRAGMA integrity_check(1)").fetch_one(&store.pool).await?;
            let says: String = row.try_get(0)?;
            if says != "ok" {
                return Ok(Err(says));
            }
            // Its log is read as the server reads it.
            store.head().await.map(|_| Ok(()))
        };
        let looked: Result<Result<(), String>, StoreError> = looked.await;
        store.close().await;
        looked
    };
    let looked: Result<Result<(), String>, StoreError> = looked.await;
    match looked {
        Ok(Ok(())) => Ok(()),
        Ok(Err(says)) => Err(no_backup(says)),
        Err(error) => Err(no_backup(match std::error::Error::source(&error) {
            Some(source) => source.to_string(),
            None => error.to_string(),
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_in_no_address() {
        for (url, bare, password) in [
            ("postgres://me:s%40cret@host:5432/name", "postgres://me@host:5432/name", Some("s@cret")),
            ("postgres://me@host/name", "postgres://me@host/name", None),
            ("postgresql://host/name?sslmode=require", "postgresql://host/name?sslmode=require", None),
            (
                "postgres://me:a@host/name?password=b%25&sslmode=require",
                "postgres://me@host/name?sslmode=require",
                Some("b%"),
            ),
            ("postgres://me:p%C3%A4ss@[::1]/name?password=x", "postgres://me@[::1]/name", Some("x")),
            ("postgres://me:100%@host", "postgres://me@host", Some("100%")),
        ] {
            assert_eq!(without_password(url), (bare.to_owned(), password.map(str::to_owned)), "{url}");
        }
        let command = on("pg_dump", "postgres://me:secret@host/name");
        assert!(command.get_args().all(|word| !word.to_string_lossy().contains("secret")));
        let environment: Vec<_> = command.get_envs().collect();
        assert_eq!(environment, [("PGPASSWORD".as_ref(), Some("secret".as_ref()))]);
    }
}
