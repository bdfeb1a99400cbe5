//! Which rows of the table are shown, in which order, on which page, and how our estimates did on them.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;

use estimator::Range;

use super::{Figure, Row, Sort, Table, Wish, around};

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
    /// Lowest and highest of hidden reasoning, where the figures tell it and the answer apart.
    pub reasoning_tps: Option<(f64, f64)>,
    /// Lowest and highest of the visible answer, where they do.
    pub answer_tps: Option<(f64, f64)>,
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
        let apart = figures().filter_map(|figure| figure.reasoning_tps.zip(figure.answer_tps));
        let (reasoning_tps, answer_tps) = apart
            .map(|(reasoning, answer)| ((reasoning, reasoning), (answer, answer)))
            .reduce(|one, other| (wide(one.0, other.0), wide(one.1, other.1)))
            .unzip();
        figures().next().map(|_| Picked { row, low_tps, high_tps, estimate, reasoning_tps, answer_tps })
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

/// From the lower end of two ranges to the higher.
fn wide(one: (f64, f64), other: (f64, f64)) -> (f64, f64) {
    (one.0.min(other.0), one.1.max(other.1))
}

/// Rows that are asked for, in order, and which of them are on the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection<'t> {
    /// All of them.
    pub all: Vec<Picked<'t>>,
    /// Rows of each family among them.
    pub counts: Vec<usize>,
    /// Where the page begins in [`all`](Selection::all).
    pub first: usize,
    /// The page, from 1; the last one where a later one was asked for. Counted from where the page begins, so that a page
    /// that follows a row is the one in which its own first row stands.
    pub page: usize,
    /// How many pages there are, at least one.
    pub pages: usize,
    /// Rows of a page.
    pub per_page: usize,
    sort: Sort,
    descending: bool,
}

impl<'t> Selection<'t> {
    /// Filters, sorts and pages.
    #[must_use]
    pub fn new(table: &'t Table, wish: &Wish) -> Self {
        let taken = table.rows.iter().filter(|row| wish.takes(table, row));
        let all: Vec<Picked<'t>> = taken.filter_map(|row| Picked::of(row, &wish.shape)).collect();
        // By ranks first: they lie side by side, while rows and their names are all over memory.
        let mut places: Vec<((u32, u64), usize)> =
            all.iter().enumerate().map(|(at, one)| (rank(wish.sort, wish.descending, one), at)).collect();
        // Equal rows keep the order in which they were published: the sort is stable.
        places.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| order(wish, &all[a.1], &all[b.1])));
        let all: Vec<Picked<'t>> = places.into_iter().map(|(_, at)| all[at]).collect();
        let mut counts = alloc::vec![0; table.families.len()];
        for picked in &all {
            counts[picked.row.family as usize] += 1;
        }
        let per_page = wish.per_page as usize;
        let pages = all.len().div_ceil(per_page).max(1);
        let place = |key: &str| Edge::read(key)?.place(wish.sort, wish.descending, &all);
        let follows = || {
            place(&wish.after)
                .map(|(at, is_there)| at + usize::from(is_there))
                .filter(|first| *first < all.len())
        };
        let precedes = || place(&wish.before).map(|(at, _)| at.saturating_sub(per_page));
        let counted = || ((wish.page as usize).clamp(1, pages) - 1) * per_page;
        let first = follows().or_else(precedes).unwrap_or_else(counted);
        let page = if first == 0 { 1 } else { (first / per_page + 1).max(2) };
        let Wish { sort, descending, .. } = *wish;
        Selection { first, page, all, counts, pages: pages.max(page), per_page, sort, descending }
    }

    /// The rows of the page.
    #[must_use]
    pub fn shown(&self) -> &[Picked<'t>] {
        &self.all[self.first.min(self.all.len())..(self.first + self.per_page).min(self.all.len())]
    }

    fn edge(&self, picked: &Picked<'_>) -> String {
        let (family, rank) = rank(self.sort, self.descending, picked);
        Edge { hash: picked.row.hash(), stands: Some((family, rank)) }.key()
    }

    /// Key of the place that the next page follows; none on the last page.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        let is_last = self.first + self.per_page >= self.all.len();
        self.shown().last().filter(|_| !is_last).map(|picked| self.edge(picked))
    }

    /// Key of the place that the page before ends before; none on the first page.
    #[must_use]
    pub fn previous(&self) -> Option<String> {
        self.shown().first().filter(|_| self.first > 0).map(|picked| self.edge(picked))
    }
}

