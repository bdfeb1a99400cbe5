//! A page's worth of cards, with headings where they are grouped and links to the other pages.

use askama::Template;
use data::query::{is_filter, is_parameter};

use crate::card::CardRow;
use crate::messages::Messages;
use crate::query::Query;
use crate::view::{Card, Pages, Problem, Subject};

#[derive(Template)]
#[template(path = "listing.html")]
struct Listing<'a> {
    m: &'a Messages,
    groups: Vec<(&'a str, Vec<String>)>,
    first: usize,
    page_of: String,
    previous: String,
    next: String,
    swatches: Vec<(String, &'static str)>,
    none: &'a str,
    asked: &'a str,
    data: String,
}

/// The cards of one page of a list. `path` is the page's own, for links that change the query; `asked` is the query that asks
/// for the whole list elsewhere.
pub(crate) fn listing(
    cards: &[Card],
    pages: Pages,
    none: &str,
    path: &str,
    query: &Query,
    asked: &str,
    m: &Messages,
) -> askama::Result<String> {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for card in cards {
        let family = match &card.subject {
            Subject::Model(model) if query.is("group", "family") => model.family.as_str(),
            _ => "",
        };
        let html = CardRow::new(card, path, query, m).render()?;
        match groups.iter_mut().find(|(name, _)| *name == family) {
            Some((_, cards)) => cards.push(html),
            None => groups.push((family, vec![html])),
        }
    }
    let link_to = |number: usize| {
        if (1..=pages.of).contains(&number) {
            query.link(path, &[("page", &if number == 1 { String::new() } else { number.to_string() })])
        } else {
            String::new()
        }
    };
    let parts = [m.answer.part_weights, m.answer.part_kv, m.answer.part_buffer, m.answer.part_runtime];
    Listing {
        m,
        groups,
        first: pages.first() + 1,
        page_of: if pages.of > 1 {
            m.results.page(&pages.number.to_string(), &pages.of.to_string())
        } else {
            String::new()
        },
        previous: link_to(pages.number - 1),
        next: link_to(pages.number + 1),
        swatches: parts.into_iter().enumerate().map(|(i, name)| (chart::swatch(i), name)).collect(),
        none,
        asked,
        data: as_data("fits", asked, m),
    }
    .render()
}

/// Links to a table as data, for a query that asks for it, as HTML.
pub(crate) fn as_data(table: &str, asked: &str, m: &Messages) -> String {
    // All else that HTML knows is escaped in an address already.
    let asked = asked.replace('&', "&#38;");
    let link =
        |form: &str, name: &str| format!("<a href=\"/api/v1/tables/{table}.{form}{asked}\">{name}</a>");
    format!("{} {}, {}", m.results.as_data, link("json", "JSON"), link("csv", "CSV"))
}

/// What asks for the whole of a list elsewhere: what lists take and could be read, and no page of it.
pub(crate) fn asked(query: &Query, problems: &[Problem]) -> Query {
    query.readable(problems).keeping(&|name| is_parameter(name) || is_filter(name) || name == "kind")
}

#[derive(Template)]
#[template(path = "problems.html")]
struct Problems<'a> {
    m: &'a Messages,
    problems: Vec<ProblemRow<'a>>,
}

struct ProblemRow<'a> {
    problem: &'a Problem,
    near: Vec<(&'a str, String)>,
}

/// What could not be read, with links that try the near matches; empty where all could.
pub(crate) fn problems(
    problems: &[Problem],
    path: &str,
    query: &Query,
    m: &Messages,
) -> askama::Result<String> {
    if problems.is_empty() {
        return Ok(String::new());
    }
    let rows = problems.iter().map(|problem| ProblemRow {
        problem,
        near: problem.near.iter().map(|n| (n.as_str(), query.link(path, &[(&problem.field, n)]))).collect(),
    });
    Problems { m, problems: rows.collect() }.render()
}
