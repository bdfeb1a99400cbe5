//! Who signed in, and what is theirs.

use super::*;

on_both! {
    async fn a_profile_has_its_machines_and_goes_whole(own: &Own) {
        let judging = own.judging(300).await;
        for (who, id) in [(1, "one"), (2, "two")] {
            let run = sample::run(who, sample::estimated("rtx-3090"));
            let taken = own.store.take(&[arrival(candidate(who, &run), id, id)], &judging).await.unwrap();
            assert!(taken[0].is_ok());
        }
        let tag = tag_of(&judging.secrets, 1);
        own.store.sign_in("host:7", "Octo-Cat", "hash", 1).await.unwrap();
        assert_eq!(own.store.profile_of_token("hash").await.unwrap().unwrap().name, "Octo-Cat");
        assert_eq!(own.store.profile_of_token("other").await.unwrap(), None);
        assert!(own.store.claim_machine("host:7", &tag, 2).await.unwrap());
        assert!(!own.store.claim_machine("host:8", &tag, 2).await.unwrap(), "there is no such profile");

        let found = own.store.contribution("octo-CAT").await.unwrap().unwrap();
        assert_eq!((found.setups, found.results, found.machines), (1, 1, 1));
        assert_eq!(own.store.contributions(9).await.unwrap(), [found]);
        let results = own.store.contributed("host:7", 9).await.unwrap();
        assert_eq!(results.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["one"]);
        assert!(results[0].decode_tps.is_some());
        assert_eq!(own.store.profile_of_machine(&tag).await.unwrap().as_deref(), Some("Octo-Cat"));

        assert!(own.store.unlink("host:7").await.unwrap());
        assert!(!own.store.unlink("host:7").await.unwrap());
        assert_eq!(own.store.profile_of_machine(&tag).await.unwrap(), None);
        assert_eq!(own.store.profile_of_token("hash").await.unwrap(), None);
        assert!(own.store.result("one").await.unwrap().is_some(), "the result stays");
    }

    async fn a_machine_and_a_name_have_one_owner_and_tokens_are_few(own: &Own) {
        own.store.sign_in("host:7", "octocat", "a", 1).await.unwrap();
        own.store.sign_in("host:8", "OctoCat", "b", 2).await.unwrap();
        let now = own.store.contribution("octocat").await.unwrap().unwrap();
        assert_eq!(now.profile.subject, "host:8", "the service says whose the name is");
        let before = own.store.profile_of_token("a").await.unwrap().unwrap();
        assert_eq!(before.subject, "host:7");
        // What it is called now is public, and found under that name; its account's number is neither.
        assert!(before.name.starts_with("octocat~") && before.name.len() == "octocat~".len() + 16, "{before:?}");
        assert!(!before.name.contains("host") && before.name != "octocat~host:7", "{before:?}");
        assert_eq!(own.store.contribution(&before.name).await.unwrap().unwrap().profile, before);
        own.store.sign_in("host:7", "renamed", "c", 3).await.unwrap();
        assert_eq!(own.store.contribution("renamed").await.unwrap().unwrap().profile.created_at_ms, 1);

        own.store.claim_machine("host:7", "t1", 4).await.unwrap();
        own.store.claim_machine("host:8", "t1", 5).await.unwrap();
        assert_eq!(own.store.profile_of_machine("t1").await.unwrap().as_deref(), Some("OctoCat"));

        for number in 0..30_i64 {
            own.store.sign_in("host:8", "octocat", &format!("t{number}"), 10 + number).await.unwrap();
        }
        assert_eq!(own.store.profile_of_token("t9").await.unwrap(), None, "the oldest gave way");
        assert!(own.store.profile_of_token("t10").await.unwrap().is_some());
        assert!(own.store.profile_of_token("c").await.unwrap().is_some(), "another's stay");
    }
}
