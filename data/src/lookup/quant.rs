//! What files, runtimes and people call a quantisation, and which one to take where a runtime cannot load it.

use crate::lookup::{Lookup, ranked, similarity};
use crate::number;
use crate::row::{QuantRow, Runtime};

/// The row that `text` names.
pub(crate) fn find(rows: &[QuantRow], text: &str) -> Result<usize, Lookup> {
    let asked = plain(text);
    let called = |row: &QuantRow, name: &str| {
        plain(&row.id) == name
            || plain(&row.name) == name
            || row.aliases.iter().any(|alias| plain(alias) == name)
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

/// The row for `quant` if `runtime` loads it, else the one it does load whose bits a weight are nearest.
pub(crate) fn nearest<'a>(
    rows: &'a [QuantRow],
    quant: &'a QuantRow,
    runtime: Runtime,
) -> Option<&'a QuantRow> {
    if quant.runtimes.contains(&runtime) {
        return Some(quant);
    }
    let away = |row: &QuantRow| (row.bits_per_weight / quant.bits_per_weight).ln().abs();
    rows.iter()
        .filter(|row| row.runtimes.contains(&runtime))
        .min_by(|a, b| away(a).total_cmp(&away(b)).then(b.quality.cmp(&a.quality)))
}

/// "exl3 4.25 bpw mcg": of the formats that are made to any size, the row nearest to the size named.
fn by_bits(rows: &[QuantRow], asked: &str) -> Option<usize> {
    let group = asked.split(' ').next().filter(|group| matches!(*group, "exl2" | "exl3"))?;
    let bits: f64 = asked.split(' ').skip(1).find_map(|word| {
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
