//! What is asked of the table: filters, order and page, read from an address.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Origin, Row, Table};
use crate::messages::WORDS;
use crate::query::FieldError;

/// Every parameter, with what it is.
pub const PARAMETERS: &[(&str, &str)] = &[
    ("q", "words to look for in model, family, quantisation, hardware and runtime"),
    ("family", "only this family of models"),
    ("model", "only this model, by its id"),
    ("hardware", "only this device, by its id"),
    ("runtime", "only this runtime"),
    ("backend", "only this backend: cuda, rocm, vulkan, metal, sycl or cpu"),
    ("quant", "only this quantisation, as published"),
    ("concurrency", "only this many requests side by side"),
    ("shape", "only figures of this workload; without it a range over all of them"),
    ("from", "curated or community"),
    (
        "sort",
        "variant, quant, hardware, backend, concurrency, speed, estimate, ratio or date; a minus before it turns it round",
    ),
    ("page", "page, from 1"),
    (
        "after",
        "rows that come after this one, by its key: keeps its place while new rows come in; stands above page",
    ),
    ("before", "rows that come before this one, by its key"),
    ("per_page", "rows of a page, 1 to 1,000"),
];

/// Rows of a page where nobody says how many.
pub const PER_PAGE: u32 = 100;
/// The most that may be asked for.
pub const MOST_PER_PAGE: u32 = 1000;
/// Words that are looked for.
const MOST_WORDS: usize = 8;
/// What is offered in place of a value that no row has.
const MOST_NEAR: usize = 8;

/// What rows are sorted by, within their family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The model.
    Variant,
    /// The quantisation.
    Quant,
    /// The device.
    Hardware,
    /// Runtime, backend, build.
    Backend,
    /// Requests side by side.
    Concurrency,
    /// Generated tokens a second.
    #[default]
    Speed,
    /// Our estimate.
    Estimate,
    /// Measured over estimate.
    Ratio,
    /// Day of the measurement.
    Date,
}

impl Sort {
    /// All of them, in the order of the columns.
    pub const ALL: [Sort; 9] = [
        Sort::Variant,
        Sort::Quant,
        Sort::Hardware,
        Sort::Backend,
        Sort::Concurrency,
        Sort::Speed,
        Sort::Estimate,
        Sort::Ratio,
        Sort::Date,
    ];

    /// As addresses spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Sort::Variant => "variant",
            Sort::Quant => "quant",
            Sort::Hardware => "hardware",
            Sort::Backend => "backend",
            Sort::Concurrency => "concurrency",
            Sort::Speed => "speed",
            Sort::Estimate => "estimate",
            Sort::Ratio => "ratio",
            Sort::Date => "date",
        }
    }

    /// Whether large values come first unless somebody turns it round.
    #[must_use]
    pub const fn largest_first(self) -> bool {
        matches!(self, Sort::Speed | Sort::Estimate | Sort::Ratio | Sort::Date)
    }
}

/// What is asked of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// Words that must all be found.
    pub words: Vec<String>,
    /// Name of a family; empty for all. So are the next.
    pub family: String,
    /// Id of a model.
    pub model: String,
    /// Id of a device.
    pub hardware: String,
    /// Name of a runtime.
    pub runtime: String,
    /// Name of a backend.
    pub backend: String,
    /// A quantisation as published.
    pub quant: String,
    /// Requests side by side.
    pub concurrency: Option<u32>,
    /// Name of a workload.
    pub shape: String,
    /// Curated rows alone, or submissions alone.
    pub curated: Option<bool>,
    /// What rows are sorted by.
    pub sort: Sort,
    /// Whether the largest come first.
    pub descending: bool,
    /// Page, from 1.
    pub page: u32,
    /// Key of the row that the page follows; empty for none. Stands above [`page`](Wish::page) where there is such a row.
    pub after: String,
    /// Key of the row that the page ends before; empty for none.
    pub before: String,
    /// Rows of a page.
    pub per_page: u32,
}

impl Default for Wish {
    fn default() -> Self {
        Wish {
            words: Vec::new(),
            family: String::new(),
            model: String::new(),
            hardware: String::new(),
            runtime: String::new(),
            backend: String::new(),
            quant: String::new(),
            concurrency: None,
            shape: String::new(),
            curated: None,
            sort: Sort::Speed,
            descending: true,
            page: 1,
            after: String::new(),
            before: String::new(),
            per_page: PER_PAGE,
        }
    }
}

