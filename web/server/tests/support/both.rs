//! Tests that are written once and run twice: on a file and on a PostgreSQL server.

/// A module for each test, with `sqlite` and `postgres` in it. The type `Own` that is in scope where it is used opens either,
/// by `Own::sqlite()` and `Own::postgres(test)`, and ends by `close()`.
macro_rules! on_both {
    ($($(#[$about:meta])* async fn $name:ident($own:ident: &Own) $body:block)+) => {$(
        mod $name {
            use super::*;

            $(#[$about])*
            async fn test($own: &Own) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                test(&Own::sqlite().await.unwrap()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(own) = Own::postgres(concat!(module_path!(), "::postgres")).await {
                    test(&own).await;
                    own.close().await;
                }
            }
        }
    )+};
}
pub(super) use on_both;
