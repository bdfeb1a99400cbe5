//! The host of a card, as far as notes name its processor.

use data::Catalog;
use estimator::HardwareClass;

use crate::text::{number_after, text_after};

/// Words that a processor's name has at the most.
const NAME_WORDS: usize = 5;

/// Peak bandwidth of the host's RAM in GB/s: the channels of its processor, at the speed that notes in lower case state, else at
/// the processor's own.
#[must_use]
pub fn bandwidth_gb_s(catalog: &Catalog, notes: &str) -> Option<f64> {
    let host = text_after(notes, "host=")?;
    let words: Vec<&str> = host.split_whitespace().collect();
    // The name comes first, and what else is said has no mark of its own.
    let processor = (1..=words.len().min(NAME_WORDS)).rev().find_map(|count| {
        let found = catalog.device(&words[..count].join(" ")).ok()?;
        (found.class == HardwareClass::Cpu).then_some(found)
    })?;
    let stated = ["ddr5-", "ddr4-"].iter().find_map(|kind| number_after(host, kind));
    let mega_transfers = stated.or_else(|| processor.memory_mt_s.map(f64::from))?;
    Some(f64::from(processor.channels?) * 8.0 * mega_transfers / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ram_is_as_fast_as_channels_and_modules_make_it() {
        let of = |notes: &str| bandwidth_gb_s(Catalog::embedded(), notes);
        assert_eq!(of("host=i7-8700 64gb ddr4-2400 dual-channel; pcie3 x8"), Some(38.4));
        assert_eq!(of("ngl=9; host=ryzen 9950x 96gb ddr5; partial_offload"), Some(89.6));
        assert_eq!(of("host=threadripper pro 7975wx 768gb ddr5-5600"), Some(358.4));
        assert_eq!(of("host=somebody; ddr5-5600"), None);
        assert_eq!(of("partial_offload"), None);
    }
}