/// The row at a page's edge, and where it stood: a row may be gone when its neighbours are asked for.
struct Edge {
    hash: u64,
    /// Its [`rank`]; not known of a row's own key.
    stands: Option<(u32, u64)>,
}

impl Edge {
    /// As addresses carry it: the row's key, and its family and rank behind it, all in hexadecimal digits.
    fn key(&self) -> String {
        let (family, rank) = self.stands.unwrap_or_default();
        alloc::format!("{:016x}{family:04x}{rank:016x}", self.hash)
    }

    fn read(key: &str) -> Option<Edge> {
        let part = |from: usize, to: usize| u64::from_str_radix(key.get(from..to)?, 16).ok();
        let stands = part(16, 20).zip(part(20, 36)).map(|(family, rank)| (family as u32, rank));
        Some(Edge { hash: part(0, 16)?, stands })
    }

    /// The number of the row among these, or of the one that stands where it stood, and whether it is the row itself. Of
    /// rows that stand alike it is the first: rather is one seen twice than never.
    fn place(&self, sort: Sort, descending: bool, all: &[Picked<'_>]) -> Option<(usize, bool)> {
        let is_itself = |picked: &Picked<'_>| picked.row.hash() == self.hash;
        let stood = self.stands.map(|stands| {
            let before = |picked: &Picked<'_>| rank(sort, descending, picked) < stands;
            let first = all.partition_point(before);
            let alike = all[first..].iter().take_while(|picked| rank(sort, descending, picked) == stands);
            (first, alike.count())
        });
        // Where it stood it mostly still stands: only where it moved or is gone are all rows looked at.
        let (first, alike) = stood.unwrap_or_default();
        let near = all[first..first + alike].iter().position(is_itself).map(|at| first + at);
        let itself = near.or_else(|| all.iter().position(is_itself));
        itself.map(|at| (at, true)).or(stood.map(|(first, _)| (first, false)))
    }
}

/// Family, and a number that rises as the rows of the family come in [`order`], as far as it can tell them apart: of text by its
/// first eight bytes.
pub(super) fn rank(sort: Sort, descending: bool, picked: &Picked<'_>) -> (u32, u64) {
    let row = picked.row;
    let text = |of: &str| {
        let padded = of.bytes().chain([0; 8]).take(8);
        Some(padded.fold(0, |sum, byte| (sum << 8) | u64::from(byte.to_ascii_lowercase())))
    };
    // The bits of numbers rise with them, but for the sign.
    let figure =
        |value: f64| if value.is_sign_negative() { !value.to_bits() } else { value.to_bits() | (1 << 63) };
    let rises = match sort {
        Sort::Variant => text(&row.variant),
        Sort::Quant => text(&row.quant),
        Sort::Hardware => text(&row.hardware),
        Sort::Backend => text(&row.runtime),
        Sort::Concurrency => Some(u64::from(row.concurrency)),
        Sort::Speed => Some(figure(picked.high_tps)),
        Sort::Estimate => picked.estimate.map(|range| figure(range.mid)),
        Sort::Ratio => picked.ratio().map(figure),
        Sort::Date => text(&row.measured_on),
    };
    (row.family, rises.map_or(u64::MAX, |rises| if descending { !rises } else { rises }))
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
            median_ratio: median(with.iter().map(|(_, ratio)| *ratio)),
            median_error: median(with.iter().map(|(_, ratio)| (1.0 / ratio - 1.0).abs())),
            within: with.iter().filter(|(row, _)| row.is_within() == Some(true)).count(),
            fitted: with.iter().filter(|(row, _)| row.row.fitted).count(),
        }
    }
}

/// The middle value, or that between the two; 0 of none.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    crate::timings::quantile(&values.collect::<Vec<f64>>(), 0.5).unwrap_or(0.0)
}

/// The values that a filter can take: of each the first row that has it, and how many do.
#[must_use]
pub fn choices<'t>(table: &'t Table, of: impl Fn(&'t Row) -> &'t str) -> Vec<(&'t Row, usize)> {
    let mut found: Vec<(&Row, usize)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for row in table.rows.iter().filter(|row| !row.superseded) {
        let value = of(row);
        match places.get(value) {
            Some(at) => found[*at].1 += 1,
            None if value.is_empty() => {}
            None => {
                places.insert(value, found.len());
                found.push((row, 1));
            }
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
