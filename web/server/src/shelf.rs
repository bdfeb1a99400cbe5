//! Answers that are the same for everybody: made once, compressed once, kept.
//!
//! Only addresses without a query are kept, and only those that were answered: one for each page, device, model and
//! list. So the shelf is bounded by the catalogue, and no client can fill it.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::representation::Representation;

/// Kept answers, by path.
#[derive(Debug, Default)]
pub struct Shelf {
    kept: RwLock<HashMap<String, Representation>>,
}

impl Shelf {
    /// The answer of a path: as it was kept, or made now.
    ///
    /// Two requests that come at once may both make it; they make the same. A refusal is not kept.
    pub fn get_or_make<E>(
        &self,
        path: &str,
        make: impl FnOnce() -> Result<Representation, E>,
    ) -> Result<Representation, E> {
        if let Some(kept) = self.kept(path) {
            return Ok(kept);
        }
        let made = make()?.keep();
        let mut all = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(path.to_owned(), made.clone());
        Ok(made)
    }

    /// Forgets every answer: what they were made of has changed.
    pub fn clear(&self) {
        self.kept.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The answer of a path, where it is kept already.
    pub fn kept(&self, path: &str) -> Option<Representation> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::representation::TEXT;

    #[test]
    fn what_was_made_is_kept_and_what_was_refused_is_not() {
        let shelf = Shelf::default();
        assert_eq!(shelf.get_or_make("/a", || Err("no")).map(drop), Err("no"));
        assert!(shelf.kept("/a").is_none());
        let made = shelf.get_or_make::<()>("/a", || Ok(Representation::new(TEXT, "first"))).unwrap();
        let again = shelf.get_or_make::<()>("/a", || panic!("made twice")).unwrap();
        assert_eq!(made.etag(), again.etag());
        assert!(shelf.kept("/b").is_none());
    }
}
