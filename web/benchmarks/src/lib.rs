//! The benchmark page in the browser: the table of runs is loaded once, then sorted, filtered and paged by the code that the
//! server renders with. A module of its own, since no other page needs it, and without the catalogue: estimates stand in
//! the table already.

use std::sync::OnceLock;

use data::messages::WORDS;
use data::table::Table;
use page::Query;
use page::benchmarks::{BenchmarksView, PATH};
use page::messages::EN;
use wasm_bindgen::prelude::*;

static TABLE: OnceLock<Table> = OnceLock::new();

/// Takes the table: the bytes of `/benchmarks.rows`.
///
/// Throws an `Error` when they are of another version or cut off.
#[wasm_bindgen]
pub fn load(rows: &[u8]) -> Result<(), JsError> {
    let table = data::table::from_bytes(rows).ok_or_else(|| JsError::new(WORDS.module.other_rows))?;
    // Of two that load at once the first wins, and both hold the same.
    let _ = TABLE.set(table);
    Ok(())
}

/// What belongs into `#results` of the page at `path` for this query string: the region that the server renders, with the
/// same code. Undefined for other pages, and before [`load`].
#[wasm_bindgen(js_name = renderResults)]
pub fn render_results(path: &str, query: &str) -> Option<String> {
    rendered(TABLE.get().filter(|_| path == PATH)?, query)
}

fn rendered(table: &Table, query: &str) -> Option<String> {
    let query = Query::parse(query);
    page::benchmarks_results(&BenchmarksView::new(table, &query), &query, &EN).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use data::Engine;
    use data::runs::RunRows;
    use data::table::make::Maker;

    #[test]
    fn a_table_that_travelled_is_rendered_as_the_server_does() {
        let table = Maker::new(Engine::embedded(), RunRows::embedded()).table(&[]);
        let bytes = data::table::to_bytes(&table).expect("written");
        let travelled = data::table::from_bytes(&bytes).expect("read");
        for query in
            ["", "sort=-ratio&per_page=5&page=2", "q=strix&backend=rocm", "shape=short", "sort=nonsense"]
        {
            let here = rendered(&travelled, query).expect("rendered");
            assert_eq!(Some(&here), rendered(&table, query).as_ref(), "{query}");
            assert!(here.contains("id=\"workloads\""), "{query}");
        }
    }

    #[test]
    fn nothing_is_rendered_before_the_table_came_or_elsewhere() {
        assert_eq!(render_results(PATH, ""), None);
        assert!(data::table::from_bytes(b"\xff\xff\xff\xff").is_none());
    }
}
