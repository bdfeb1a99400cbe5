//! Which rows of the table are shown, in which order, and on which page: all of it read from an address.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;

use estimator::Range;

use super::{Figure, Origin, Row, Table, around};
use crate::query::FieldError;

/// Every parameter, with what it is.
pub const PARAMETERS: &[(&str, &str)] = &[
    ("q", "words to look for in model, family, quantisation, hardware and runtime"),
    ("family", "only this family of models"),
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
    ("per_page", "rows of a page, 1 to 1,000"),
];

/// Rows of a page where nobody says how many.
pub const PER_PAGE: u32 = 100;
/// The most that may be asked for.
pub const MOST_PER_PAGE: u32 = 1000;

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
    /// Rows of a page.
    pub per_page: u32,
}

impl Default for Wish {
    fn default() -> Self {
        Wish {
            words: Vec::new(),
            family: String::new(),
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
            words: get("q").split_whitespace().take(8).map(str::to_owned).collect(),
            family: text("family"),
            hardware: text("hardware"),
            runtime: text("runtime"),
            backend: text("backend"),
            quant: text("quant"),
            shape: text("shape"),
            ..Wish::default()
        };
        wish.concurrency = number(&get, "concurrency", 1, 100_000, &mut wrong);
        wish.page = number(&get, "page", 1, u32::MAX, &mut wrong).unwrap_or(1);
        wish.per_page = number(&get, "per_page", 1, MOST_PER_PAGE, &mut wrong).unwrap_or(PER_PAGE);
        wish.curated = match get("from") {
            "" => None,
            "curated" => Some(true),
            "community" => Some(false),
            other => {
                let near = ["curated", "community"].map(str::to_owned).to_vec();
                wrong.push(FieldError::with_near(
                    "from",
                    format!("\"{other}\" is nobody who measures."),
                    near,
                ));
                None
            }
        };
        if !wish.shape.is_empty() && !table.workloads.iter().any(|workload| workload.name == wish.shape) {
            let near = table.workloads.iter().map(|workload| workload.name.clone()).collect();
            wrong.push(FieldError::with_near("shape", format!("\"{}\" is no workload.", wish.shape), near));
            wish.shape.clear();
        }
        wish.read_sort(get("sort"), &mut wrong);
        (wish, wrong)
    }

    fn read_sort(&mut self, text: &str, wrong: &mut Vec<FieldError>) {
        let (turned, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        match Sort::ALL.into_iter().find(|sort| sort.name() == name) {
            Some(sort) => (self.sort, self.descending) = (sort, sort.largest_first() != turned),
            None if text.is_empty() => {}
            None => {
                let near = Sort::ALL.map(|sort| sort.name().to_owned()).to_vec();
                wrong.push(FieldError::with_near("sort", format!("There is no column \"{name}\"."), near));
            }
        }
    }

    /// Whether a row is asked for, apart from the workload of its figures.
    fn takes(&self, table: &Table, row: &Row) -> bool {
        let is = |wanted: &str, has: &str| wanted.is_empty() || same(wanted, has);
        let family = table.family(row).map_or("", |family| family.name.as_str());
        !row.superseded
            && is(&self.family, family)
            && is(&self.hardware, &row.device)
            && is(&self.runtime, &row.runtime)
            && is(&self.backend, &row.backend)
            && is(&self.quant, &row.quant)
            && self.concurrency.is_none_or(|wanted| wanted == row.concurrency)
            && self.curated.is_none_or(|curated| curated == (row.origin == Origin::Curated))
            && self.words.iter().all(|word| said(row, family, word))
    }
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
        wrong.push(FieldError::new(name, format!("Write a whole number from {least} to {most}.")));
    }
    number
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
    texts.into_iter().any(|text| {
        let (text, word) = (text.as_bytes(), word.as_bytes());
        text.len() >= word.len() && text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
    })
}

/// A row that is shown, with its figures as the wish wants them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picked<'t> {
    /// The row.
    pub row: &'t Row,
    /// Lowest generated tokens a second of the figures that are asked for.
    pub low_tps: f64,
    /// Highest.
    pub high_tps: f64,
    /// Our estimate over the same figures.
    pub estimate: Option<Range>,
}

impl<'t> Picked<'t> {
    /// The row by its figures of a workload, or of all; `None` where it has none of it.
    #[must_use]
    pub fn of(row: &'t Row, workload: &str) -> Option<Self> {
        let asked = |figure: &&Figure| workload.is_empty() || figure.workload == workload;
        let figures = || row.figures.iter().filter(asked);
        let low_tps = figures().map(|figure| figure.low_tps).fold(f64::INFINITY, f64::min);
        let high_tps = figures().map(|figure| figure.high_tps).fold(0.0, f64::max);
        let estimate = around(figures().filter_map(|figure| figure.estimate));
        figures().next().map(|_| Picked { row, low_tps, high_tps, estimate })
    }

    /// The middle of what was measured: that of equal factors to both ends.
    #[must_use]
    pub fn middle_tps(&self) -> f64 {
        libm::sqrt(self.low_tps * self.high_tps)
    }

    /// Measured over estimate, middle over middle.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        self.estimate.map(|range| self.middle_tps() / range.mid)
    }

    /// Whether the middle of what was measured lies in our range.
    #[must_use]
    pub fn is_within(&self) -> Option<bool> {
        self.estimate.map(|range| (range.low..=range.high).contains(&self.middle_tps()))
    }
}

