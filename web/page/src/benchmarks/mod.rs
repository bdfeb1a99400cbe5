//! What was measured, run by run, with our estimate beside each row: the table, its report card, and what is drawn of it.

#[cfg(feature = "full")]
mod around;
mod glossary;
#[cfg(feature = "full")]
mod page;
mod rows;
mod shapes;
mod trend;

use askama::Template;
use data::query::FieldError;
use data::table::wish::PARAMETERS;
use data::table::{Picked, ReportCard, Selection, Sort, Table, Wish};

#[cfg(feature = "full")]
pub use around::{Around, WantedCell};
#[cfg(feature = "full")]
pub use page::{Offers, benchmarks_page};

use crate::messages::Messages;
use crate::query::Query;
use crate::{figure, listing};
use rows::{Group, Head};

/// Where the page is.
pub const PATH: &str = "/benchmarks";

/// What an address loses when other rows or another order are asked for.
const FIRST_PAGE: &[(&str, &str)] = &[("page", ""), ("after", ""), ("before", "")];

/// What the page shows: the rows that an address asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct BenchmarksView<'t> {
    /// The whole table.
    pub table: &'t Table,
    /// What is asked of it.
    pub wish: Wish,
    /// What of the address could not be read.
    pub problems: Vec<FieldError>,
    /// The rows, in order, and which of them are on the page.
    pub selection: Selection<'t>,
}

impl<'t> BenchmarksView<'t> {
    /// Reads the address, filters, sorts, and turns to the page.
    #[must_use]
    pub fn new(table: &'t Table, query: &Query) -> Self {
        let (wish, problems) = Wish::read(|name| query.get(name), table);
        let selection = Selection::new(table, &wish);
        BenchmarksView { table, wish, problems, selection }
    }
}

#[derive(Template)]
#[template(path = "benchmarks_results.html")]
struct Results<'a> {
    m: &'a Messages,
    problems: String,
    card: String,
    counts: String,
    /// What alone is shown of families and models, and the address without that.
    only: Vec<(String, String)>,
    /// Addresses of the same rows as data, with what they are.
    data: [(String, &'static str); 2],
    heads: Vec<Head>,
    groups: Vec<Group<'a>>,
    page_of: String,
    previous: String,
    next: String,
    shapes: shapes::Shapes,
    trend: trend::Trends,
}

/// What goes into `#results`.
pub fn results(view: &BenchmarksView<'_>, query: &Query, m: &Messages) -> askama::Result<String> {
    let selection = &view.selection;
    let number = |count: usize| figure::number(count as f64);
    let families = selection.counts.iter().filter(|count| **count > 0).count();
    // By the row at the page's edge, so that rows which come in meanwhile push nothing out of sight; the number beside it is
    // for where that row is no more.
    let turn = |edge: &str, key: Option<String>, page: usize| match key {
        Some(key) => query.link(PATH, &[FIRST_PAGE, &[(edge, &key), ("page", &page.to_string())]].concat()),
        None => String::new(),
    };
    // A trend is a way to look at rows, not which rows they are.
    let known: Vec<&str> = PARAMETERS.iter().map(|(name, _)| *name).collect();
    let as_data = |path: &str| query.only(&known).link(path, &[]);
    Results {
        m,
        problems: listing::problems(&view.problems, PATH, query, m)?,
        card: card(&selection.all, m),
        counts: m.benchmarks.counts(&number(families), &number(selection.all.len())),
        only: rows::only(&view.wish, query, m),
        data: [(as_data("/benchmarks.json"), "JSON"), (as_data("/benchmarks.csv"), "CSV")],
        heads: rows::heads(&view.wish, query, m),
        groups: rows::groups(view, query, m),
        page_of: if selection.pages > 1 {
            m.results.page(&number(selection.page), &number(selection.pages))
        } else {
            String::new()
        },
        previous: turn("before", selection.previous(), selection.page - 1),
        next: turn("after", selection.next(), selection.page + 1),
        shapes: shapes::shapes(view, m),
        trend: trend::trends(view.table, query, m),
    }
    .render()
}

/// How our estimates did, in a sentence or two.
fn card(rows: &[Picked<'_>], m: &Messages) -> String {
    let w = &m.benchmarks;
    let card = ReportCard::of(rows);
    if card.rows == 0 {
        return w.card_none.to_owned();
    }
    let percent = format!("{:.0}", 100.0 * card.median_error);
    let says = w.card(
        &card.rows.to_string(),
        &percent,
        &format!("×{:.2}", card.median_ratio),
        &card.within.to_string(),
    );
    let fit = match card.fitted {
        0 => w.card_unfitted.to_owned(),
        count => w.card_fitted(&count.to_string()),
    };
    format!("{says} {fit}")
}

/// How addresses spell an order.
fn spelt(sort: Sort, descending: bool) -> String {
    let turned = if descending == sort.largest_first() { "" } else { "-" };
    format!("{turned}{}", sort.name())
}

/// Tokens a second as publishers print them, one decimal; two below one.
fn tps(value: f64) -> String {
    if value < 0.95 { format!("{value:.2}") } else { format!("{value:.1}") }
}

/// `20.0–21.6`, or one figure.
fn span(low: f64, high: f64) -> String {
    let (low, high) = (tps(low), tps(high));
    if low == high { low } else { format!("{low}–{high}") }
}

/// A row in one line, for charts and trends: model, quantisation, device.
fn name(table: &Table, picked: &Picked<'_>) -> String {
    let row = picked.row;
    let family = table.family(row).map_or("", |family| family.name.as_str());
    let family = family.rsplit('/').next().unwrap_or_default();
    // A submission's variant is the model's whole name, whatever stands between its words.
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let model = if letters(&row.variant).contains(&letters(family)) {
        row.variant.clone()
    } else {
        format!("{family} {}", row.variant)
    };
    format!("{model} {} · {}", row.quant, row.hardware)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_written_as_they_were_published() {
        assert_eq!(span(20.0, 21.6), "20.0–21.6");
        assert_eq!(span(31.24, 31.16), "31.2");
        assert_eq!(span(0.12, 0.12), "0.12");
    }

    #[test]
    fn an_order_is_spelt_as_it_is_read() {
        for sort in Sort::ALL {
            for descending in [true, false] {
                let spelt = spelt(sort, descending);
                let get = |name: &str| if name == "sort" { &*spelt } else { "" };
                let (wish, wrong) = Wish::read(get, &Table::default());
                assert_eq!((wish.sort, wish.descending, wrong.len()), (sort, descending, 0), "{spelt}");
            }
        }
    }
}
