//! `data/capability.toml`: from votes, or from size and date, to a score. `build.rs` compiles this module too.

use serde::Deserialize;

use crate::row::{Capability, ModelRow};

/// The rule by which models are scored.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapabilityRule {
    /// From a rating to a score.
    pub scale: Scale,
    /// The rating that is expected where nobody voted.
    pub expected: Expected,
    /// What the votes for its kin tell of a model.
    pub kin: Kin,
}

/// What the votes for one model tell of another.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kin {
    /// Share of how far a rated model stands off the expected rating that its kin is held to stand off, too.
    pub share: f64,
    /// Kin is within so many doublings of the size.
    pub doublings: f64,
}

/// From a rating to a score: a straight line, so that the order is the arena's.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// A rating …
    pub rating: f64,
    /// … and its score.
    pub score: f64,
    /// Points of score for a point of rating, above zero.
    pub points: f64,
}

/// The rating that is expected of a size and a date.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Of 10⁹ parameters at the beginning of `from_year`.
    pub rating: f64,
    /// More for each doubling of the size.
    pub per_doubling: f64,
    /// More for each year.
    pub per_year: f64,
    /// The year that years are counted from.
    pub from_year: f64,
    /// The year from whose beginning on time adds nothing.
    pub last_year: f64,
    /// The moment that stands for an unknown one.
    pub undated_year: f64,
    /// Parameters, in 10⁹, under which a model falls off faster.
    pub small_params_b: f64,
    /// Less for each halving below that.
    pub per_halving: f64,
}

impl Scale {
    /// The score of a rating, 0 to 100, to a hundredth.
    pub fn score(&self, rating: f64) -> f64 {
        let score = self.score + (rating - self.rating) * self.points;
        (score.clamp(0.0, 100.0) * 100.0).round() / 100.0
    }
}

impl Expected {
    /// The rating expected of a model, in the arena's points.
    pub fn rating(&self, row: &ModelRow) -> f64 {
        let year = released(row).unwrap_or(self.undated_year).min(self.last_year);
        let small = (self.small_params_b / size_b(row)).log2().max(0.0);
        self.line(size_b(row), year) - self.per_halving * small
    }

    /// The line alone.
    fn line(&self, size_b: f64, year: f64) -> f64 {
        self.rating + self.per_doubling * size_b.log2() + self.per_year * (year - self.from_year)
    }
}

/// A model with votes, as its kin sees it.
#[derive(Clone, Debug)]
struct Rated {
    family: String,
    name: String,
    size_b: f64,
    elo: u16,
    /// Points of rating above what its size and date let expect.
    above: f64,
    source: String,
}

impl CapabilityRule {
    /// Gives every row its score: by its votes where it has them, else by size and date and the votes for its kin.
    pub fn apply(&self, rows: &mut [ModelRow]) {
        let rated: Vec<Rated> = rows.iter().filter_map(|row| self.rated(row)).collect();
        for row in rows {
            row.capability = match core::mem::take(&mut row.capability) {
                Capability::Arena { elo, source, .. } => {
                    Capability::Arena { elo, source, score: self.scale.score(f64::from(elo)) }
                }
                Capability::Editorial { .. } => self.editorial(row, self.nearest(row, &rated)),
            };
        }
    }

    fn rated(&self, row: &ModelRow) -> Option<Rated> {
        let Capability::Arena { elo, source, .. } = &row.capability else { return None };
        Some(Rated {
            family: row.family.clone(),
            name: row.name.clone(),
            size_b: size_b(row),
            elo: *elo,
            above: f64::from(*elo) - self.expected.rating(row),
            source: source.clone(),
        })
    }

    /// The kin of nearest size, where it is near enough; of two as near, the first.
    fn nearest<'r>(&self, row: &ModelRow, rated: &'r [Rated]) -> Option<&'r Rated> {
        let apart = |kin: &Rated| (kin.size_b / size_b(row)).log2().abs();
        let kin = rated.iter().filter(|kin| kin.family == row.family && kin.name != row.name);
        kin.min_by(|a, b| apart(a).total_cmp(&apart(b))).filter(|kin| apart(kin) <= self.kin.doublings)
    }

    /// The score of a row without votes, its ground in words, and where that was read.
    fn editorial(&self, row: &ModelRow, kin: Option<&Rated>) -> Capability {
        let above = kin.map_or(0.0, |kin| self.kin.share * kin.above);
        let (kin_words, source) = match kin {
            Some(kin) => (format!("; kin {} rated {}", kin.name, kin.elo), kin.source.clone()),
            None => (String::new(), row.sources.first().cloned().unwrap_or_default()),
        };
        Capability::Editorial {
            score: self.scale.score(self.expected.rating(row) + above).round() as u8,
            basis: basis(row) + &kin_words,
            source,
        }
    }
}

/// The geometric mean of total and active parameters, in 10⁹.
fn size_b(row: &ModelRow) -> f64 {
    (row.params_b * row.active_params_b).sqrt()
}

/// The middle of the month of release, as a year with a fraction.
fn released(row: &ModelRow) -> Option<f64> {
    let (year, month) = row.released.as_ref()?.split_once('-')?;
    Some(year.parse::<f64>().ok()? + (month.parse::<f64>().ok()? - 0.5) / 12.0)
}

