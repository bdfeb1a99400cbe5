//! Figures read back from a page.

use anyhow::{Context, Result};
use serde_json::Value;

/// One quantisation in the table of a model's page.
pub struct Row<'a> {
    /// The verdict's class: `runs`, `slow`, `spill` or `over`.
    pub class: &'a str,
    /// Decode speed, as it is shown.
    pub decode: &'a str,
    /// Time to the first token, as it is shown.
    pub ttft: &'a str,
}

impl<'a> Row<'a> {
    /// The row of the quantisation with this name.
    pub fn find(html: &'a str, name: &str) -> Result<Self> {
        let (before, after) = html.split_once(&format!(">{name}</a></th>")).context("no row for it")?;
        let class = before.rsplit_once("<tr class=\"").and_then(|(_, rest)| rest.split('"').next());
        let row = after.split("</tr>").next().context("a row ends")?;
        let cells = row.split("<td class=\"num").skip(1).filter_map(|cell| cell.split_once('>'));
        let mut figures = cells.filter_map(|(_, cell)| cell.split("</td>").next());
        // Decode, time to the first token; bits and size come behind them.
        let (decode, ttft) = (figures.next(), figures.next());
        Ok(Row {
            class: class.context("a row has a class")?,
            // What it rests on may stand behind it.
            decode: decode.context("no decode")?.split(" <i>").next().unwrap_or_default(),
            ttft: ttft.context("no time")?,
        })
    }

    /// Whether `shown`, in units of `unit`, is the sent range, to the digits that are shown.
    pub fn shows_range(&self, shown: &str, unit: f64, sent: &Value) -> bool {
        if sent.is_null() {
            return shown.is_empty();
        }
        let (low, high) = shown.split_once('–').unwrap_or((shown, shown));
        agrees(low, &sent["low"], unit) && agrees(high, &sent["high"], unit)
    }
}

/// Whether a figure is a number in units of `unit`, rounded to two or three digits that matter.
fn agrees(shown: &str, sent: &Value, unit: f64) -> bool {
    let (Ok(shown), Some(sent)) = (shown.replace(',', "").parse::<f64>(), sent.as_f64()) else {
        return false;
    };
    let sent = sent / unit;
    let last_digit = match sent.abs() {
        size if size >= 9.95 => 1.0,
        size if size >= 0.995 => 0.1,
        size if size >= 0.0995 => 0.01,
        _ => 0.001,
    };
    (shown - sent).abs() <= last_digit * 0.500_001
}

/// The figures of a duration, and its unit in milliseconds.
pub fn duration(shown: &str) -> (&str, f64) {
    let (figures, unit) = shown.split_once('\u{a0}').unwrap_or((shown, "ms"));
    let ms = match unit {
        "s" => 1e3,
        "min" => 6e4,
        "h" => 3.6e6,
        _ => 1.0,
    };
    (figures, ms)
}

/// Model and quantisation of each card, in order.
pub fn cards(html: &str) -> Vec<(&str, &str)> {
    let card = |text| -> Option<(&str, &str)> {
        let text: &str = text;
        let id = text.split_once("href=\"/m/")?.1.split(['"', '?']).next()?;
        let quant = text.split_once("<p><b>")?.1.split("</b>").next()?;
        Some((id, quant))
    };
    html.split("<li class=\"card ").skip(1).filter_map(card).collect()
}

#[test]
fn figures_agree_to_the_digits_shown() {
    let agrees = |shown: &str, sent: f64| agrees(shown, &Value::from(sent), 1.0);
    assert!(agrees("1,204", 1203.6) && agrees("8.3", 8.34) && agrees("8", 8.04) && agrees("0.25", 0.2549));
    assert!(!agrees("8.3", 8.36) && !agrees("31", 30.4) && !agrees("", 1.0) && !agrees("1204", 1203.4));
}
