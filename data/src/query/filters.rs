//! Which models to show, and in which order.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::slice::from_ref;

use super::noted;
use super::params::{FieldError, Params, clip};
use crate::catalog::Catalog;
use crate::messages::WORDS;
use crate::row::ModelRow;
use crate::rules::Rules;

/// How well a model must fit to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fits {
    /// Whole on the device, at the minimum speed.
    Whole,
    /// Runs at all.
    Runs,
    /// Everything.
    All,
}

/// What to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Most capable first.
    Capability,
    /// Fastest first.
    Speed,
    /// Soonest first token first.
    Ttft,
    /// Largest first.
    Size,
    /// By name.
    Name,
    /// Newest first.
    Newest,
}

/// Values of `fits`, with what they mean.
pub const FITS: [(&str, Fits); 3] = [("whole", Fits::Whole), ("runs", Fits::Runs), ("all", Fits::All)];

/// Values of `sort`, with what they mean.
pub const SORTS: [(&str, Sort); 6] = [
    ("capability", Sort::Capability),
    ("speed", Sort::Speed),
    ("ttft", Sort::Ttft),
    ("size", Sort::Size),
    ("name", Sort::Name),
    ("newest", Sort::Newest),
];

/// Which models to show, and in which order.
#[derive(Clone, Debug, PartialEq)]
pub struct Filters {
    /// What is searched for: words without blanks, hyphens and case, which must all occur.
    pub words: Vec<String>,
    /// How well it must fit.
    pub fits: Fits,
    /// The least decode speed, tokens a second.
    pub min_tps: f64,
    /// The least capability, 0 to 100.
    pub min_score: f64,
    /// Only this family.
    pub family: Option<String>,
    /// Only this licence.
    pub license: Option<String>,
    /// The order.
    pub sort: Sort,
    /// Whether families are kept together.
    pub by_family: bool,
}

impl Filters {
    /// Reads the filters out of the parameters; all errors at once.
    pub fn read(params: &Params, rules: &Rules) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let pick = |text: &str| FITS.iter().find(|(name, _)| *name == text).map(|(_, fits)| *fits);
        let fits = noted(&mut errors, params.word("fits", &FITS.map(|(name, _)| name), pick));
        let pick = |text: &str| SORTS.iter().find(|(name, _)| *name == text).map(|(_, sort)| *sort);
        let sort = noted(&mut errors, params.word("sort", &SORTS.map(|(name, _)| name), pick));
        let by_family =
            noted(&mut errors, params.word("group", &["family"], |text| (text == "family").then_some(true)));
        let min_tps = noted(&mut errors, params.number("min_tps", 0.0, 1e6));
        let min_score = noted(&mut errors, params.number("min_score", 0.0, 100.0));
        let filters = Filters {
            words: params.get("q").unwrap_or("").split_whitespace().map(squeezed).collect(),
            fits: fits.unwrap_or(Fits::All),
            min_tps: min_tps.unwrap_or(rules.rows.defaults.minimum_tps),
            min_score: min_score.unwrap_or(0.0),
            family: params.get("family").map(ToOwned::to_owned),
            license: params.get("license").map(ToOwned::to_owned),
            sort: sort.unwrap_or(Sort::Capability),
            by_family: by_family.unwrap_or(false),
        };
        if errors.is_empty() { Ok(filters) } else { Err(errors) }
    }

    /// The same, where some model has the family and the licence that are asked for.
    ///
    /// # Errors
    /// What no model has, with those that are spelt in part as it is.
    pub fn known(self, catalog: &Catalog) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut check = |field: &str, wanted: &Option<String>, of: &dyn Fn(&ModelRow) -> Option<String>| {
            let Some(wanted) = wanted else { return };
            let mut all: Vec<String> = catalog.models().iter().filter_map(of).collect();
            all.sort_unstable();
            all.dedup();
            if all.iter().all(|name| !name.eq_ignore_ascii_case(wanted)) {
                let part = squeezed(wanted);
                all.retain(|name| !part.is_empty() && squeezed(name).contains(&part));
                all.truncate(4);
                errors.push(FieldError::with_near(field, WORDS.query.filter(&clip(wanted)), all));
            }
        };
        check("family", &self.family, &|row| Some(row.family.clone()));
        check("license", &self.license, &|row| row.license.clone());
        if errors.is_empty() { Ok(self) } else { Err(errors) }
    }

    /// Whether a model passes what can be told without an estimate.
    #[must_use]
    pub fn admit(&self, row: &ModelRow) -> bool {
        self.finds(&[from_ref(&row.name), from_ref(&row.family), from_ref(&row.id)])
            && self.family.as_ref().is_none_or(|family| row.family.eq_ignore_ascii_case(family))
            && self.license.as_ref().is_none_or(|wanted| {
                row.license.as_ref().is_some_and(|license| license.eq_ignore_ascii_case(wanted))
            })
            && row.capability.score() >= self.min_score
    }

    /// Whether every word that is searched for occurs in one of a row's names.
    #[must_use]
    pub fn finds(&self, names: &[&[String]]) -> bool {
        let has = |word: &String| {
            names.iter().any(|some| some.iter().any(|name| squeezed(name).contains(word.as_str())))
        };
        self.words.iter().all(has)
    }
}

/// Letters and digits alone, in lower case: people type "4070ti" and "m4max" for what is written with blanks and hyphens.
fn squeezed(text: &str) -> String {
    let mut letters = text.to_ascii_lowercase();
    letters.retain(|letter| letter.is_ascii_alphanumeric());
    letters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;

    fn words(q: &str) -> Filters {
        let params = Params::read_page([("q", q)]).unwrap();
        Filters::read(&params, Engine::embedded().rules).unwrap()
    }

    #[test]
    fn a_search_is_found_however_it_is_spaced() {
        let names = ["NVIDIA GeForce RTX 4070 Ti", "rtx-4070-ti"].map(String::from);
        for q in ["4070ti", "RTX4070", "geforce 4070-TI", "  nvidia   ti ", "-"] {
            assert!(words(q).finds(&[&names]), "{q}");
        }
        for q in ["4070 ti super", "4080", "radeon"] {
            assert!(!words(q).finds(&[&names]), "{q}");
        }
    }
}
