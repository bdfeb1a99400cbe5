//! Leaderboards: the fastest setups of one workload, as submitters measured them with one version of the suite.

use askama::Template;
use data::submission::MEDIAN_FROM;
use estimator::Range;

use crate::document::{Frame, Site};
use crate::gather::CLASSES;
use crate::messages::Messages;
use crate::query::Query;
use crate::view::{Pages, Problem};
use crate::{device, figure, listing};

/// Where it is.
pub const PATH: &str = "/leaderboard";

/// What a board may be sorted by: the value in the query.
pub const SORTS: [&str; 6] = ["decode", "prefill", "ttft", "ratio", "count", "capability"];

/// What asks for a board: names in the query, those of its file too.
pub const PARAMETERS: [&str; 7] = ["suite", "workload", "prompt", "streams", "class", "model", "sort"];

/// One setup on a board.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardRow {
    /// Its place; none where fewer than [`MEDIAN_FROM`] submitters stand behind it.
    pub rank: Option<usize>,
    /// Name of the machine, and its page where it has one.
    pub machine: (String, String),
    /// Name of the model, and its page where it has one.
    pub model: (String, String),
    /// Quantisation and runtime.
    pub how: String,
    /// Capability of the model, 0 to 100, where the catalogue has it.
    pub capability: Option<f64>,
    /// Submitters, and those of them with a signed run.
    pub count: (u32, u32),
    /// Lowest, median and highest decode, tokens a second and stream.
    pub decode_tps: Range,
    /// Median prefill, tokens a second.
    pub prefill_tps: Option<f64>,
    /// Median time to the first token, in milliseconds.
    pub ttft_ms: Option<f64>,
    /// Median of measured over what was expected when it came.
    pub ratio: Option<f64>,
    /// Id and day of the newest result.
    pub newest: (String, String),
}

/// One point of a workload, as a board to choose.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardChoice {
    /// Its key: `W3`.
    pub workload: String,
    /// What it is called.
    pub name: String,
    /// What it tells.
    pub about: String,
    /// Tokens in the prompt.
    pub prompt_tokens: u32,
    /// Requests at once.
    pub streams: u32,
    /// Whether its workload has other prompts, and other counts of requests.
    pub varies: (bool, bool),
    /// Whether this is the one that is shown.
    pub chosen: bool,
}

/// A board.
#[derive(Clone, Debug, PartialEq)]
pub struct LeaderboardView {
    /// Versions of the suite, the newest last.
    pub suites: Vec<String>,
    /// The one that is shown.
    pub suite: String,
    /// The boards of the suite.
    pub boards: Vec<BoardChoice>,
    /// The rows of this page.
    pub rows: Vec<BoardRow>,
    /// How many there are in all.
    pub total: usize,
    /// Which page this is.
    pub pages: Pages,
    /// Name of the model that alone is shown; empty for all.
    pub model: String,
    /// Whether people can have a profile here, so that there is a list of contributors.
    pub has_profiles: bool,
    /// What of the address could not be read, and was passed over.
    pub problems: Vec<Problem>,
    /// What `llm-speed-probe` is asked for to measure the suite.
    pub command: &'static str,
}

#[derive(Template)]
#[template(path = "leaderboard.html")]
struct Leaderboard<'a> {
    m: &'a Messages,
    problems: String,
    view: &'a LeaderboardView,
    suites: Vec<Link<'a>>,
    boards: Vec<Link<'a>>,
    classes: Vec<Link<'a>>,
    about: &'a str,
    only: String,
    all_models: String,
    heads: Vec<Head>,
    rows: Vec<Row<'a>>,
    page_of: String,
    previous: String,
    next: String,
    json: String,
    csv: String,
}

/// A choice; without an address it is the one that is made.
struct Link<'a> {
    words: std::borrow::Cow<'a, str>,
    href: String,
}

/// A column's head: words, whether numbers stand under it, and the address that sorts by it; empty for none.
struct Head {
    words: &'static str,
    is_number: bool,
    href: String,
    /// How rows are sorted by it: `ascending`, `descending`, or empty.
    sorted: &'static str,
}

struct Row<'a> {
    row: &'a BoardRow,
    rank: String,
    decode: String,
    range: String,
    count: String,
    prefill: String,
    ttft: String,
    ratio: String,
    capability: String,
}

