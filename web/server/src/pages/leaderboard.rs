//! `/leaderboard`: which board, in which order, which page of it. The tables of the API take the same query.

use axum::extract::State;
use axum::http::Uri;
use data::query::FieldError;
use data::row::{SuiteRow, WorkloadRow};
use data::runs::SHAPES;
use data::{Catalog, Lookup};
use page::Query;
use page::gather::CLASSES;
use page::leaderboard::{BoardChoice, BoardRow, LeaderboardView, SORTS, leaderboard_page};
use page::messages::EN;
use page::view::{PER_PAGE, Pages};

use super::{beside, query_of, written};
use crate::app::App;
use crate::board::{self, Entry};
use crate::names::{self, MachineKey};
use crate::problem::{Kind, Problem};
use crate::representation::{HTML, Representation};

/// `GET /leaderboard`.
pub(super) async fn page(State(app): State<App>, uri: Uri) -> Result<Representation, Problem> {
    let query = query_of(&uri);
    let mut asked = Asked::read(app.catalog(), &query)?;
    asked.problems.extend(bad_page(&query));
    let entries = listed(&app, &asked).await?;
    beside(move || {
        let view = view(&app, asked, &entries, &query);
        let html = written(leaderboard_page(&view, &query, &EN, app.site()))?;
        Ok(Representation::new(HTML, html))
    })
    .await
}

/// Which board was asked for.
pub struct Asked {
    suite: &'static SuiteRow,
    workload: &'static WorkloadRow,
    point: board::Point,
    model: Option<String>,
    /// A class of machines as the wire spells it; empty for all.
    class: &'static str,
    sort: &'static str,
    problems: Vec<FieldError>,
}

/// What is wrong with the number of a page.
fn bad_page(query: &Query) -> Option<FieldError> {
    let page = query.get("page");
    let is_good = page.is_empty() || page.parse::<usize>().is_ok_and(|page| page > 0);
    (!is_good).then(|| FieldError::new("page", EN.leaderboard.wrong_page.to_owned()))
}

impl Asked {
    /// Reads the query; the newest suite and its first workload where nothing is said. What is wrong is told and passed over.
    fn read(catalog: &'static Catalog, query: &Query) -> Result<Self, Problem> {
        let mut wrong = Vec::new();
        let suites = catalog.suites();
        let suite = match query.get("suite") {
            "" => suites.last(),
            id => suites.iter().find(|suite| suite.id == id).or_else(|| {
                let near = suites.iter().map(|suite| suite.id.clone()).collect();
                let says = EN.leaderboard.no_suite(&format!("{id:?}"));
                wrong.push(FieldError::with_near("suite", says, near));
                suites.last()
            }),
        };
        let suite = suite.ok_or_else(Problem::not_found)?;
        let workload = match query.get("workload") {
            "" => suite.workload.first(),
            id => suite.workload.iter().find(|row| row.id.eq_ignore_ascii_case(id)).or_else(|| {
                let near = suite.workload.iter().map(|row| row.id.clone()).collect();
                let says = EN.leaderboard.no_workload(&format!("{id:?}"));
                wrong.push(FieldError::with_near("workload", says, near));
                suite.workload.first()
            }),
        };
        let workload = workload.ok_or_else(Problem::not_found)?;
        let mut one_of = |name: &str, known: &[u32]| {
            let text = query.get(name);
            if text.is_empty() {
                return known.first().copied().unwrap_or_default();
            }
            let found = known.iter().copied().find(|value| value.to_string() == text);
            found.unwrap_or_else(|| {
                let near = known.iter().map(ToString::to_string).collect();
                let message = EN.leaderboard.no_point(&workload.id);
                wrong.push(FieldError::with_near(name, message, near));
                known.first().copied().unwrap_or_default()
            })
        };
        let point = (one_of("prompt", &workload.prompt_tokens), one_of("streams", &workload.streams));
        let mut word = |name: &str, known: &[&'static str], says: &str| {
            let text = query.get(name);
            let found = known.iter().copied().find(|word| *word == text);
            if found.is_none() && !text.is_empty() {
                let near = known.iter().map(|word| (*word).to_owned()).collect();
                wrong.push(FieldError::with_near(name, says.to_owned(), near));
            }
            found.unwrap_or_default()
        };
        let sort = word("sort", &SORTS, EN.leaderboard.no_order);
        let class = word("class", &CLASSES, EN.leaderboard.no_class);
        let model = match query.get("model") {
            "" => None,
            text => catalog
                .model(text)
                .map(|row| row.id.clone())
                .map_err(|lookup: Lookup| wrong.push(lookup.at("model", text)))
                .ok(),
        };
        Ok(Asked { suite, workload, point, model, class, sort, problems: wrong })
    }
}

