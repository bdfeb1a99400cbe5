//! The rules of `data/rules.toml`, as the estimator wants them.

use estimator::{BufferRules, CacheLayout, Device, HardwareClass, MemoryRules, RuntimeRules};

use crate::row::{RuleRows, Runtime};

/// All rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// As they were read.
    pub rows: RuleRows,
}

impl Rules {
    /// What systems keep of memory.
    #[must_use]
    pub fn memory(&self) -> MemoryRules {
        let m = &self.rows.memory;
        MemoryRules {
            apple_small_gib: m.apple_small_gib,
            apple_small_share: m.apple_small_share,
            apple_large_share: m.apple_large_share,
            discrete_reserve_share: m.discrete_reserve_share,
            discrete_reserve_gib: m.discrete_reserve_gib,
            unified_share: m.unified_share,
            os_reserve_share: m.os_reserve_share,
            os_reserve_gib: m.os_reserve_gib,
            mobile_share: m.mobile_share,
        }
    }

    /// A runtime's habits on a device.
    #[must_use]
    pub fn runtime(&self, runtime: Runtime, device: &Device) -> RuntimeRules {
        let row = self.rows.runtimes.get(runtime.name()).expect("a test keeps a row for every runtime");
        let on_card = device.class == HardwareClass::DiscreteGpu;
        let reserve_gib = if on_card { row.reserve_card_gib } else { row.reserve_ram_gib };
        let buffer = &self.rows.buffer;
        RuntimeRules {
            layout: CacheLayout { pad_tokens: row.pad_tokens, windows_capped: row.windows_capped },
            micro_batch: row.micro_batch,
            embedding_on_host: row.embedding_on_host,
            can_offload: row.can_offload,
            reserve_gib: reserve_gib + row.reserve_share * device.memory_gib,
            buffer: BufferRules {
                element_bytes: buffer.element_bytes,
                mask_bytes: buffer.mask_bytes,
                hidden_rows: buffer.hidden_rows,
                feed_forward_rows: buffer.feed_forward_rows,
                attention_rows: buffer.attention_rows,
                logits_for_all: row.logits_for_all,
            },
        }
    }
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use super::*;

    #[test]
    fn every_runtime_has_its_habits() {
        for runtime in Runtime::ALL {
            assert!(Rules::embedded().rows.runtimes.contains_key(runtime.name()), "{}", runtime.name());
        }
    }
}
