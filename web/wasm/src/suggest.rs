//! From what the browser says of the machine to a row of the catalogue, if it leads to one.

use data::{Catalog, Lookup};

/// A machine to suggest.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Suggestion {
    /// Its id, for the query.
    pub hardware: String,
    /// Its name, for people.
    pub name: String,
}

/// The first of the names that leads to a device. A browser's name often leads to several versions of one, such as an
/// Apple M3 with 8 or 10 GPU cores: then the first of them, which is better than nothing and easily changed.
pub fn machine(names: &[String], catalog: &Catalog) -> Option<Suggestion> {
    let row = names.iter().find_map(|name| match catalog.device(name) {
        Ok(row) => Some(row),
        Err(Lookup::Ambiguous { between }) => catalog.device(between.first()?).ok(),
        Err(Lookup::Unknown { .. }) => None,
    })?;
    Some(Suggestion { hardware: row.id.clone(), name: row.name.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggested(name: &str) -> Option<Suggestion> {
        machine(&[name.to_owned()], Catalog::embedded())
    }

    #[test]
    fn a_known_name_is_suggested_and_an_unknown_one_is_not() {
        assert_eq!(
            suggested("NVIDIA GeForce RTX 3090").map(|found| found.hardware),
            Some("rtx-3090".to_owned())
        );
        assert!(suggested("Apple M3").is_some_and(|found| found.name.starts_with("Apple M3 (")));
        assert_eq!(suggested("Unheard Of Graphics 7"), None);
    }
}
