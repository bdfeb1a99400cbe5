//! From a value to a place on paper, and the round values worth writing beside the axis.

/// How an axis spreads its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Equal steps are equally far apart; the axis starts at zero where the values allow it.
    Linear,
    /// Equal factors are equally far apart; marked at 1, 2 and 5 of each decade.
    Log10,
    /// Equal factors are equally far apart; marked at powers of two.
    Log2,
}

/// How an axis writes its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `0.5`, `20`, `1,000`, `20k`, `3M`.
    Number,
    /// Token counts in binary thousands: `512`, `4k`, `128k`, `1M`.
    Tokens,
    /// A factor: `×0.5`, `×2`.
    Factor,
}

/// An axis: its words, and how it spreads and writes its values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis<'a> {
    /// Quantity and unit, such as "decode, tokens per second".
    pub label: &'a str,
    /// How values are spread.
    pub spread: Spread,
    /// How values are written.
    pub format: Format,
}

/// Values outside are moved to the nearest one, so that no arithmetic below can overflow.
const LARGEST: f64 = 1e15;
/// The smallest value on a logarithmic axis.
const SMALLEST: f64 = 1e-9;

/// The value as an axis of this spread can hold it, or `None` where it has no place there.
pub(crate) fn placeable(value: f64, spread: Spread) -> Option<f64> {
    match spread {
        _ if !value.is_finite() => None,
        Spread::Linear => Some(value.clamp(-LARGEST, LARGEST)),
        Spread::Log10 | Spread::Log2 => (value > 0.0).then(|| value.clamp(SMALLEST, LARGEST)),
    }
}

/// A value axis laid on paper, from `low` at `start` to `high` at `end`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    spread: Spread,
    low: f64,
    high: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// The axis that holds all of `values`, widened to round ends; `None` where no value can stand on it.
    pub(crate) fn around(
        spread: Spread,
        values: impl Iterator<Item = f64>,
        most_ticks: usize,
    ) -> Option<Scale> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter_map(|v| placeable(v, spread)) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            return None;
        }
        let (low, high) = match spread {
            Spread::Linear => {
                let low = if low > 0.0 && low < 0.6 * high { 0.0 } else { low };
                // A lone value gets an axis around it.
                let (low, high) = if high > low {
                    (low, high)
                } else {
                    (low - low.abs().max(1.0), high + high.abs().max(1.0))
                };
                let step = linear_step(low, high, most_ticks);
                ((low / step).floor() * step, (high / step).ceil() * step)
            }
            Spread::Log10 => {
                let (below, above) = (at_most_125(low), at_least_125(high));
                if above > below {
                    (below, above)
                } else {
                    (at_most_125(low * 0.9), at_least_125(high * 1.1))
                }
            }
            Spread::Log2 if high > low => (low, high),
            Spread::Log2 => (low / 2.0, high * 2.0),
        };
        Some(Scale { spread, low, high, start: 0.0, end: 1.0 })
    }

    /// A linear axis from one value to another, as they are; `None` where they leave no room.
    pub(crate) fn exactly(low: f64, high: f64) -> Option<Scale> {
        (high > low).then_some(Scale { spread: Spread::Linear, low, high, start: 0.0, end: 1.0 })
    }

    /// The same values between these two places.
    pub(crate) fn between(self, start: f64, end: f64) -> Scale {
        Scale { start, end, ..self }
    }

    /// Both ends of the axis.
    pub(crate) fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Where a value stands; values beyond an end stand on it.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let value = placeable(value, self.spread).unwrap_or(self.low).clamp(self.low, self.high);
        let share = match self.spread {
            Spread::Linear => (value - self.low) / (self.high - self.low),
            Spread::Log10 | Spread::Log2 => (value / self.low).ln() / (self.high / self.low).ln(),
        };
        self.start + share * (self.end - self.start)
    }

    /// Round values inside the axis, ascending, at most `most` and at least one.
    pub(crate) fn ticks(&self, most: usize) -> Vec<f64> {
        let most = most.max(2);
        match self.spread {
            Spread::Linear => {
                let step = linear_step(self.low, self.high, most);
                let first = (self.low / step - 1e-9).ceil();
                let last = (self.high / step + 1e-9).floor();
                // `+ 0.0` turns a negative zero into zero.
                (0..=(last - first) as usize).map(|i| (first + i as f64) * step + 0.0).collect()
            }
            Spread::Log10 => self.decade_ticks(most),
            Spread::Log2 => self.power_ticks(most),
        }
    }

    /// 1-2-5 in each decade if there is room, else decades, else every second decade, and so on.
    fn decade_ticks(&self, most: usize) -> Vec<f64> {
        let inside = |v: &f64| (self.low * (1.0 - 1e-9)..=self.high * (1.0 + 1e-9)).contains(v);
        let first = self.low.log10().floor() as i32;
        let last = self.high.log10().ceil() as i32;
        let fine: Vec<f64> =
            (first..=last).flat_map(|e| [1.0, 2.0, 5.0].map(|m| decimal(m, e))).filter(inside).collect();
        if fine.len() <= most {
            return fine;
        }
        for stride in 1.. {
            let coarse: Vec<f64> = (first..=last)
                .filter(|e| e.rem_euclid(stride) == 0)
                .map(|e| decimal(1.0, e))
                .filter(inside)
                .collect();
            if coarse.len() <= most {
                // A span that holds no round decade at this stride still has its own ends.
                return if coarse.is_empty() { vec![self.low] } else { coarse };
            }
        }
        Vec::new()
    }

    fn power_ticks(&self, most: usize) -> Vec<f64> {
        let first = (self.low.log2() - 1e-9).ceil() as i32;
        let last = (self.high.log2() + 1e-9).floor() as i32;
        if last < first {
            return vec![self.low];
        }
        let stride = (1..).find(|stride| (((last - first) / stride) as usize) < most).unwrap_or(1);
        // The largest power is kept: it is the context or stream count people ask about.
        (first..=last).filter(|e| (last - e) % stride == 0).map(|e| 2f64.powi(e)).collect()
    }
}

