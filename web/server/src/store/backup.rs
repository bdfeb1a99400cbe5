//! Backup and restore: the whole database in one file, taken while it is in use.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Backend, FILE_NAME, Store, StoreError};
use crate::args::Args;

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
        source: std::io::Error,
    },
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
    let folders = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
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

impl Store {
    /// The database that the command line names.
    pub async fn of(args: &Args) -> Result<Store, StoreError> {
        match &args.database_url {
            Some(url) => Store::open_url(url).await,
            None => Store::open(&args.data_dir).await,
        }
    }

    /// Writes everything to a file, as it is at one moment. `url` is the address that the store was opened with.
    pub async fn backup(&self, file: &Path, url: Option<&str>) -> Result<(), BackupError> {
        if file.exists() {
            return Err(BackupError::There(file.to_owned()));
        }
        match (self.backend(), url) {
            (Backend::Postgres, Some(url)) => {
                let mut command = program("pg_dump");
                command.args(["--format=custom", "--no-owner", "--dbname", url, "--file"]).arg(file);
                done("pg_dump", command).await
            }
            _ => {
                let path = file.to_str().ok_or_else(|| BackupError::Name(file.to_owned()))?;
                let copied = sqlx::query("VACUUM INTO $1").bind(path).execute(&self.pool).await;
                copied.map(|_| ()).map_err(|error| StoreError::Query(error).into())
            }
        }
    }

    /// Makes a database of a backup where there is none.
    pub async fn restore(data_dir: &Path, url: Option<&str>, file: &Path) -> Result<(), BackupError> {
        if let Some(url) = url {
            let mut command = program("pg_restore");
            command.args(["--exit-on-error", "--no-owner", "--dbname", url]).arg(file);
            return done("pg_restore", command).await;
        }
        let path = data_dir.join(FILE_NAME);
        if path.exists() {
            return Err(BackupError::There(path));
        }
        let copied = std::fs::create_dir_all(data_dir).and_then(|()| std::fs::copy(file, &path));
        copied.map(|_| ()).map_err(|source| BackupError::Copy { path, source })
    }
}
