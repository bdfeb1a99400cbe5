//! The number formats of tensors: how many weights a block holds, and in how many bytes.

/// The format of one tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorType {
    /// The number that stands for it in a file.
    pub number: u32,
    /// As llama.cpp prints it: `q4_K`.
    pub name: &'static str,
    /// Weights in one block; a row is a whole number of blocks.
    pub block_weights: u64,
    /// Bytes of one block.
    pub block_bytes: u64,
}

impl TensorType {
    /// The type that this number stands for in a GGUF file.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        TYPES.iter().find(|known| known.number == number).copied()
    }

    /// The type of this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TYPES.iter().find(|known| known.name.eq_ignore_ascii_case(name)).copied()
    }

    /// All types, by number.
    #[must_use]
    pub fn all() -> &'static [TensorType] {
        TYPES
    }

    /// Bytes of a tensor with these dimensions; `None` if a row is no whole number of blocks, or it overflows.
    #[must_use]
    pub fn tensor_bytes(self, dims: &[u64]) -> Option<u64> {
        let row = dims.first().copied().unwrap_or(1);
        if row % self.block_weights != 0 {
            return None;
        }
        let row_bytes = (row / self.block_weights).checked_mul(self.block_bytes)?;
        dims.iter().skip(1).try_fold(row_bytes, |bytes, &dim| bytes.checked_mul(dim))
    }

    /// Bits for each weight: 4.5 for `q4_0`.
    #[must_use]
    pub fn bits_per_weight(self) -> f64 {
        self.block_bytes as f64 * 8.0 / self.block_weights as f64
    }
}

const fn t(number: u32, name: &'static str, block_weights: u64, block_bytes: u64) -> TensorType {
    TensorType { number, name, block_weights, block_bytes }
}

/// Layouts as ggml defines them (`ggml/include/ggml.h` for the numbers, `ggml/src/ggml-common.h` for the blocks).
/// 31 to 33 and 36 to 38 are rows interleaved for ARM, no longer written; 4 and 5 never left 2023 and are unknown.
#[rustfmt::skip]
const TYPES: &[TensorType] = &[
    t(0,  "f32",          1,   4), t(1,  "f16",          1,   2),
    t(2,  "q4_0",        32,  18), t(3,  "q4_1",        32,  20),
    t(6,  "q5_0",        32,  22), t(7,  "q5_1",        32,  24),
    t(8,  "q8_0",        32,  34), t(9,  "q8_1",        32,  36),
    t(10, "q2_K",       256,  84), t(11, "q3_K",       256, 110),
    t(12, "q4_K",       256, 144), t(13, "q5_K",       256, 176),
    t(14, "q6_K",       256, 210), t(15, "q8_K",       256, 292),
    t(16, "iq2_xxs",    256,  66), t(17, "iq2_xs",     256,  74),
    t(18, "iq3_xxs",    256,  98), t(19, "iq1_s",      256,  50),
    t(20, "iq4_nl",      32,  18), t(21, "iq3_s",      256, 110),
    t(22, "iq2_s",      256,  82), t(23, "iq4_xs",     256, 136),
    t(24, "i8",           1,   1), t(25, "i16",          1,   2),
    t(26, "i32",          1,   4), t(27, "i64",          1,   8),
    t(28, "f64",          1,   8), t(29, "iq1_m",      256,  56),
    t(30, "bf16",         1,   2), t(31, "q4_0_4_4",    32,  18),
    t(32, "q4_0_4_8",    32,  18), t(33, "q4_0_8_8",    32,  18),
    t(34, "tq1_0",      256,  54), t(35, "tq2_0",      256,  66),
    t(36, "iq4_nl_4_4",  32,  18), t(37, "iq4_nl_4_8",  32,  18),
    t(38, "iq4_nl_8_8",  32,  18), t(39, "mxfp4",       32,  17),
    t(40, "nvfp4",       64,  36), t(41, "q1_0",       128,  18),
    t(42, "q2_0",        64,  18),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_that_llama_quantize_prints() {
        for (name, bits) in [
            ("q4_0", 4.5),
            ("q8_0", 8.5),
            ("q2_K", 2.625),
            ("q3_K", 3.4375),
            ("q4_K", 4.5),
            ("q5_K", 5.5),
            ("q6_K", 6.5625),
            ("iq1_s", 1.5625),
            ("iq1_m", 1.75),
            ("iq2_xxs", 2.0625),
            ("iq2_xs", 2.3125),
            ("iq2_s", 2.5625),
            ("iq3_xxs", 3.0625),
            ("iq3_s", 3.4375),
            ("iq4_xs", 4.25),
            ("tq1_0", 1.6875),
            ("tq2_0", 2.0625),
            ("mxfp4", 4.25),
            ("nvfp4", 4.5),
        ] {
            assert_eq!(TensorType::from_name(name).unwrap().bits_per_weight(), bits, "{name}");
        }
    }

    #[test]
    fn numbers_and_names_are_unique() {
        for (index, one) in TYPES.iter().enumerate() {
            assert!(TYPES[..index].iter().all(|other| other.number < one.number && other.name != one.name));
        }
    }

    #[test]
    fn a_row_is_whole_blocks_and_nothing_overflows() {
        let q4_k = TensorType::from_name("q4_k").unwrap();
        assert_eq!(q4_k.tensor_bytes(&[4096, 4096]), Some(4096 / 256 * 144 * 4096));
        assert_eq!(q4_k.tensor_bytes(&[100, 4]), None);
        assert_eq!(q4_k.tensor_bytes(&[u64::MAX - 255, 1 << 40]), None);
    }
}