/// The page of a board.
pub fn leaderboard_page(
    view: &LeaderboardView,
    query: &Query,
    m: &Messages,
    site: &Site,
) -> askama::Result<String> {
    let w = &m.leaderboard;
    // What could not be read is in no link: each begins from the board that is shown.
    let asked = query;
    let query = &query.readable(&view.problems);
    let data = query.only(&PARAMETERS);
    let about = view.boards.iter().find(|board| board.chosen).map_or("", |board| board.about.as_str());
    let link_to = |number: usize| {
        if (1..=view.pages.of).contains(&number) {
            query.link(PATH, &[("page", &if number == 1 { String::new() } else { number.to_string() })])
        } else {
            String::new()
        }
    };
    let suites = view.suites.iter().map(|suite| Link {
        words: suite.as_str().into(),
        href: if *suite == view.suite {
            String::new()
        } else {
            query.link(PATH, &[("suite", suite), ("page", "")])
        },
    });
    let classes = std::iter::once("").chain(CLASSES).map(|class| Link {
        words: if class.is_empty() { w.every_class } else { device::class_word(class, m) }.into(),
        href: if query.is("class", class) {
            String::new()
        } else {
            query.link(PATH, &[("class", class), ("page", "")])
        },
    });
    let body = Leaderboard {
        m,
        problems: listing::problems(&view.problems, PATH, asked, m)?,
        view,
        suites: suites.collect(),
        boards: view.boards.iter().map(|board| choice(board, query, m)).collect(),
        classes: classes.collect(),
        about,
        only: if view.model.is_empty() { String::new() } else { w.only(&view.model) },
        all_models: query.link(PATH, &[("model", ""), ("page", "")]),
        heads: heads(query, m),
        rows: view.rows.iter().map(|row| written(row, m)).collect(),
        page_of: if view.pages.of > 1 {
            m.results.page(&view.pages.number.to_string(), &view.pages.of.to_string())
        } else {
            String::new()
        },
        previous: link_to(view.pages.number - 1),
        next: link_to(view.pages.number + 1),
        json: data.link("/api/v1/tables/leaderboard.json", &[]),
        csv: data.link("/api/v1/tables/leaderboard.csv", &[]),
    };
    let board = view.boards.iter().find(|board| board.chosen);
    let board = board.map(|board| board_words(board, m)).unwrap_or_default();
    Frame {
        title: &format!("{}: {board} ({}) – {}", w.title, view.suite, m.site.name),
        description: &format!("{} {board}: {about}", w.lead),
        heading: w.title,
        current: PATH,
        body: body.render()?,
        wide: true,
        ..Frame::default()
    }
    .render(m, site)
}

/// A board in a few words: its prompt or its requests are told where its workload has several.
fn board_words(board: &BoardChoice, m: &Messages) -> String {
    let w = &m.leaderboard;
    let mut words = format!("{} {}", board.workload, board.name);
    if board.varies.0 {
        words = w.at_context(&words, &figure::tokens(board.prompt_tokens));
    }
    if board.varies.1 {
        words = w.at_once(&words, &board.streams.to_string());
    }
    words
}

fn choice<'a>(board: &BoardChoice, query: &Query, m: &Messages) -> Link<'a> {
    let words = board_words(board, m);
    let (prompt, streams) = (board.prompt_tokens.to_string(), board.streams.to_string());
    let changes = [
        ("workload", board.workload.as_str()),
        ("prompt", if board.varies.0 { &prompt } else { "" }),
        ("streams", if board.varies.1 { &streams } else { "" }),
        ("page", ""),
    ];
    let href = if board.chosen { String::new() } else { query.link(PATH, &changes) };
    Link { words: words.into(), href }
}

fn heads(query: &Query, m: &Messages) -> Vec<Head> {
    let w = &m.leaderboard;
    let now = if query.get("sort").is_empty() { SORTS[0] } else { query.get("sort") };
    let columns = [
        ("", "#", true),
        ("", m.report.device, false),
        ("", m.report.model, false),
        ("decode", m.report.decode, true),
        ("count", w.submitters, false),
        ("ttft", m.answer.ttft, true),
        ("prefill", m.report.prefill, true),
        ("ratio", w.ratio, true),
        ("capability", m.answer.capability, true),
        ("", m.measured.latest, false),
    ];
    columns
        .into_iter()
        .map(|(sort, words, is_number)| Head {
            words,
            is_number,
            // Of the time until the first token the shortest comes first.
            sorted: match (sort == now, sort) {
                (false, _) => "",
                (true, "ttft") => "ascending",
                (true, _) => "descending",
            },
            href: if sort.is_empty() || sort == now {
                String::new()
            } else {
                query.link(PATH, &[("sort", sort), ("page", "")])
            },
        })
        .collect()
}

fn written<'a>(row: &'a BoardRow, m: &Messages) -> Row<'a> {
    let (count, signed) = row.count;
    let number = |value: Option<f64>| value.map(figure::number).unwrap_or_default();
    Row {
        row,
        rank: row.rank.map(|rank| rank.to_string()).unwrap_or_default(),
        decode: figure::number(row.decode_tps.mid),
        range: if row.decode_tps.low < row.decode_tps.high {
            figure::range(row.decode_tps)
        } else {
            String::new()
        },
        count: if count < MEDIAN_FROM {
            m.leaderboard.too_few(&count.to_string())
        } else {
            m.measured.count(&count.to_string(), &signed.to_string())
        },
        prefill: number(row.prefill_tps),
        ttft: row
            .ttft_ms
            .map(|ms| figure::duration(Range { low: ms, mid: ms, high: ms }))
            .unwrap_or_default(),
        ratio: row.ratio.map(|ratio| format!("× {ratio:.2}")).unwrap_or_default(),
        capability: number(row.capability),
    }
}