/// The entries of the board that a query asks for, in its order: first those with a place.
///
/// # Errors
/// What of the query could not be read.
pub async fn entries(app: &App, query: &Query) -> Result<Vec<Entry>, Problem> {
    let asked = Asked::read(app.catalog(), query)?;
    if asked.problems.is_empty() { listed(app, &asked).await } else { Err(asked.problems.into()) }
}

async fn listed(app: &App, asked: &Asked) -> Result<Vec<Entry>, Problem> {
    let boards = board::boards(app, asked.suite, asked.workload).await.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a board could not be read");
        Problem::new(Kind::NotReady, Kind::NotReady.explanation())
    })?;
    let class = asked.class;
    let mut entries: Vec<Entry> = boards
        .of(asked.point)
        .iter()
        .filter(|entry| class.is_empty() || names::class(app.catalog(), &entry.device) == Some(class))
        .filter(|entry| asked.model.as_ref().is_none_or(|model| entry.model == *model))
        .cloned()
        .collect();
    let capability = |entry: &Entry| names::capability(app.catalog(), &entry.model).unwrap_or_default();
    // Each as "larger is further up".
    let value = |entry: &Entry| match asked.sort {
        "prefill" => entry.prefill_tps.unwrap_or_default(),
        "ttft" => -entry.ttft_ms.unwrap_or(f64::INFINITY),
        "ratio" => entry.ratio.unwrap_or_default(),
        "count" => f64::from(entry.count),
        "capability" => capability(entry),
        _ => entry.decode_tps.mid,
    };
    entries.sort_by(|a, b| {
        b.is_ranked()
            .cmp(&a.is_ranked())
            .then_with(|| value(b).total_cmp(&value(a)))
            .then_with(|| (&a.device, &a.model, &a.quant).cmp(&(&b.device, &b.model, &b.quant)))
    });
    Ok(entries)
}

fn view(app: &App, asked: Asked, entries: &[Entry], query: &Query) -> LeaderboardView {
    let catalog = app.catalog();
    let pages = Pages::asked(query.get("page"), entries.len());
    let rows = entries.iter().enumerate().skip(pages.first()).take(PER_PAGE);
    LeaderboardView {
        suites: catalog.suites().iter().map(|suite| suite.id.clone()).collect(),
        suite: asked.suite.id.clone(),
        boards: choices(&asked),
        rows: rows.map(|(at, entry)| row(catalog, at, entry)).collect(),
        total: entries.len(),
        pages,
        model: asked.model.as_deref().map(|id| names::model(catalog, id).0).unwrap_or_default(),
        has_profiles: app.identity().is_some(),
        problems: asked.problems,
        command: if asked.suite.id == SHAPES { "bench --shapes" } else { "bench --full" },
    }
}

fn choices(asked: &Asked) -> Vec<BoardChoice> {
    let mut choices = Vec::new();
    for row in &asked.suite.workload {
        for prompt_tokens in &row.prompt_tokens {
            for streams in &row.streams {
                choices.push(BoardChoice {
                    workload: row.id.clone(),
                    name: row.name.clone(),
                    about: row.about.clone(),
                    prompt_tokens: *prompt_tokens,
                    streams: *streams,
                    varies: (row.prompt_tokens.len() > 1, row.streams.len() > 1),
                    chosen: row.id == asked.workload.id && (*prompt_tokens, *streams) == asked.point,
                });
            }
        }
    }
    choices
}

fn row(catalog: &Catalog, at: usize, entry: &Entry) -> BoardRow {
    BoardRow {
        rank: entry.is_ranked().then_some(at + 1),
        machine: MachineKey::read(&entry.device).name(catalog),
        model: names::model(catalog, &entry.model),
        how: names::how(catalog, &entry.quant, &entry.runtime, entry.speculative),
        capability: names::capability(catalog, &entry.model),
        count: (entry.count, entry.signed),
        decode_tps: entry.decode_tps,
        prefill_tps: entry.prefill_tps,
        ttft_ms: entry.ttft_ms,
        ratio: entry.ratio,
        newest: entry.newest.clone(),
    }
}
