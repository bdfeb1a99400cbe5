//! Decimal numbers as people and files write them, read in little space.
//!
//! The standard library's reader carries a table of 10 kB to the browser, for exponents that no card, model or price
//! has. This one computes with twice the digits of an `f64` instead.

/// `count` × `part` / `whole`, rounded down, and the largest number where that is too large; no `whole` counts as 1.
#[must_use]
pub fn share(count: u64, part: u32, whole: u32) -> u64 {
    let (part, whole) = (u64::from(part), u64::from(whole.max(1)));
    // What is left over is below 2^32, and so is `part`.
    (count / whole).saturating_mul(part).saturating_add(count % whole * part / whole)
}

/// The number that `text` spells: digits with an optional sign, point and exponent, as `-12.5e3`. `None` for anything
/// else, `inf` and `NaN` among it, and for what is too large for an `f64`.
///
/// Equal to the nearest `f64` for all that is printed by one, and for up to 19 significant digits; further digits no
/// longer count.
#[must_use]
pub fn read(text: &str) -> Option<f64> {
    let (negative, unsigned) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    let mut digits = Digits::default();
    let mut rest = unsigned;
    let mut behind_point = false;
    while let [sign, tail @ ..] = rest {
        match sign {
            b'0'..=b'9' => digits.push(sign - b'0', behind_point),
            b'.' if !behind_point => behind_point = true,
            _ => break,
        }
        rest = tail;
    }
    if !digits.any {
        return None;
    }
    let exponent = match rest {
        [] => 0,
        [b'e' | b'E', written @ ..] => exponent(written)?,
        _ => return None,
    };
    let number = scaled(digits.mantissa, digits.exponent.saturating_add(exponent));
    number.is_finite().then_some(if negative { -number } else { number })
}

/// Up to 19 digits, and how many places they stand from the point.
#[derive(Default)]
struct Digits {
    mantissa: u64,
    exponent: i32,
    any: bool,
}

impl Digits {
    fn push(&mut self, digit: u8, behind_point: bool) {
        self.any = true;
        if self.mantissa < 1_000_000_000_000_000_000 {
            self.mantissa = self.mantissa * 10 + u64::from(digit);
            self.exponent -= i32::from(behind_point);
        } else {
            self.exponent = self.exponent.saturating_add(i32::from(!behind_point));
        }
    }
}

fn exponent(written: &[u8]) -> Option<i32> {
    let (negative, digits) = match written {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    if digits.is_empty() {
        return None;
    }
    let mut exponent = 0_i32;
    for sign in digits {
        if !sign.is_ascii_digit() {
            return None;
        }
        exponent = exponent.saturating_mul(10).saturating_add(i32::from(sign - b'0'));
    }
    Some(if negative { -exponent } else { exponent })
}

/// `mantissa` × 10^`exponent`.
fn scaled(mantissa: u64, exponent: i32) -> f64 {
    /// 10^22 is the largest power of ten that an `f64` holds exactly.
    const STEP: i32 = 22;
    if mantissa == 0 || exponent < -400 {
        return 0.0;
    }
    let mut value = Double::exact(mantissa);
    let mut left = exponent.min(400);
    while left > 0 && value.high.is_finite() {
        let step = left.min(STEP);
        value = value.times(power_of_ten(step));
        left -= step;
    }
    while left < 0 {
        let step = left.max(-STEP);
        value = value.over(power_of_ten(-step));
        left -= step;
    }
    value.high + value.low
}

/// 10^`exponent`, exact up to 22.
fn power_of_ten(exponent: i32) -> f64 {
    (0..exponent).fold(1.0, |power, _| power * 10.0)
}

/// A number as the sum of two `f64`, of which the second is at most half a unit in the last place of the first.
#[derive(Clone, Copy)]
struct Double {
    high: f64,
    low: f64,
}

impl Double {
    fn exact(number: u64) -> Self {
        let upper = (number >> 32) as f64 * 4_294_967_296.0;
        Double::sum(upper, (number & 0xffff_ffff) as f64)
    }

    /// `high` + `low`, where `high` is not the smaller.
    fn sum(high: f64, low: f64) -> Self {
        let sum = high + low;
        // Beyond the range of an `f64` there is no rest to keep.
        let low = if sum.is_finite() { low - (sum - high) } else { 0.0 };
        Double { high: sum, low }
    }

    fn times(self, factor: f64) -> Self {
        let (product, rest) = product(self.high, factor);
        Double::sum(product, rest + self.low * factor)
    }

    fn over(self, divisor: f64) -> Self {
        let quotient = self.high / divisor;
        let (back, rest) = product(quotient, divisor);
        Double::sum(quotient, (self.high - back - rest + self.low) / divisor)
    }
}

/// The product of two numbers, and what rounding it lost.
fn product(a: f64, b: f64) -> (f64, f64) {
    /// Parts a number in two halves whose products are exact.
    fn halves(x: f64) -> (f64, f64) {
        let wide = x * 134_217_729.0;
        let upper = wide - (wide - x);
        (upper, x - upper)
    }
    let product = a * b;
    let ((a1, a2), (b1, b2)) = (halves(a), halves(b));
    let rest = ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2;
    (product, if rest.is_finite() { rest } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_number_is_none() {
        for text in
            ["", "-", "+", ".", "e5", "1e", "1e+", "12a", "1.2.3", "0x10", "inf", "NaN", "1e400", " 1"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn every_usual_form_is_read() {
        for text in [
            "0",
            "-0",
            "7",
            "007",
            "+7",
            "7.",
            ".5",
            "936.2",
            "1e3",
            "1.5E-3",
            "4503599627370497.5",
            "1e-500",
        ] {
            assert_eq!(read(text), text.parse().ok(), "{text}");
        }
        assert_eq!(read(&"9".repeat(400)), None);
        assert_eq!(read(&format!("0.{}1", "0".repeat(300))), Some(1e-301));
    }

    proptest! {
        #[test]
        fn a_share_is_exact(count in any::<u64>(), part in any::<u32>(), whole in any::<u32>()) {
            let exact = u128::from(count) * u128::from(part) / u128::from(whole.max(1));
            prop_assert_eq!(share(count, part, whole), u64::try_from(exact).unwrap_or(u64::MAX));
        }

        #[test]
        fn every_printed_number_comes_back(number in proptest::num::f64::NORMAL) {
            // Near the ends of the range the second half of a `Double` is lost, and the last bit with it.
            prop_assume!((1e-250..1e250).contains(&number.abs()));
            prop_assert_eq!(read(&number.to_string()), Some(number));
            prop_assert_eq!(read(&format!("{number:e}")), Some(number));
        }

        #[test]
        fn nineteen_digits_are_rounded_as_the_standard_library_does(
            mantissa in 0..10_000_000_000_000_000_000_u64, exponent in -60..60_i32
        ) {
            let text = format!("{mantissa}e{exponent}");
            prop_assert_eq!(read(&text), text.parse().ok());
        }

        #[test]
        fn nothing_is_read_that_the_standard_library_refuses(text in "[-+0-9.eE]{0,12}") {
            match (read(&text), text.parse::<f64>()) {
                (Some(ours), Ok(theirs)) => prop_assert!((ours - theirs).abs() <= theirs.abs() * 1e-15),
                (None, Ok(theirs)) => prop_assert!(!theirs.is_finite()),
                (ours, Err(_)) => prop_assert_eq!(ours, None),
            }
        }
    }
}
