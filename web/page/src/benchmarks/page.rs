//! The whole page: the filters above the table, and what stands below it.

use askama::Template;
use data::table::select::{choices, concurrencies};
use data::table::wish::PER_PAGE;
use data::table::{Row, Table};

use super::around::{Around, below};
use super::{BenchmarksView, PATH, results};
use crate::document::{Frame, Site};
use crate::messages::Messages;
use crate::query::Query;

/// A value, and the words for it.
type Choice = (String, String);

#[derive(Template)]
#[template(path = "benchmarks_form.html")]
struct Form<'a> {
    m: &'a Messages,
    words: &'a str,
    /// What links ask for and no field shows, so that a form without script keeps it.
    kept: Vec<(&'static str, &'a str)>,
    fields: Vec<Field<'a>>,
}

/// One list to choose from.
struct Field<'a> {
    name: &'static str,
    label: &'static str,
    invalid: bool,
    /// Whether its words need twice the room.
    is_wide: bool,
    now: &'a str,
    choices: Vec<Choice>,
}

/// What the lists above the table offer; of a large table it takes longer to gather than a page of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offers {
    hardware: Vec<Choice>,
    backend: Vec<Choice>,
    runtime: Vec<Choice>,
    quant: Vec<Choice>,
    concurrency: Vec<Choice>,
}

impl Offers {
    /// Everything that rows of the table have.
    #[must_use]
    pub fn of(table: &Table) -> Self {
        let streams = concurrencies(table).into_iter().map(|count| (count.clone(), count));
        Offers {
            hardware: hardware(table),
            backend: counted(table, |row| &row.backend),
            runtime: counted(table, |row| &row.runtime),
            quant: counted(table, |row| &row.quant),
            concurrency: streams.collect(),
        }
    }
}

/// The page: the rows that the address asks for, filters above them, and the machines, plans and wants below.
pub fn benchmarks_page(
    table: &Table,
    around: &Around<'_>,
    query: &Query,
    m: &Messages,
    site: &Site,
) -> askama::Result<String> {
    let view = BenchmarksView::new(table, query);
    let wish = &view.wish;
    let asked = [&wish.family, &wish.model, &wish.hardware, &wish.backend, &wish.quant, &wish.shape];
    let asked: Vec<&str> = asked.into_iter().map(String::as_str).filter(|value| !value.is_empty()).collect();
    let what = if asked.is_empty() { String::new() } else { format!(": {}", asked.join(", ")) };
    Frame {
        title: &format!("{}{what} – {}", m.benchmarks.title, m.site.name),
        description: m.benchmarks.lead,
        heading: m.benchmarks.title,
        current: PATH,
        form: form(&view, around.offers, query, m)?,
        body: results(&view, query, m)?,
        below: below(around, m)?,
        ..Frame::default()
    }
    .render(m, site)
}

fn form(view: &BenchmarksView<'_>, offers: &Offers, query: &Query, m: &Messages) -> askama::Result<String> {
    let w = &m.benchmarks;
    let table = view.table;
    let shapes = table.workloads.iter().map(|workload| (workload.name.clone(), workload.name.clone()));
    let lists = [
        ("hardware", w.hardware, with_any(w.any, offers.hardware.clone())),
        ("backend", w.backend, with_any(w.any, offers.backend.clone())),
        ("runtime", w.runtime, with_any(w.any, offers.runtime.clone())),
        ("quant", w.quant, with_any(w.any, offers.quant.clone())),
        ("concurrency", w.concurrency, with_any(w.any, offers.concurrency.clone())),
        ("shape", w.workload, with_any(w.workload_any, shapes.collect())),
        (
            "from",
            w.origin,
            fixed(&[("", w.any), ("curated", w.origin_curated), ("community", w.origin_community)]),
        ),
        ("sort", w.order, orders(m)),
        (
            "per_page",
            w.rows,
            fixed(&[("", &PER_PAGE.to_string()), ("25", "25"), ("250", "250"), ("1000", "1,000")]),
        ),
    ];
    let field = |(name, label, mut choices): (&'static str, &'static str, Vec<Choice>)| {
        // As rows spell it, however the address does: a filter in force is never shown as "all".
        let wish = &view.wish;
        let now = match name {
            "hardware" => wish.hardware.as_str(),
            "backend" => &wish.backend,
            "runtime" => &wish.runtime,
            "quant" => &wish.quant,
            // The order that is meant where none is asked for.
            "sort" if query.is(name, "speed") => "",
            _ => query.get(name),
        };
        let invalid = view.problems.iter().any(|problem| problem.field == name);
        // What links ask for and the list does not offer is in force too.
        if !now.is_empty() && !invalid && !choices.iter().any(|(value, _)| value == now) {
            choices.push((now.to_owned(), now.to_owned()));
        }
        let is_wide = matches!(name, "hardware" | "sort");
        Field { name, label, invalid, is_wide, now, choices }
    };
    let kept = [("family", &*view.wish.family), ("model", &view.wish.model)];
    Form {
        m,
        words: query.get("q"),
        kept: kept.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
        fields: lists.into_iter().map(field).collect(),
    }
    .render()
}

/// Devices by their ids; what publishers call one differently is one, by its first row's name.
fn hardware(table: &Table) -> Vec<Choice> {
    let named = |(row, count): (&Row, usize)| (row.device.clone(), format!("{} ({count})", row.hardware));
    choices(table, |row| &row.device).into_iter().map(named).collect()
}

/// Every order that a head of the table asks for, each with its reverse: what the list does not offer, the next filter loses.
fn orders(m: &Messages) -> Vec<Choice> {
    let w = &m.benchmarks;
    let of_speed = [("", w.order_speed), ("-speed", w.order_slow)];
    let named = [
        ("variant", w.order_variant),
        ("quant", w.order_quant),
        ("hardware", w.order_hardware),
        ("backend", w.order_backend),
        ("concurrency", w.order_concurrency),
    ];
    let by_name = named.into_iter().flat_map(|(order, words)| {
        [(order.to_owned(), words.to_owned()), (format!("-{order}"), w.order_turned(words))]
    });
    let of_value = [
        ("estimate", w.order_estimate),
        ("-estimate", w.order_estimate_low),
        ("ratio", w.order_ratio),
        ("-ratio", w.order_ratio_low),
        ("date", w.order_date),
        ("-date", w.order_date_old),
    ];
    fixed(&of_speed).into_iter().chain(by_name).chain(fixed(&of_value)).collect()
}

/// Values of the rows, with how many have each.
fn counted(table: &Table, of: fn(&Row) -> &str) -> Vec<Choice> {
    let named = |(row, count): (&Row, usize)| (of(row).to_owned(), format!("{} ({count})", of(row)));
    choices(table, of).into_iter().map(named).collect()
}

fn with_any(any: &str, choices: Vec<Choice>) -> Vec<Choice> {
    std::iter::once((String::new(), any.to_owned())).chain(choices).collect()
}

fn fixed(choices: &[(&str, &str)]) -> Vec<Choice> {
    choices.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use data::table::Sort;

    use super::*;

    #[test]
    fn the_list_offers_every_order_that_a_head_asks_for() {
        let offered = orders(&crate::messages::EN);
        for sort in Sort::ALL {
            for order in [sort.name().to_owned(), format!("-{}", sort.name())] {
                let order = if order == Sort::default().name() { String::new() } else { order };
                assert_eq!(offered.iter().filter(|(value, _)| *value == order).count(), 1, "{order}");
            }
        }
    }
}
