//! Answers in words for a terminal.

use data::answer::{Answer, Evidence, Remedy, Scope, SpillAnswer, Verdict};
use estimator::{Bound, Range};

/// A number with commas between thousands, and as many decimals as its size deserves.
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let sign = if whole.starts_with('-') { "-" } else { "" };
    format!("{sign}{}{rest}", grouped(whole.trim_start_matches('-')))
}

/// A whole number with commas between thousands.
pub fn count(number: u64) -> String {
    grouped(&number.to_string())
}

fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `112 (98.1 to 127)`.
pub fn range(range: &Range) -> String {
    format!("{} ({} to {})", number(range.mid), number(range.low), number(range.high))
}

/// A duration in milliseconds, in the unit that reads best.
pub fn duration(ms: f64) -> String {
    match ms {
        ms if ms < 1000.0 => format!("{} ms", number(ms)),
        ms if ms < 120_000.0 => format!("{} s", number(ms / 1000.0)),
        ms => format!("{} min", number(ms / 60_000.0)),
    }
}

/// The verdict.
pub fn verdict(answer: &Answer) -> String {
    match (answer.placement, &answer.spill) {
        (Verdict::Whole, _) => "runs whole on the device".to_owned(),
        (Verdict::Offloaded, Some(SpillAnswer::Layers { on_device, on_host })) => {
            format!("runs with {on_host} of {} layers in RAM", on_device + on_host)
        }
        (Verdict::Offloaded, Some(SpillAnswer::Experts { on_host, of })) => {
            format!("runs with the experts of {on_host} of {of} layers in RAM")
        }
        (Verdict::Offloaded, None) => "runs with a part in RAM".to_owned(),
        (Verdict::TooBig, _) => "does not run".to_owned(),
    }
}

/// What would make it run.
pub fn remedy(remedy: &Remedy) -> String {
    match remedy {
        Remedy::CacheType { kv } => format!("it would with --kv {kv}"),
        Remedy::Quant { quant } => format!("it would with --quant {quant}"),
        Remedy::Context { context } => format!("it would with --context {context}"),
        Remedy::Memory { memory_gib } => format!("it would with {} GiB of memory", number(*memory_gib)),
    }
}

/// What binds.
pub fn bound(bound: Bound) -> &'static str {
    match bound {
        Bound::Bandwidth => "memory bandwidth",
        Bound::KvCache => "reading the key-value cache",
        Bound::Overhead => "fixed costs of each token",
        Bound::Compute => "compute",
        Bound::HostRam => "the host's RAM",
        Bound::Link => "the link between devices",
    }
}

/// What a figure rests on.
pub fn evidence(evidence: &Evidence) -> String {
    let rows = match evidence.rows {
        1 => "1 measurement".to_owned(),
        n => format!("{n} measurements"),
    };
    match evidence.scope {
        Scope::Device => format!("{rows} of this device"),
        Scope::Generation => format!("{rows} of its generation"),
        Scope::Class => format!("{rows} of its class"),
        Scope::Uncalibrated => "uncalibrated: the maker's figures alone".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (value, text) in [
            (0.5, "0.50"),
            (9.876, "9.88"),
            (54.32, "54.3"),
            (187.4, "187"),
            (8421.1, "8,421"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!([7, 999, 1000, 1_234_567].map(count), ["7", "999", "1,000", "1,234,567"]);
        assert_eq!(duration(142.3), "142 ms");
        assert_eq!(duration(2500.0), "2.50 s");
        assert_eq!(duration(600_000.0), "10.0 min");
    }
}