/// The smallest 1-2-5 step whose multiples hold the span with at most `most` ticks, three at least.
fn linear_step(low: f64, high: f64, most: usize) -> f64 {
    let most = most.max(3);
    let mut step = at_least_125(((high - low) / most as f64).max(1e-12));
    // Two ticks more than the span needs may be taken by widening to round ends; a few steps up always suffice.
    while (high / step - 1e-9).ceil() - (low / step + 1e-9).floor() + 1.0 > most as f64 {
        step = at_least_125(step * 1.5);
    }
    step
}

/// The smallest of …, 1, 2, 5, 10, 20, … that is not below `value`.
fn at_least_125(value: f64) -> f64 {
    let e = value.log10().floor() as i32;
    [1.0, 2.0, 5.0, 10.0]
        .map(|m| decimal(m, e))
        .into_iter()
        .find(|v| *v >= value * (1.0 - 1e-9))
        .unwrap_or(value)
}

/// The largest of …, 1, 2, 5, 10, 20, … that is not above `value`.
fn at_most_125(value: f64) -> f64 {
    let e = value.log10().floor() as i32;
    [5.0, 2.0, 1.0].map(|m| decimal(m, e)).into_iter().find(|v| *v <= value * (1.0 + 1e-9)).unwrap_or(value)
}

/// `m · 10^e`, from the nearest decimal rather than through rounding powers.
fn decimal(m: f64, e: i32) -> f64 {
    if e < 0 { m / 10f64.powi(-e) } else { m * 10f64.powi(e) }
}

/// A value in the words of its axis.
pub(crate) fn written(value: f64, format: Format) -> String {
    match format {
        Format::Number => number(value),
        Format::Factor => format!("×{}", number(value)),
        Format::Tokens if value >= 1_048_576.0 => format!("{}M", short(value / 1_048_576.0)),
        Format::Tokens if value >= 1024.0 => format!("{}k", short(value / 1024.0)),
        Format::Tokens => short(value),
    }
}

fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1e6 {
        format!("{}M", short(value / 1e6))
    } else if size >= 1e4 {
        format!("{}k", short(value / 1e3))
    } else if size >= 1e3 {
        let whole = value.round() as i64;
        format!("{},{:03}", whole / 1000, (whole % 1000).abs())
    } else {
        short(value)
    }
}

/// Three significant digits at most, without trailing zeros.
fn short(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size >= 100.0 || size == 0.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 1.0 => 2,
        _ => ((2.0 - size.log10().floor()) as usize).min(12),
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ticks_of(spread: Spread, low: f64, high: f64, most: usize) -> Vec<f64> {
        Scale::around(spread, [low, high].into_iter(), most).unwrap().ticks(most)
    }

    #[test]
    fn ticks_are_the_round_values_a_person_would_choose() {
        assert_eq!(ticks_of(Spread::Linear, 0.0, 97.0, 5), [0.0, 50.0, 100.0]);
        assert_eq!(ticks_of(Spread::Linear, 0.0, 97.0, 6), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks_of(Spread::Log10, 3.0, 150.0, 8), [2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0]);
        assert_eq!(ticks_of(Spread::Log10, 3.0, 15_000.0, 6), [10.0, 100.0, 1000.0, 10_000.0]);
        assert_eq!(ticks_of(Spread::Log2, 512.0, 131_072.0, 5), [512.0, 2048.0, 8192.0, 32_768.0, 131_072.0]);
    }

    #[test]
    fn values_are_written_as_people_write_them() {
        #[rustfmt::skip]
        let vectors = [
            (Format::Number, 0.0, "0"), (Format::Number, 0.05, "0.05"), (Format::Number, 2.5, "2.5"),
            (Format::Number, 1000.0, "1,000"), (Format::Number, 20_000.0, "20k"), (Format::Number, 3e6, "3M"),
            (Format::Tokens, 512.0, "512"), (Format::Tokens, 4096.0, "4k"), (Format::Tokens, 1_048_576.0, "1M"),
            (Format::Factor, 0.5, "×0.5"),
        ];
        for (format, value, want) in vectors {
            assert_eq!(written(value, format), want);
        }
    }

    #[test]
    fn an_axis_without_a_value_is_no_axis() {
        assert_eq!(Scale::around(Spread::Log10, [0.0, -1.0, f64::NAN].into_iter(), 5), None);
        assert_eq!(Scale::around(Spread::Linear, [f64::INFINITY].into_iter(), 5), None);
    }

    fn any_spread() -> impl Strategy<Value = Spread> {
        prop_oneof![Just(Spread::Linear), Just(Spread::Log10), Just(Spread::Log2)]
    }

    proptest! {
        /// Whatever the values are, they stand inside the axis, in their own order, and so do the ticks.
        #[test]
        fn values_and_ticks_stand_in_order_inside_the_axis(
            spread in any_spread(),
            values in prop::collection::vec(prop_oneof![any::<f64>(), -1e6..1e6f64, 0.0..200.0f64], 1..20),
            most in 0usize..12,
        ) {
            let Some(scale) = Scale::around(spread, values.iter().copied(), most) else { return Ok(()) };
            let scale = scale.between(10.0, 210.0);
            let mut placed: Vec<f64> = values.iter().filter_map(|v| placeable(*v, spread)).collect();
            placed.sort_unstable_by(f64::total_cmp);
            let places: Vec<f64> = placed.iter().map(|v| scale.at(*v)).collect();
            prop_assert!(places.iter().all(|p| (10.0..=210.0).contains(p)), "{places:?}");
            prop_assert!(places.is_sorted());

            let ticks = scale.ticks(most);
            prop_assert!(!ticks.is_empty() && ticks.len() <= most.max(3), "{ticks:?}");
            prop_assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]), "{ticks:?}");
            let (low, high) = scale.ends();
            let slack = 1e-6 * (high - low).abs();
            prop_assert!(ticks.iter().all(|t| (low - slack..=high + slack).contains(t)), "{ticks:?} in {low}..{high}");
        }
    }
}
