//! What files, runtimes and people call a quantisation, and which one to take where a runtime cannot load it.

use crate::lookup::{Lookup, ranked, similarity};
use crate::number;
use crate::row::{QuantGroup, QuantRow, StandInRow};

/// The row that `text` names.
pub(crate) fn find(rows: &[QuantRow], text: &str) -> Result<usize, Lookup> {
    let asked = plain(text);
    // "q6k" and "IQ4XS" are written without the signs between their parts.
    let squeezed = |name: &str| plain(name).replace(' ', "");
    let called = |row: &QuantRow, name: &str| {
        let name = squeezed(name);
        [&row.id, &row.name].into_iter().chain(&row.aliases).any(|own| squeezed(own) == name)
    };
    // "gguf-q4_k_m", "i1-Q4_K_M" and "Q4_K_M-QAT" are Q4_K_M
    let bare =
        ["gguf ", "i1 "].iter().fold(asked.as_str(), |name, lead| name.strip_prefix(lead).unwrap_or(name));
    let bare =
        [" qat", " mtp", " gguf"].iter().fold(bare, |name, tail| name.strip_suffix(tail).unwrap_or(name));
    for name in [asked.as_str(), bare] {
        if let Some(row) = rows.iter().position(|row| called(row, name)) {
            return Ok(row);
        }
    }
    if let Some(row) = by_bits(rows, &asked) {
        return Ok(row);
    }
    let scores = rows.iter().map(|row| similarity(&asked, &plain(&row.name)));
    Err(Lookup::Unknown {
        near: ranked(scores, 0.3, 5).into_iter().map(|row| rows[row].id.clone()).collect(),
    })
}

/// Of quantisations that could be taken instead, the one nearest to `wanted` in quality and bits a weight.
pub(crate) fn nearest<'a>(
    instead: impl Iterator<Item = &'a QuantRow>,
    wanted: &QuantRow,
    rules: &StandInRow,
) -> Option<&'a QuantRow> {
    let away = |row: &QuantRow| {
        let quality = (f64::from(row.quality) - f64::from(wanted.quality)).abs() / rules.quality_points;
        quality + (row.bits_per_weight / wanted.bits_per_weight).ln().abs()
    };
    // Of one's own mixes nobody knows what is in them.
    let usual =
        instead.filter(|row| row.group != QuantGroup::Ud && !rules.seldom.split(' ').any(|id| id == row.id));
    usual.min_by(|a, b| away(a).total_cmp(&away(b)).then(b.quality.cmp(&a.quality)))
}

/// "exl3 4.25 bpw mcg": of the formats that are made to any size, the row nearest to the size named. "4.65bpw" alone is of
/// the older of them.
fn by_bits(rows: &[QuantRow], asked: &str) -> Option<usize> {
    let (first, rest) = asked.split_once(' ').unwrap_or((asked, ""));
    let (group, sizes) = match first {
        "exl2" | "exl3" => (first, rest),
        _ if asked.ends_with("bpw") => ("exl2", asked),
        _ => return None,
    };
    let bits: f64 = sizes.split(' ').find_map(|word| {
        number::read(word.trim_end_matches("bpw").trim_end_matches("bit").trim_end_matches('h'))
    })?;
    let of_group = rows.iter().enumerate().filter(|(_, row)| row.id.starts_with(group));
    let away = |row: &QuantRow| (row.bits_per_weight - bits).abs();
    of_group
        .min_by(|a, b| away(a.1).total_cmp(&away(b.1)))
        .filter(|(_, row)| away(row) <= 1.0)
        .map(|(at, _)| at)
}

/// Lower case, words parted by one space; underscores and hyphens are spaces too.
fn plain(text: &str) -> String {
    let lower = text.trim().to_ascii_lowercase();
    let words = lower.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '.');
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}
