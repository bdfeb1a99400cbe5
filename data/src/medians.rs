//! What people measured, by cell, so that an answer finds the reports of its very setup.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use crate::answer::Asked;
use crate::number;
use crate::submission::{MedianCell, Medians, depth_bucket};

/// Medians by cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MedianIndex {
    cells: BTreeMap<String, MedianCell>,
}

/// The key of a cell: reports with the same key are about the same thing.
#[must_use]
pub fn cell_key(
    device: &str,
    model: &str,
    quant: &str,
    runtime: &str,
    depth_tokens: u32,
    streams: u32,
    speculative: bool,
) -> String {
    let speculative = if speculative { "|speculative" } else { "" };
    format!("{device}|{model}|{quant}|{runtime}|{depth_tokens}|{streams}{speculative}")
}

/// Share of the power that a card is sold with, below which it is another machine. Chosen: makers' own versions of one card
/// differ by less.
pub const CAPPED_BELOW: f64 = 0.95;

/// A machine whose power is limited, as cells name it: reports of it must not share a median with those at stock.
#[must_use]
pub fn capped(device: &str, power_share: f64) -> String {
    if power_share < CAPPED_BELOW {
        format!("{device}@{:.0}%", libm::round(power_share * 10.0) * 10.0)
    } else {
        device.into()
    }
}

impl MedianIndex {
    /// An index of these cells.
    #[must_use]
    pub fn new(medians: Medians) -> Self {
        let key = |c: &MedianCell| {
            cell_key(&c.device, &c.model, &c.quant, &c.runtime, c.depth_tokens, c.streams, c.speculative)
        };
        MedianIndex { cells: medians.cells.into_iter().map(|cell| (key(&cell), cell)).collect() }
    }

    /// What was reported of a setup.
    #[must_use]
    pub fn of(&self, setup: &Asked) -> Option<&MedianCell> {
        self.cells.get(&asked_key(setup))
    }

    /// Every cell with its key, in the order of the keys.
    pub fn cells(&self) -> impl Iterator<Item = (&str, &MedianCell)> {
        self.cells.iter().map(|(key, cell)| (key.as_str(), cell))
    }

    /// Cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether nothing was reported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}

/// These cells as lines for a browser, which looks up some hundred setups and keeps nothing: key, submitters, those of
/// them with a signed run, and the median of decode where there is one, with a tab between each.
pub fn lines<'c>(cells: impl Iterator<Item = (&'c str, &'c MedianCell)>) -> String {
    let mut text = String::new();
    for (key, cell) in cells {
        let median = cell.decode_tps.map(|tps| format!("{tps}")).unwrap_or_default();
        text.push_str(&format!("{key}\t{}\t{}\t{median}\n", cell.count, cell.signed));
    }
    text
}

/// What lines (see [`lines()`]) say of a setup: submitters, signed ones, median in tokens a second and stream.
#[must_use]
pub fn in_lines(lines: &str, setup: &Asked) -> Option<(u32, u32, Option<f64>)> {
    let key = asked_key(setup);
    let line = lines.lines().find_map(|line| line.strip_prefix(&*key)?.strip_prefix('\t'))?;
    let mut parts = line.split('\t');
    let count = parts.next()?.parse().ok()?;
    let signed = parts.next()?.parse().ok()?;
    Some((count, signed, parts.next().and_then(number::read)))
}

fn asked_key(asked: &Asked) -> String {
    let device = capped(&asked.hardware.join("+"), asked.power);
    let depth = depth_bucket(asked.context);
    cell_key(&device, &asked.model, &asked.quant, &asked.runtime, depth, asked.streams, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Engine;
    use crate::query::Params;

    #[test]
    fn an_answer_finds_its_own_reports_and_no_others() {
        let engine = Engine::embedded();
        let setup_of = |more: &[(&str, &str)]| {
            let setup = [("hardware", "rtx-3090"), ("model", "llama-3.1-8b"), ("quant", "q4_k_m")];
            let params = Params::read(setup.iter().chain(more).copied()).unwrap();
            let (rig, job) = engine.read(&params).unwrap();
            let chosen = engine.choose(&params, &rig, &job).unwrap();
            engine.answer(&rig, &job, &chosen).setup
        };
        let cell = MedianCell {
            device: "rtx-3090".into(),
            model: "llama-3.1-8b".into(),
            quant: "q4_k_m".into(),
            runtime: "llama.cpp".into(),
            depth_tokens: 8192,
            streams: 1,
            speculative: false,
            count: 3,
            signed: 3,
            decode_tps: Some(100.0),
            decode_range: None,
            prefill_tps: None,
        };
        let index = MedianIndex::new(Medians { cells: alloc::vec![cell] });
        let sent = lines(index.cells());
        assert_eq!(in_lines(&sent, &setup_of(&[])), Some((3, 3, Some(100.0))), "{sent}");
        assert_eq!(in_lines(&sent, &setup_of(&[("context", "1024")])), None);
        assert_eq!(in_lines(&sent.replace("\t100", "\t"), &setup_of(&[])), Some((3, 3, None)));
        assert_eq!(in_lines("", &setup_of(&[])), None);
        assert!(index.of(&setup_of(&[("context", "4096")])).is_some());
        assert!(index.of(&setup_of(&[("context", "8192")])).is_some());
        for other in
            [("context", "1024"), ("streams", "2"), ("runtime", "vllm"), ("power", "0.6"), ("devices", "2")]
        {
            assert!(index.of(&setup_of(&[other])).is_none(), "{other:?}");
        }
        assert_eq!(capped("a", 0.62), "a@60%");
    }
}
