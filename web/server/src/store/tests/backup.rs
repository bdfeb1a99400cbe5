//! The drill: what was backed up comes back, to the same checkpoint, and goes on from there.

use super::*;
use crate::store::{Addresses, FILE_NAME};

async fn three(own: &Own, judging: &Judging) {
    for who in 1..=3 {
        let run = sample::run(who, sample::estimated("rtx-3090"));
        let id = format!("run{who}");
        let taken = own.store.take(&[arrival(candidate(who, &run), &id, &id)], judging).await.unwrap();
        assert!(taken[0].is_ok());
    }
}

on_both! {
    async fn a_backup_comes_back_to_the_same_checkpoint(own: &Own) {
        let judging = own.judging(300).await;
        three(own, &judging).await;
        let file = own.dir.path().join("backup");
        let written = own.store.backup(&file, own.url.as_deref()).await.unwrap();
        assert!(own.store.backup(&file, own.url.as_deref()).await.is_err(), "nothing is overwritten");
        let head = own.store.head().await.unwrap();
        assert_eq!(written.edge, head.edge);

        let fresh = tempfile::tempdir().unwrap();
        let url = own.url.as_ref().map(|_| postgres::database("restore").unwrap());
        Store::restore(fresh.path(), url.as_deref(), &file).await.unwrap();
        let restored = match &url {
            Some(url) => Store::open_url(url).await.unwrap(),
            None => Store::open(fresh.path()).await.unwrap(),
        };
        assert_eq!(restored.head().await.unwrap().edge, head.edge);
        assert_eq!(restored.secrets().await.unwrap().log_seed, judging.secrets.log_seed);
        assert_eq!(restored.cells().await.unwrap(), own.store.cells().await.unwrap());
        assert_eq!(restored.result("run2").await.unwrap(), own.store.result("run2").await.unwrap());
        // It goes on, and is still append-only.
        let run = sample::run(4, sample::estimated("rtx-3090"));
        let taken = restored.take(&[arrival(candidate(4, &run), "d", "run4")], &judging).await.unwrap();
        assert_eq!(taken[0].as_ref().unwrap().log_index, Some(3));
        assert!(sqlx::query("DELETE FROM run").execute(&restored.pool).await.is_err());
        let again = Store::restore(fresh.path(), url.as_deref(), &file).await.unwrap_err().to_string();
        assert!(again.contains("is there already") || again.contains("holds results already"), "{again}");
        assert_eq!(restored.head().await.unwrap().edge.size, 4, "nothing of it was lost");
        restored.close().await;
    }

    /// A backup is kept for longer than a day, so it holds nothing that ties a result to a network address.
    async fn what_is_of_a_day_is_in_no_backup(own: &Own) {
        let judging = own.judging(300).await;
        three(own, &judging).await;
        let key = Addresses::default().key(&own.store, "192.0.2.1".parse().unwrap(), now_ms()).await.unwrap();
        own.store.spend(&key, judging.limit, now_ms()).await.unwrap().unwrap();
        let rows = async |store: &Store, table: &str| -> i64 {
            let statement = match table {
                "day_key" => "SELECT COUNT(*) AS rows FROM day_key",
                "seen" => "SELECT COUNT(*) AS rows FROM seen",
                _ => "SELECT COUNT(*) AS rows FROM bucket",
            };
            sqlx::Row::get(&sqlx::query(statement).fetch_one(&store.pool).await.unwrap(), "rows")
        };
        let file = own.dir.path().join("backup");
        own.store.backup(&file, own.url.as_deref()).await.unwrap();
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(key.len()).any(|part| part == key.as_bytes()), "an address's key is in it");
        let fresh = tempfile::tempdir().unwrap();
        let url = own.url.as_ref().map(|_| postgres::database("restore days").unwrap());
        Store::restore(fresh.path(), url.as_deref(), &file).await.unwrap();
        let restored = match &url {
            Some(url) => Store::open_url(url).await.unwrap(),
            None => Store::open(fresh.path()).await.unwrap(),
        };
        for table in ["day_key", "seen", "bucket"] {
            assert!(rows(&own.store, table).await > 0, "{table} stays where it is used");
            assert_eq!(rows(&restored, table).await, 0, "{table}");
        }
        assert_eq!(restored.head().await.unwrap().edge.size, 3);
        restored.close().await;
        // Nor is it kept for longer where nobody comes.
        own.store.forget_days(now_ms() + 3 * crate::gate::day::DAY_MS).await.unwrap();
        for table in ["day_key", "seen", "bucket"] {
            assert_eq!(rows(&own.store, table).await, 0, "{table}");
        }
    }

    /// What another database left of its journal would be written into the one that comes back.
    async fn nothing_is_restored_beside_a_stale_journal(own: &Own) {
        if own.url.is_some() {
            return;
        }
        let judging = own.judging(300).await;
        three(own, &judging).await;
        let file = own.dir.path().join("backup");
        own.store.backup(&file, None).await.unwrap();
        for end in ["-wal", "-shm", "-journal"] {
            let fresh = tempfile::tempdir().unwrap();
            let left = fresh.path().join(format!("{FILE_NAME}{end}"));
            std::fs::write(&left, b"of another").unwrap();
            let says = Store::restore(fresh.path(), None, &file).await.unwrap_err().to_string();
            assert!(says.contains(end) && says.contains("is there already"), "{says}");
            assert!(!fresh.path().join(FILE_NAME).exists());
        }
    }

    /// A backup that is cut or none at all makes no database, and leaves nothing behind.
    async fn what_is_no_backup_is_refused_whole(own: &Own) {
        let judging = own.judging(300).await;
        three(own, &judging).await;
        let file = own.dir.path().join("backup");
        own.store.backup(&file, own.url.as_deref()).await.unwrap();
        let bytes = std::fs::read(&file).unwrap();
        let mut torn = bytes.clone();
        torn[bytes.len() / 2..].fill(0xff);
        let other: &[u8] = if own.url.is_some() { b"SQLite format 3\0" } else { b"PGDMP" };
        for (name, content) in [
            ("cut", &bytes[..bytes.len() / 2]),
            ("torn", &torn),
            ("text", b"no backup at all".as_slice()),
            ("empty", b"".as_slice()),
            ("other", other),
        ] {
            let broken = own.dir.path().join(name);
            std::fs::write(&broken, content).unwrap();
            let fresh = own.dir.path().join(format!("fresh {name}"));
            let url = own.url.as_ref().map(|_| postgres::database(&format!("broken {name}")).unwrap());
            let error = Store::restore(&fresh, url.as_deref(), &broken).await.unwrap_err().to_string();
            assert!(error.contains("no backup") || error.contains("is a backup of") || error.contains("pg_restore failed"), "{name}: {error}");
            assert!(!fresh.exists(), "{name} left something behind");
            if let Some(url) = &url {
                let target = Store::connect_url(url).await.unwrap();
                assert!(!target.is_ours().await.unwrap(), "{name} left tables behind");
                target.close().await;
            }
        }
    }

    /// A command's slip of the pen makes no empty database; nor is one that is somebody else's taken for ours.
    async fn only_a_server_makes_a_database(own: &Own) {
        use clap::Parser;

        let nowhere = own.dir.path().join("mistyped");
        let url = own.url.as_ref().map(|_| postgres::database("mistyped").unwrap());
        let place = match &url {
            Some(url) => vec!["--database-url", url],
            None => vec!["--data-dir", nowhere.to_str().unwrap()],
        };
        let args = crate::Args::parse_from(["x"].iter().chain(&place));
        let error = Store::existing(&args).await.unwrap_err().to_string();
        assert!(error.contains("there is no database of llm-speed-server in"), "{error}");
        assert!(!nowhere.exists());
        if url.is_none() {
            std::fs::create_dir(&nowhere).unwrap();
            std::fs::write(nowhere.join(FILE_NAME), "").unwrap();
            assert!(Store::existing(&args).await.is_err(), "an empty file is no database of ours");
            assert_eq!(std::fs::read(nowhere.join(FILE_NAME)).unwrap(), b"");
            std::fs::remove_file(nowhere.join(FILE_NAME)).unwrap();
        }
        Store::of(&args).await.unwrap().close().await;
        Store::existing(&args).await.unwrap().close().await;
    }

    /// The site's keys are in the database, its log and its backups: for its owner alone.
    async fn nobody_else_may_read_it(own: &Own) {
        let judging = own.judging(300).await;
        three(own, &judging).await;
        let file = own.dir.path().join("backup");
        own.store.backup(&file, own.url.as_deref()).await.unwrap();
        let restored = own.dir.path().join("restored");
        if own.url.is_none() {
            Store::restore(&restored, None, &file).await.unwrap();
        }
        let mut looked_at = 0;
        for folder in [own.dir.path(), &restored] {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let meta = entry.metadata().unwrap();
                if meta.is_file() {
                    looked_at += 1;
                    #[cfg(unix)]
                    {
                        let mode = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o777;
                        assert_eq!(mode, 0o600, "{}", entry.path().display());
                    }
                }
            }
        }
        assert!(looked_at >= if own.url.is_some() { 1 } else { 4 }, "{looked_at} files");
    }
}