/// What an editorial score rests on, in words.
fn basis(row: &ModelRow) -> String {
    let size = size_b(row);
    let size =
        if size >= 9.95 { format!("{size:.0}B") } else { format!("{}B", (size * 100.0).round() / 100.0) };
    format!("size class {size}, {}", row.released.as_deref().unwrap_or("release unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;
    use crate::files::read;
    use std::path::Path;

    fn data() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    fn rule() -> CapabilityRule {
        read::parse(&data().join("capability.toml")).expect("the rule is read")
    }

    #[test]
    fn more_votes_never_score_less_and_the_ends_hold() {
        let scale = rule().scale;
        let scores: Vec<f64> = (600..2000).map(|elo| scale.score(f64::from(elo))).collect();
        assert!(scores.is_sorted() && scores[0] == 0.0 && *scores.last().expect("some") == 100.0);
        assert_eq!(scale.score(1318.0), 60.88);
    }

    /// The figures in the file are the line through the rated rows: within two points of rating wherever rows are.
    #[test]
    fn the_line_is_that_of_the_rated_rows() {
        let rule = rule().expected;
        let rated: Vec<(f64, f64, f64)> = Catalog::embedded()
            .models()
            .iter()
            .filter_map(|row| match row.capability {
                Capability::Arena { elo, .. } => Some((
                    size_b(row).log2(),
                    released(row)?.min(rule.last_year) - rule.from_year,
                    f64::from(elo),
                )),
                Capability::Editorial { .. } => None,
            })
            .collect();
        assert!(rated.len() > 80);
        // Residuals of a least-squares line are orthogonal to each of its terms.
        let residual = |(size, year, elo): &(f64, f64, f64)| {
            elo - (rule.rating + rule.per_doubling * size + rule.per_year * year)
        };
        let count = rated.len() as f64;
        for (name, term) in [
            ("level", Box::new(|_: &(f64, f64, f64)| 1.0) as Box<dyn Fn(&(f64, f64, f64)) -> f64>),
            ("size", Box::new(|row| row.0)),
            ("date", Box::new(|row| row.1)),
        ] {
            let norm = rated.iter().map(|row| term(row) * term(row)).sum::<f64>() / count;
            let slope = rated.iter().map(|row| residual(row) * term(row)).sum::<f64>() / count / norm.sqrt();
            assert!(slope.abs() < 2.0, "{name}: refit capability.toml, off by {slope:.1} points of rating");
        }
    }

    /// Each rated row left out in turn: what the votes for its kin say brings it nearer to its own.
    #[test]
    fn the_votes_for_kin_help() {
        let rule = rule();
        let models = Catalog::embedded().models();
        let rated: Vec<Rated> = models.iter().filter_map(|row| rule.rated(row)).collect();
        let off: Vec<(f64, f64)> = models
            .iter()
            .filter_map(|row| {
                let own = rule.rated(row)?;
                let kin = rule.nearest(row, &rated)?;
                Some((own.above.abs(), (own.above - rule.kin.share * kin.above).abs()))
            })
            .collect();
        let mean = |figure: fn(&(f64, f64)) -> f64| off.iter().map(figure).sum::<f64>() / off.len() as f64;
        let (without, with) = (mean(|off| off.0), mean(|off| off.1));
        assert!(
            off.len() > 60 && with < 0.9 * without,
            "{} rows: {without:.1} without, {with:.1} with",
            off.len()
        );
    }

    /// Every editorial score names what placed it and where that was read.
    #[test]
    fn an_editorial_score_says_what_placed_it() {
        let catalog = Catalog::embedded();
        let ground = |id: &str| match &catalog.models().iter().find(|row| row.id == id).expect(id).capability
        {
            Capability::Editorial { basis, source, .. } => (basis.clone(), source.clone()),
            Capability::Arena { .. } => panic!("{id} has votes"),
        };
        let (basis, source) = ground("qwen3-8b");
        assert!(
            basis.starts_with("size class 8.19B, 2025-04; kin Qwen3-") && source.starts_with("lmarena:"),
            "{basis}"
        );
        assert_eq!(
            ground("qwen3-0.6b"),
            ("size class 0.6B, 2025-04".into(), "llmfit:Qwen/Qwen3-0.6B".into())
        );
    }

    /// A row without votes scores by the rule; one line more, and the next build anchors it.
    #[test]
    fn a_row_that_gains_a_rating_is_anchored_by_that_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        for folder in ["hardware", "models", "suites"] {
            std::fs::create_dir(dir.path().join(folder)).expect("made");
        }
        for file in ["capability.toml", "quants.toml", "sources.toml"] {
            std::fs::copy(data().join(file), dir.path().join(file)).expect("copied");
        }
        let path = dir.path().join("models/qwen3.toml");
        let text = std::fs::read_to_string(data().join("models/qwen3.toml")).expect("read");
        let (head, tail) = text.split_once("id = \"qwen3-0.6b\"\n").expect("the row");
        assert!(!tail.split("[[model]]").next().expect("a row").contains("capability"), "it has no votes");
        let score = |text: &str| {
            std::fs::write(&path, text).expect("written");
            let rows = read::rows(dir.path()).expect("read");
            let row = rows.models.into_iter().find(|row| row.id == "qwen3-0.6b").expect("the row");
            (row.capability.score(), matches!(row.capability, Capability::Arena { .. }))
        };
        let before = score(&text);
        assert!(!before.1 && before.0 > 10.0 && before.0 < 30.0, "{before:?}");
        let gained = format!(
            "{head}id = \"qwen3-0.6b\"\ncapability.arena = {{ elo = 1100, source = \"lmarena:2026-01-16\" }}\n{tail}"
        );
        assert_eq!(score(&gained), (26.0, true));
    }
}
