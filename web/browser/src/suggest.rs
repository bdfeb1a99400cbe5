//! From what the browser says of the machine to a row of the catalogue, if it leads to one.

use data::row::HardwareRow;
use data::{Catalog, Lookup};
use page::Query;
use page::messages::EN;
use page::view::Told;

use crate::{detect, known};

/// What belongs into `#suggest` of the page at `path`: the machine that this may be, with a link to take it and one to
/// choose another; nothing where the browser says too little, and before the rows came.
pub async fn suggestion(path: &str, query: &str) -> Option<String> {
    let names = detect::names().await;
    let row = machine(&names, known::engine()?.catalog)?;
    let told = Told {
        hardware: row.id.clone(),
        name: row.name.clone(),
        threads_and_memory: detect::threads_and_memory(),
    };
    page::suggestion(&told, path, &Query::parse(query), &EN).ok()
}

/// The first of the names that leads to a device. A browser's name often leads to several versions of one, such as an
/// Apple M3 with 8 or 10 GPU cores: then the first of them, which is better than nothing and easily changed.
fn machine<'c>(names: &[String], catalog: &'c Catalog) -> Option<&'c HardwareRow> {
    names.iter().find_map(|name| match catalog.device(name) {
        Ok(row) => Some(row),
        Err(Lookup::Ambiguous { between }) => catalog.device(between.first()?).ok(),
        Err(Lookup::Unknown { .. }) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggested(name: &str) -> Option<&'static HardwareRow> {
        machine(&[name.to_owned()], Catalog::embedded())
    }

    #[test]
    fn a_known_name_is_suggested_and_an_unknown_one_is_not() {
        assert_eq!(suggested("NVIDIA GeForce RTX 3090").map(|row| row.id.as_str()), Some("rtx-3090"));
        assert!(suggested("Apple M3").is_some_and(|row| row.name.starts_with("Apple M3 (")));
        assert_eq!(suggested("NVIDIA NVIDIA GeForce RTX 3090").map(|row| row.id.as_str()), Some("rtx-3090"));
        assert_eq!(suggested("Adreno (TM) 740").map(|row| row.id.as_str()), Some("snapdragon-8-gen-2"));
        assert_eq!(suggested("Unheard Of Graphics 7"), None);
    }
}
