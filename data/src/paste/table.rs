//! Tables in markdown, or as a browser copies them, with tabs.

use alloc::vec::Vec;
use core::ops::Range;

use super::{found::Name, page::Page};

/// A table; its header is empty if the paste begins below it.
#[derive(Default)]
pub(super) struct Table {
    pub header: Vec<Name>,
    pub rows: Vec<Row>,
}

/// One row of a table.
pub(super) struct Row {
    pub cells: Vec<Name>,
    pub range: Range<usize>,
    /// Nothing of its last cell was cut off.
    pub whole: bool,
}

impl Table {
    /// The number of the column with this name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|cell| cell.text == name)
    }

    /// The cell of a row in the column with this name.
    pub fn cell<'r>(&self, row: &'r Row, name: &str) -> Option<&'r Name> {
        row.cells.get(self.column(name)?)
    }
}

/// Headers that a table of speeds has.
const SPEEDS: [&str; 3] = ["t/s", "t/s (total)", "S_TG t/s"];

/// All tables whose header has speeds in it, and rows that lost their header.
pub(super) fn tables(page: &Page<'_>) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut last_row = None;
    // A table may do without the bars at the ends of its rows: then only its header shows that it is one.
    let mut narrow = false;
    // The last cell alone may be short.
    for (number, line) in page.all_plain() {
        let body = page.body(line);
        let goes_on = last_row.is_some_and(|last| number - last <= 2);
        let row = if body.starts_with('|') {
            split(page, line.body..line.end, '|')
        } else if body.matches('\t').count() >= 3 {
            split(page, line.body..line.end, '\t')
        } else {
            // The first cell may look like what a log puts before its lines.
            let whole = page.text().get(line.start..line.end).unwrap_or_default();
            if whole.matches('|').count() < 3 {
                continue;
            }
            let row = split(page, line.start..line.end, '|');
            let belongs = is_header(&row) || (narrow && goes_on);
            if !belongs {
                continue;
            }
            row
        };
        if row.cells.iter().all(|cell| cell.text.chars().all(|c| "-: ".contains(c))) {
            last_row = last_row.filter(|_| goes_on).map(|_| number);
            continue;
        }
        if is_header(&row) {
            narrow = !body.starts_with('|');
            tables.push(Table { header: row.cells, rows: Vec::new() });
        } else {
            // Rows that stand apart belong to no header that is known.
            if !goes_on {
                tables.push(Table::default());
            }
            if let Some(table) = tables.last_mut() {
                table.rows.push(row);
            }
        }
        last_row = Some(number);
    }
    tables
}

fn is_header(row: &Row) -> bool {
    row.cells.iter().any(|cell| SPEEDS.contains(&cell.text.as_str()))
}

fn split(page: &Page<'_>, range: Range<usize>, mark: char) -> Row {
    let text = page.text().get(range.clone()).unwrap_or_default();
    let body = text.trim_end();
    let whole = mark == '\t' || body.ends_with('|');
    let inner = body.strip_prefix('|').unwrap_or(body);
    let inner = if mark == '|' { inner.strip_suffix('|').unwrap_or(inner) } else { inner };
    let mut start = range.start + (body.len() - body.strip_prefix('|').unwrap_or(body).len());
    let mut cells = Vec::new();
    for cell in inner.split(mark) {
        cells.push(Name::new(page, start..start + cell.len()));
        start += cell.len() + 1;
    }
    Row { cells, range: range.start..range.start + body.len(), whole }
}
