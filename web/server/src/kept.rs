//! What is made of the whole database, kept until something changes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::store::StoreError;

/// How old an answer may be before it is asked whether it still holds.
const FRESH: Duration = Duration::from_secs(1);
/// Making an answer anew may take this share of the time: a large one is made less often.
pub const SHARE: u32 = 10;
/// An answer of up to this many rows is waited for when something has changed; a larger one is made while the last is shown.
pub const WAITED_FOR: usize = 5000;

/// The latest of something.
#[derive(Debug)]
pub struct Kept<T> {
    latest: RwLock<Arc<T>>,
    /// Not asked again before this moment.
    next: Mutex<Instant>,
    /// Something came through this process: worth a look before time.
    stale: AtomicBool,
}

impl<T> Kept<T> {
    /// Begins with this, which is looked after at once.
    pub fn new(first: T) -> Self {
        Kept {
            latest: RwLock::new(Arc::new(first)),
            next: Mutex::new(Instant::now()),
            stale: AtomicBool::new(false),
        }
    }

    /// What was made last.
    pub fn latest(&self) -> Arc<T> {
        Arc::clone(&self.latest.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something changed that this process knows of.
    pub fn touch(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// As it is, or as it was a moment ago: whoever asks while it is being made gets the last one, and so does everybody
    /// while the database is away. `refresh` makes a new one, or says that the last still holds.
    pub async fn current(
        &self,
        what: &'static str,
        refresh: impl AsyncFnOnce() -> Result<Option<T>, StoreError>,
    ) -> Arc<T> {
        let touched = || self.stale.swap(false, Ordering::Relaxed);
        self.looked_after(what, touched, refresh).await
    }

    /// The same of what is large: also where something came through this process it is made no more often than its share.
    pub async fn unhurried(
        &self,
        what: &'static str,
        refresh: impl AsyncFnOnce() -> Result<Option<T>, StoreError>,
    ) -> Arc<T> {
        self.looked_after(what, || false, refresh).await
    }

    async fn looked_after(
        &self,
        what: &'static str,
        touched: impl FnOnce() -> bool,
        refresh: impl AsyncFnOnce() -> Result<Option<T>, StoreError>,
    ) -> Arc<T> {
        let Ok(mut next) = self.next.try_lock() else { return self.latest() };
        let touched = touched();
        if Instant::now() < *next && !touched {
            return self.latest();
        }
        let begun = Instant::now();
        match refresh().await {
            Ok(Some(made)) => {
                *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(made);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "{what} could not be read");
            }
        }
        *next = Instant::now() + FRESH.max(begun.elapsed() * SHARE);
        self.latest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_large_is_not_hurried() {
        let kept = Kept::new(0);
        // It takes half a second, so it is not made again for five.
        let slowly = async || {
            tokio::time::sleep(Duration::from_millis(500)).await;
            Ok(Some(1))
        };
        assert_eq!(*kept.current("a number", slowly).await, 1);
        kept.touch();
        assert_eq!(
            *kept.unhurried("a number", async || Ok(Some(2))).await,
            1,
            "its share of the time is used up"
        );
        assert_eq!(*kept.current("a number", async || Ok(Some(3))).await, 3, "what is small is looked at");
        assert_eq!(*kept.current("a number", async || Ok(Some(4))).await, 3, "nothing came since");
    }
}