/// Rows that are asked for, in order, and which of them are on the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection<'t> {
    /// All of them.
    pub all: Vec<Picked<'t>>,
    /// Rows of each family among them.
    pub counts: Vec<usize>,
    /// The page, from 1; the last one where a later one was asked for.
    pub page: usize,
    /// How many pages there are, at least one.
    pub pages: usize,
    /// Rows of a page.
    pub per_page: usize,
}

impl<'t> Selection<'t> {
    /// Filters, sorts and pages.
    #[must_use]
    pub fn new(table: &'t Table, wish: &Wish) -> Self {
        let taken = table.rows.iter().filter(|row| wish.takes(table, row));
        let mut all: Vec<Picked<'t>> = taken.filter_map(|row| Picked::of(row, &wish.shape)).collect();
        // Equal rows keep the order in which they were published: the sort is stable.
        all.sort_by(|a, b| a.row.family.cmp(&b.row.family).then_with(|| order(wish, a, b)));
        let mut counts = alloc::vec![0; table.families.len()];
        for picked in &all {
            counts[picked.row.family as usize] += 1;
        }
        let per_page = wish.per_page as usize;
        let pages = all.len().div_ceil(per_page).max(1);
        Selection { page: (wish.page as usize).clamp(1, pages), all, counts, pages, per_page }
    }

    /// The rows of the page.
    #[must_use]
    pub fn shown(&self) -> &[Picked<'t>] {
        let first = (self.page - 1) * self.per_page;
        &self.all[first.min(self.all.len())..(first + self.per_page).min(self.all.len())]
    }
}

fn order(wish: &Wish, a: &Picked<'_>, b: &Picked<'_>) -> Ordering {
    let text = |a: &str, b: &str| {
        a.bytes().map(|byte| byte.to_ascii_lowercase()).cmp(b.bytes().map(|byte| byte.to_ascii_lowercase()))
    };
    let turned = |ordering: Ordering| if wish.descending { ordering.reverse() } else { ordering };
    // What has no figure comes last either way.
    let figure = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => turned(a.total_cmp(&b)),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    match wish.sort {
        Sort::Variant => turned(text(&a.row.variant, &b.row.variant)),
        Sort::Quant => turned(text(&a.row.quant, &b.row.quant)),
        Sort::Hardware => turned(text(&a.row.hardware, &b.row.hardware)),
        Sort::Backend => turned(
            text(&a.row.runtime, &b.row.runtime)
                .then_with(|| text(&a.row.backend, &b.row.backend))
                .then_with(|| text(&a.row.build, &b.row.build)),
        ),
        Sort::Concurrency => turned(a.row.concurrency.cmp(&b.row.concurrency)),
        Sort::Speed => turned(a.high_tps.total_cmp(&b.high_tps)),
        Sort::Estimate => figure(a.estimate.map(|range| range.mid), b.estimate.map(|range| range.mid)),
        Sort::Ratio => figure(a.ratio(), b.ratio()),
        Sort::Date => turned(a.row.measured_on.cmp(&b.row.measured_on)),
    }
}

/// The table as a report card: how our estimates did on the rows that are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReportCard {
    /// Rows with an estimate.
    pub rows: usize,
    /// Median of measured over estimate; 0 without rows.
    pub median_ratio: f64,
    /// Median of the error, as a share of the measured speed; 0 without rows.
    pub median_error: f64,
    /// Rows whose measurement lies in our range.
    pub within: usize,
    /// Rows that the constants were fitted to.
    pub fitted: usize,
}

impl ReportCard {
    /// Over these rows.
    #[must_use]
    pub fn of(rows: &[Picked<'_>]) -> Self {
        let with: Vec<(&Picked<'_>, f64)> = rows.iter().filter_map(|row| Some((row, row.ratio()?))).collect();
        ReportCard {
            rows: with.len(),
            median_ratio: median(with.iter().map(|(_, ratio)| *ratio).collect()),
            median_error: median(with.iter().map(|(_, ratio)| (1.0 / ratio - 1.0).abs()).collect()),
            within: with.iter().filter(|(row, _)| row.is_within() == Some(true)).count(),
            fitted: with.iter().filter(|(row, _)| row.row.fitted).count(),
        }
    }
}

/// The middle value, or that between the two; 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => (values[count / 2 - 1] + values[count / 2]) / 2.0,
    }
}

/// The values that a filter can take, with how many rows each has, in the order of their first row.
#[must_use]
pub fn choices(table: &Table, of: impl Fn(&Row) -> String) -> Vec<(String, usize)> {
    let mut found: Vec<(String, usize)> = Vec::new();
    for row in table.rows.iter().filter(|row| !row.superseded) {
        let value = of(row);
        match found.iter_mut().find(|(known, _)| *known == value) {
            Some((_, count)) => *count += 1,
            None if value.is_empty() => {}
            None => found.push((value, 1)),
        }
    }
    found
}

/// The concurrencies that rows have, ascending.
#[must_use]
pub fn concurrencies(table: &Table) -> Vec<String> {
    let mut found: Vec<u32> = table.rows.iter().map(|row| row.concurrency).collect();
    found.sort_unstable();
    found.dedup();
    found.iter().map(ToString::to_string).collect()
}
