//! Tables in markdown, or as a browser copies them, with tabs.

use alloc::vec::Vec;
use core::ops::Range;

use super::{
    batched, bench_table,
    found::{Found, Name},
    page::Page,
};

/// A table; its header is empty if the paste begins below it.
#[derive(Default)]
pub(super) struct Table<'a> {
    pub header: Vec<Cell<'a>>,
    pub rows: Vec<Row<'a>>,
}

/// The text of a cell without the spaces around it, and its place in the clean text. A paste has as many as it has bars.
pub(super) struct Cell<'a> {
    pub text: &'a str,
    pub range: Range<usize>,
}

impl<'a> Cell<'a> {
    /// What stands in a range of the page.
    pub fn new(page: &Page<'a>, range: Range<usize>) -> Cell<'a> {
        let text = page.text().get(range.clone()).unwrap_or_default();
        let start = range.start + text.len() - text.trim_start().len();
        let text = text.trim();
        Cell { text, range: start..start + text.len() }
    }

    /// The same as a name that is kept.
    pub fn name(&self) -> Name {
        Name { text: self.text.into(), range: self.range.clone() }
    }
}

/// One row of a table.
pub(super) struct Row<'a> {
    pub cells: Vec<Cell<'a>>,
    pub range: Range<usize>,
    /// Nothing of its last cell was cut off.
    pub whole: bool,
}

impl<'a> Table<'a> {
    /// The number of the column with this name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|cell| cell.text == name)
    }

    /// The same row with as many cells as the header, if a bar stands in one: only what says which tensors stay where is a
    /// pattern, and may have bars.
    fn without_bars_inside(&self, page: &Page<'a>, mut row: Row<'a>) -> Row<'a> {
        let more = row.cells.len().saturating_sub(self.header.len());
        if let Some(place) = self.column("ot").filter(|_| more > 0) {
            let range = row.cells[place].range.start..row.cells[place + more].range.end;
            row.cells.splice(place..=place + more, [Cell::new(page, range)]);
        }
        row
    }

    /// The cell of a row in the column with this name.
    pub fn cell<'r>(&self, row: &'r Row<'a>, name: &str) -> Option<&'r Cell<'a>> {
        row.cells.get(self.column(name)?)
    }
}

/// Headers that a table of speeds has.
const SPEEDS: [&str; 3] = ["t/s", "t/s (total)", "S_TG t/s"];

/// Reads all tables.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let tables = tables(page);
    tables.iter().for_each(|table| bench_table::read(page, table, out));
    tables.iter().for_each(|table| batched::read(page, table, out));
}

/// All tables whose header has speeds in it, and rows that lost their header.
fn tables<'a>(page: &Page<'a>) -> Vec<Table<'a>> {
    let mut tables: Vec<Table<'a>> = Vec::new();
    let has_mark = page.text().bytes().any(|byte| matches!(byte, b'|' | b'\t'));
    if !has_mark {
        return tables;
    }
    let mut last_row = None;
    // A table may do without the bars at the ends of its rows: then only its header shows that it is one.
    let mut narrow = false;
    // The last cell alone may be short.
    for (number, line) in page.all_plain() {
        let goes_on = last_row.is_some_and(|last| number - last <= 2);
        let has_bar = line.begins_with(b'|');
        let row = if has_bar {
            split(page, line.body..line.end, b'|')
        } else if count(page.body(line), b'\t') >= 3 {
            split(page, line.body..line.end, b'\t')
        } else {
            // The first cell may look like what a log puts before its lines.
            let whole = page.text().get(line.start..line.end).unwrap_or_default();
            if count(whole, b'|') < 3 {
                continue;
            }
            let row = split(page, line.start..line.end, b'|');
            let belongs = is_header(&row) || (narrow && goes_on);
            if !belongs {
                continue;
            }
            row
        };
        if row.cells.iter().all(|cell| cell.text.bytes().all(|byte| b"-: ".contains(&byte))) {
            last_row = last_row.filter(|_| goes_on).map(|_| number);
            continue;
        }
        if is_header(&row) {
            narrow = !has_bar;
            tables.push(Table { header: row.cells, rows: Vec::new() });
        } else {
            // Rows that stand apart belong to no header that is known.
            if !goes_on {
                tables.push(Table::default());
            }
            // What has one cell alone is no row of results.
            if let Some(table) = tables.last_mut().filter(|_| row.cells.len() > 1) {
                let row = table.without_bars_inside(page, row);
                table.rows.push(row);
            }
        }
        last_row = Some(number);
    }
    tables
}

fn is_header(row: &Row<'_>) -> bool {
    row.cells.iter().any(|cell| SPEEDS.contains(&cell.text))
}

fn count(text: &str, mark: u8) -> usize {
    text.bytes().filter(|byte| *byte == mark).count()
}

fn split<'a>(page: &Page<'a>, range: Range<usize>, mark: u8) -> Row<'a> {
    let text = page.text().get(range.clone()).unwrap_or_default();
    let body = text.trim_end();
    let whole = mark == b'\t' || body.ends_with('|');
    let inner = body.strip_prefix('|').unwrap_or(body);
    let inner = if mark == b'|' { inner.strip_suffix('|').unwrap_or(inner) } else { inner };
    let mut start = range.start + (body.len() - body.strip_prefix('|').unwrap_or(body).len());
    let mut cells = Vec::with_capacity(count(inner, mark) + 1);
    for cell in inner.as_bytes().split(|byte| *byte == mark) {
        cells.push(Cell::new(page, start..start + cell.len()));
        start += cell.len() + 1;
    }
    Row { cells, range: range.start..range.start + body.len(), whole }
}
