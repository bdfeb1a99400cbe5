//! Answers that are the same for everybody: made once, compressed once, kept.
//!
//! Only addresses without a query are kept, and only those that were answered: one for each page, device, model and
//! list. So the shelf is bounded by the catalogue, and no client can fill it.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::representation::Representation;

/// What answers are made of that never change while the program runs: the catalogue.
pub const FIXED: i64 = i64::MAX;

/// Kept answers, by path, each with the version of what it was made of.
#[derive(Debug, Default)]
pub struct Shelf {
    kept: RwLock<HashMap<String, (i64, Representation)>>,
}

impl Shelf {
    /// The answer of a path: as it was kept, or made now of this version.
    ///
    /// Two requests that come at once may both make it; they make the same. A refusal is not kept, nor does an answer that
    /// was long in the making take the place of one of a later version.
    pub fn get_or_make<E>(
        &self,
        path: &str,
        version: i64,
        make: impl FnOnce() -> Result<Representation, E>,
    ) -> Result<Representation, E> {
        if let Some(kept) = self.kept(path, version) {
            return Ok(kept);
        }
        let made = make()?.keep();
        let mut all = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if all.get(path).is_none_or(|(of, _)| *of <= version) {
            all.insert(path.to_owned(), (version, made.clone()));
        }
        Ok(made)
    }

    /// Forgets every answer: what they were made of has changed.
    pub fn clear(&self) {
        self.kept.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The answer of a path, where it is kept already and is of this version.
    pub fn kept(&self, path: &str, version: i64) -> Option<Representation> {
        let all = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        all.get(path).filter(|(of, _)| *of == version).map(|(_, kept)| kept.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::representation::TEXT;

    #[test]
    fn what_was_made_is_kept_and_what_was_refused_is_not() {
        let shelf = Shelf::default();
        assert_eq!(shelf.get_or_make("/a", FIXED, || Err("no")).map(drop), Err("no"));
        assert!(shelf.kept("/a", FIXED).is_none());
        let made = shelf.get_or_make::<()>("/a", FIXED, || Ok(Representation::new(TEXT, "first"))).unwrap();
        let again = shelf.get_or_make::<()>("/a", FIXED, || panic!("made twice")).unwrap();
        assert_eq!(made.etag(), again.etag());
        assert!(shelf.kept("/b", FIXED).is_none());
    }

    /// A page that was begun with old medians and is done after new ones came.
    #[test]
    fn what_is_old_is_not_put_back() {
        let shelf = Shelf::default();
        let page = |text: &'static str| move || Ok::<_, ()>(Representation::new(TEXT, text));
        let slow = || {
            // Meanwhile what it is made of changes, and somebody else asks.
            shelf.clear();
            shelf.get_or_make("/a", 2, page("new")).unwrap();
            page("old")()
        };
        let old = shelf.get_or_make("/a", 1, slow).unwrap();
        let kept = shelf.kept("/a", 2).expect("the new one");
        assert_ne!(kept.etag(), old.etag());
        // Nor is it served where nobody came meanwhile.
        shelf.clear();
        shelf.get_or_make("/a", 1, page("old")).unwrap();
        assert!(shelf.kept("/a", 2).is_none());
    }
}