impl Wish {
    /// Reads the parameters; what is wrong is told, all of it, and passed over.
    pub fn read<'a>(get: impl Fn(&str) -> &'a str, table: &Table) -> (Wish, Vec<FieldError>) {
        let mut wrong = Vec::new();
        let text = |name: &str| get(name).trim().to_owned();
        let mut wish = Wish {
            words: get("q").split_whitespace().map(str::to_owned).collect(),
            shape: text("shape"),
            after: text("after"),
            before: text("before"),
            ..Wish::default()
        };
        if wish.words.len() > MOST_WORDS {
            wish.words.truncate(MOST_WORDS);
            let says = WORDS.table.words(&MOST_WORDS.to_string());
            wrong.push(FieldError::new("q", says));
        }
        let families: Vec<&str> = table.families.iter().map(|family| family.name.as_str()).collect();
        wish.family = one_of("family", text("family"), &families, &mut wrong);
        let mut has = |name: &str, asked: String, of: fn(&Row) -> &str| {
            let rows = if asked.is_empty() { &[][..] } else { &table.rows };
            let values: Vec<&str> = rows.iter().map(of).collect();
            one_of(name, asked, &values, &mut wrong)
        };
        wish.model = has("model", text("model"), |row| &row.model);
        wish.runtime = has("runtime", text("runtime"), |row| &row.runtime);
        wish.backend = has("backend", text("backend"), |row| &row.backend);
        wish.quant = has("quant", text("quant"), |row| &row.quant);
        // Devices go by their ids, and are found by the names that rows show them under.
        let shown = text("hardware");
        let is_named = |row: &&Row| {
            !row.device.is_empty() && (same(&row.hardware, &shown) || same_letters(&row.device, &shown))
        };
        let row = if shown.is_empty() { None } else { table.rows.iter().find(is_named) };
        wish.hardware = has("hardware", row.map_or(shown, |row| row.device.clone()), |row| &row.device);
        wish.concurrency = number(&get, "concurrency", 1, 100_000, &mut wrong);
        wish.page = number(&get, "page", 1, u32::MAX, &mut wrong).unwrap_or(1);
        wish.per_page = number(&get, "per_page", 1, MOST_PER_PAGE, &mut wrong).unwrap_or(PER_PAGE);
        wish.curated = match get("from") {
            "" => None,
            "curated" => Some(true),
            "community" => Some(false),
            other => {
                let near = ["curated", "community"].map(str::to_owned).to_vec();
                wrong.push(FieldError::with_near("from", WORDS.table.from(other), near));
                None
            }
        };
        if !wish.shape.is_empty() && !table.workloads.iter().any(|workload| workload.name == wish.shape) {
            let near = table.workloads.iter().map(|workload| workload.name.clone()).collect();
            wrong.push(FieldError::with_near("shape", WORDS.table.shape(&wish.shape), near));
            wish.shape.clear();
        }
        for (name, key) in [("after", &mut wish.after), ("before", &mut wish.before)] {
            let is_key = matches!(key.len(), 16 | 36)
                && key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            if !key.is_empty() && !is_key {
                wrong.push(FieldError::new(name, WORDS.table.key(key)));
                key.clear();
            }
        }
        wish.read_sort(get("sort"), &mut wrong);
        (wish, wrong)
    }

    /// Whether some rows are not asked for: order and pages aside.
    #[must_use]
    pub fn narrows(&self) -> bool {
        let Wish { sort, descending, page, per_page, .. } = *self;
        let (after, before) = (self.after.clone(), self.before.clone());
        *self != Wish { sort, descending, page, per_page, after, before, ..Wish::default() }
    }

    fn read_sort(&mut self, text: &str, wrong: &mut Vec<FieldError>) {
        let (turned, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        match Sort::ALL.into_iter().find(|sort| sort.name() == name) {
            Some(sort) => (self.sort, self.descending) = (sort, sort.largest_first() != turned),
            None if text.is_empty() => {}
            None => {
                let near = Sort::ALL.map(|sort| sort.name().to_owned()).to_vec();
                wrong.push(FieldError::with_near("sort", WORDS.table.column(name), near));
            }
        }
    }

    /// Whether a row is asked for, apart from the workload of its figures.
    pub(super) fn takes(&self, table: &Table, row: &Row) -> bool {
        let is = |wanted: &str, has: &str| wanted.is_empty() || same(wanted, has);
        let family = table.family(row).map_or("", |family| family.name.as_str());
        !row.superseded
            && is(&self.family, family)
            && is(&self.model, &row.model)
            && is(&self.hardware, &row.device)
            && is(&self.runtime, &row.runtime)
            && is(&self.backend, &row.backend)
            && is(&self.quant, &row.quant)
            && self.concurrency.is_none_or(|wanted| wanted == row.concurrency)
            && self.curated.is_none_or(|curated| curated == (row.origin == Origin::Curated))
            && self.words.iter().all(|word| said(row, family, word))
    }
}

/// What is asked for, as the rows spell it; of what no row has, those that hold it are told, else the first of all.
fn one_of(name: &str, asked: String, values: &[&str], wrong: &mut Vec<FieldError>) -> String {
    if asked.is_empty() {
        return asked;
    }
    if let Some(value) = values.iter().find(|value| same(value, &asked)) {
        return (*value).to_owned();
    }
    let mut near: Vec<String> = Vec::new();
    for holds in [asked.as_str(), ""] {
        for value in values.iter().filter(|value| !value.is_empty() && holds_word(value, holds)) {
            if near.len() < MOST_NEAR && !near.iter().any(|known| known == value) {
                near.push((*value).to_owned());
            }
        }
        if !near.is_empty() {
            break;
        }
    }
    wrong.push(FieldError::with_near(name, WORDS.table.no_row(&asked), near));
    String::new()
}

/// A whole number within bounds.
fn number<'a>(
    get: &impl Fn(&str) -> &'a str,
    name: &str,
    least: u32,
    most: u32,
    wrong: &mut Vec<FieldError>,
) -> Option<u32> {
    let text = get(name);
    if text.is_empty() {
        return None;
    }
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    if number.is_none() {
        let says = WORDS.table.whole_number(&least.to_string(), &most.to_string());
        wrong.push(FieldError::new(name, says));
    }
    number
}

/// The same letters and digits, whatever stands between them.
fn same_letters(a: &str, b: &str) -> bool {
    fn plain(text: &str) -> impl Iterator<Item = u8> + '_ {
        text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
    }
    plain(a).eq(plain(b))
}

/// Whether two names are the same but for case.
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// Whether a word stands in one of the texts of a row.
fn said(row: &Row, family: &str, word: &str) -> bool {
    let texts = [
        family,
        &row.variant,
        &row.model,
        &row.quant,
        &row.quant_creator,
        &row.hardware,
        &row.device,
        &row.runtime,
        &row.build,
        &row.backend,
        &row.speculative,
    ];
    texts.into_iter().any(|text| holds_word(text, word))
}

/// Whether a word stands in a text, whatever its case.
fn holds_word(text: &str, word: &str) -> bool {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    word.is_empty() || text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}
