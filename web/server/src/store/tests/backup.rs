//! The drill: what was backed up comes back, to the same checkpoint, and goes on from there.

use super::*;

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
        own.store.backup(&file, own.url.as_deref()).await.unwrap();
        assert!(own.store.backup(&file, own.url.as_deref()).await.is_err(), "nothing is overwritten");
        let head = own.store.head().await.unwrap();

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
        assert!(Store::restore(fresh.path(), url.as_deref(), &file).await.is_err(), "over what is there");
        restored.close().await;
    }
}
