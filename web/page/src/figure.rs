//! Numbers as people read them: enough digits to decide by, none to be fooled by.

use estimator::Range;

/// Between the two ends of a range.
const DASH: &str = "–";

/// A speed, a size or a score: two or three digits that matter.
#[must_use]
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "?".to_owned();
    }
    let size = value.abs();
    let decimals = match size {
        _ if size >= 9.95 => 0,
        _ if size >= 0.995 => 1,
        _ if size >= 0.0995 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    grouped(text)
}

/// A comma after each three digits of the whole part.
fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut out = sign.to_owned();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// `31–38`, or one figure where both ends read the same.
#[must_use]
pub fn range(range: Range) -> String {
    let (low, high) = (number(range.low), number(range.high));
    if low == high { low } else { format!("{low}{DASH}{high}") }
}

/// A duration in the unit that suits its high end: milliseconds, seconds, minutes, hours.
#[must_use]
pub fn duration(range_ms: Range) -> String {
    let (per, unit) = match range_ms.high {
        ms if ms < 995.0 => (1.0, "ms"),
        ms if ms < 99_500.0 => (1e3, "s"),
        ms if ms < 5_970_000.0 => (6e4, "min"),
        _ => (3.6e6, "h"),
    };
    format!("{}\u{a0}{unit}", range(range_ms.times(1.0 / per)))
}

/// GiB with one decimal, without it from 100 on.
#[must_use]
pub fn gib(value: f64) -> String {
    if value.abs() >= 99.95 {
        return number(value);
    }
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// Billions of parameters: `8B`, `30.5B`, `0.6B`.
#[must_use]
pub fn billions(value: f64) -> String {
    if value >= 99.5 { format!("{}B", number(value)) } else { format!("{}B", gib(value)) }
}

/// Tokens: `512`, `4k`, `128k`, `1M`; exact where they are no round binary thousands: `40,000`.
#[must_use]
pub fn tokens(count: u32) -> String {
    match count {
        n if n >= 1 << 20 && n % (1 << 20) == 0 => format!("{}M", n >> 20),
        n if n >= 1 << 10 && n % (1 << 10) == 0 => format!("{}k", n >> 10),
        n => grouped(&n.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_the_digits_that_matter() {
        #[rustfmt::skip]
        let vectors = [
            (0.0, "0"), (0.05, "0.05"), (0.523, "0.52"), (9.94, "9.9"), (9.96, "10"), (31.4, "31"), (141.7, "142"),
            (12_345.6, "12,346"), (-3.25, "-3.2"), (f64::NAN, "?"),
        ];
        for (value, want) in vectors {
            assert_eq!(number(value), want, "{value}");
        }
    }

    #[test]
    fn ranges_durations_and_sizes_read_well() {
        let spread = |low, high| Range { low, mid: (low + high) / 2.0, high };
        assert_eq!(range(spread(31.2, 38.4)), "31–38");
        assert_eq!(range(spread(31.2, 31.4)), "31");
        assert_eq!(duration(spread(210.0, 480.0)), "210–480\u{a0}ms");
        assert_eq!(duration(spread(800.0, 1450.0)), "0.8–1.4\u{a0}s");
        assert_eq!(duration(spread(90_000.0, 150_000.0)), "1.5–2.5\u{a0}min");
        assert_eq!(gib(18.64), "18.6");
        assert_eq!(gib(24.0), "24");
        assert_eq!(gib(403.4), "403");
        assert_eq!(billions(30.53), "30.5B");
        assert_eq!(billions(671.0), "671B");
    }

    #[test]
    fn tokens_are_binary_thousands_only_where_that_is_exact() {
        assert_eq!([512, 4096, 131_072, 1 << 20, 40_000].map(tokens), ["512", "4k", "128k", "1M", "40,000"]);
    }
}
