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

/// Rounds `value` up to a multiple of `step`; a `step` of zero leaves it alone.
pub(crate) fn round_up(value: f64, step: f64) -> f64 {
    if step > 0.0 { libm::ceil(value / step) * step } else { value }
}
