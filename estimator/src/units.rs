//! Unit conversions: the only numbers that the physics owns.

/// Bytes in one GB, as makers print bandwidth (10⁹).
pub const GB: f64 = 1e9;
/// Bytes in one GiB, as tools print memory (2³⁰).
pub const GIB: f64 = 1_073_741_824.0;
/// Operations in one TFLOP or TOP (10¹²).
pub const TERA: f64 = 1e12;
/// Parameters in one "B" (10⁹).
pub const BILLION: f64 = 1e9;
/// Milliseconds in a second.
pub const MS: f64 = 1e3;

/// A share from 0 to 1, to a power from 0 on. Its logarithm is exact enough here, and half the code of a general power,
/// which travels to every browser.
pub(crate) fn share_to(share: f64, power: f64) -> f64 {
    match () {
        () if power == 0.0 => 1.0,
        () if share <= 0.0 => 0.0,
        () => libm::exp(power * libm::log(share)),
    }
}

/// Rounds `value` up to a multiple of `step`; a `step` of zero leaves it alone.
pub(crate) fn round_up(value: f64, step: f64) -> f64 {
    if step > 0.0 { libm::ceil(value / step) * step } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_to_a_power_is_that_of_the_library() {
        for share in [0.0, 1e-9, 0.1, 0.444, 0.9375, 1.0] {
            for power in [0.0, 0.2, 1.0, 2.0, 64.0, 4096.0] {
                let (ours, theirs) = (share_to(share, power), libm::pow(share, power));
                assert!(
                    (ours - theirs).abs() <= 1e-11 * theirs.max(1e-300),
                    "{share} to {power}: {ours}, {theirs}"
                );
            }
        }
    }
}
