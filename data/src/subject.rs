//! The model in question: a row at a quantisation, or a file that was read.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use estimator::{BitsPerWeight, LayerGroup, Layers, Model, Weights};

use crate::catalog::Catalog;
use crate::constants::family;
use crate::gguf::{ModelShape, TooVaried};
use crate::messages::WORDS;
use crate::row::{MatrixFormat, ModelRow, OddRows, QuantGroup, QuantRow, Runtime};

/// One model at one quantisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The row's id, or the file's name.
    pub model_id: String,
    /// Its name, for a heading.
    pub name: String,
    /// Its shape.
    pub model: Model,
    /// Its bytes by role.
    pub weights: Weights,
    /// Quantisation id.
    pub quant_id: String,
    /// Its [`family`], by which kernels differ.
    pub family: &'static str,
    /// The format its weights can be multiplied in.
    pub matrix_format: MatrixFormat,
    /// Bits a weight over the whole file.
    pub bits_per_weight: f64,
    /// Facts that were recalled rather than read, in words.
    pub unverified: Vec<String>,
}

/// What speed and size depend on, of a model at a quantisation: a subject without its names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matter {
    /// Its shape.
    pub model: Model,
    /// Its bytes by role.
    pub weights: Weights,
    /// Its [`family`], by which kernels differ.
    pub family: &'static str,
    /// The format its weights can be multiplied in.
    pub matrix_format: MatrixFormat,
    /// Bits a weight over the whole file.
    pub bits_per_weight: f64,
}

impl Matter {
    /// A row of the catalogue and its [`shape`] at a quantisation of the catalogue, as files for a runtime have it.
    #[must_use]
    pub fn of(row: &ModelRow, model: Model, quant: &QuantRow, runtime: Runtime) -> Self {
        let usual = bits(quant, model.tied_embeddings);
        let (bits, routed_bits) = bits_in_file(row, quant, usual, runtime);
        let kept = kept_bits(row, quant, runtime).is_some();
        let mut weights = Weights::from_bits(&model, bits);
        weights.routed_bytes *= routed_bits / bits.bulk;
        let wider = weights.total_bytes() / Weights::from_bits(&model, usual).total_bytes();
        Matter {
            weights,
            model,
            family: if kept { NATIVE_EXPERTS } else { family(quant.group, quant.bits_per_weight) },
            matrix_format: quant.matrix_format,
            bits_per_weight: quant.bits_per_weight * wider,
        }
    }
}

/// Bits by role in the file of this very model, and those of its routed experts.
fn bits_in_file(
    row: &ModelRow,
    quant: &QuantRow,
    usual: BitsPerWeight,
    runtime: Runtime,
) -> (BitsPerWeight, f64) {
    let (mut bits, mut routed) = (usual, usual.bulk);
    if row.experts.is_some() {
        bits.bulk = quant.dense_bits_per_weight.unwrap_or(bits.bulk);
    }
    let Some(form) = &row.gguf else { return (bits, routed) };
    if let Some(more) = quant.fallback_bits {
        let in_layers = |odd: OddRows| odd.down * more.down + odd.others * more.matrices;
        bits.bulk += in_layers(form.dense);
        routed += in_layers(form.routed);
        if form.odd_tables {
            bits.head += more.head;
            bits.embedding += if row.tied_embeddings { more.head } else { more.matrices };
        }
    }
    (bits, kept_bits(row, quant, runtime).unwrap_or(routed))
}

/// Bits of routed experts that were published in four bits and stay so in every GGUF file.
fn kept_bits(row: &ModelRow, quant: &QuantRow, runtime: Runtime) -> Option<f64> {
    let stays = quant.runtimes.contains(&Runtime::LlamaCpp) && !widens_experts(quant.group, runtime);
    row.gguf.as_ref()?.expert_bits_per_weight.filter(|_| stays)
}

/// Whether experts that were published in four bits are floats in files of this group for a runtime.
#[must_use]
pub fn widens_experts(group: QuantGroup, runtime: Runtime) -> bool {
    let reads_gguf = matches!(runtime, Runtime::LlamaCpp | Runtime::Ollama);
    !reads_gguf && matches!(group, QuantGroup::Float | QuantGroup::BrainFloat)
}

/// What kernels of experts that stay in four bits count as, whatever the rest of the file is in.
pub const NATIVE_EXPERTS: &str = "fp4";

impl Subject {
    /// What its speed and size depend on.
    #[must_use]
    pub fn matter(&self) -> Matter {
        Matter {
            model: self.model,
            weights: self.weights,
            family: self.family,
            matrix_format: self.matrix_format,
            bits_per_weight: self.bits_per_weight,
        }
    }

    /// A row of the catalogue at a quantisation of the catalogue, as files for a runtime have it.
    #[must_use]
    pub fn of_row(row: &ModelRow, quant: &QuantRow, runtime: Runtime) -> Self {
        let Matter { model, weights, family, matrix_format, bits_per_weight } =
            Matter::of(row, shape(row), quant, runtime);
        Subject {
            model_id: row.id.clone(),
            name: row.name.clone(),
            model,
            weights,
            quant_id: quant.id.clone(),
            family,
            matrix_format,
            bits_per_weight,
            unverified: row.unverified.iter().chain(&quant.unverified).cloned().collect(),
        }
    }

    /// A model as its own files describe it, under the name of its file.
    ///
    /// Shape and bytes are exact. Which kernels will run is told from the quantisation's name; where the catalogue has
    /// none of that name, the commonest ones are assumed and the answer says so.
    ///
    /// # Errors
    /// [`TooVaried`] if the estimator cannot hold its layers.
    pub fn of_file(shape: &ModelShape, file_name: &str, catalog: &Catalog) -> Result<Self, TooVaried> {
        let names = [&shape.quant.name, &shape.quant.dominant];
        let known = names.into_iter().find_map(|name| catalog.quant(name).ok());
        let bits_per_weight = shape.quant.bits_per_weight;
        let dominant = catalog.quant(&shape.quant.dominant).ok();
        let keeps_experts = dominant.is_some_and(|row| row.group == QuantGroup::Mxfp);
        let unknown = || WORDS.answer.unlisted_quant(&shape.quant.name);
        Ok(Subject {
            model_id: file_name.to_owned(),
            name: shape.name.clone().unwrap_or_else(|| file_name.to_owned()),
            model: shape.to_model()?,
            weights: shape.to_weights(),
            quant_id: known.map_or_else(|| shape.quant.name.clone(), |row| row.id.clone()),
            family: match known {
                _ if keeps_experts => NATIVE_EXPERTS,
                Some(_) if shape.quant.mixed => family(QuantGroup::Ud, bits_per_weight),
                Some(row) => family(row.group, row.bits_per_weight),
                None => family(QuantGroup::K, bits_per_weight),
            },
            matrix_format: known.map_or(MatrixFormat::F16, |row| row.matrix_format),
            bits_per_weight,
            unverified: if known.is_none() { alloc::vec![unknown()] } else { Vec::new() },
        })
    }

    /// The same model in another file of `bytes`, of which only the size is known: each part of the weights is larger or
    /// smaller in proportion.
    #[must_use]
    pub fn resized(&self, file_name: &str, bytes: f64, quant: Option<&QuantRow>) -> Self {
        Subject {
            model_id: file_name.to_owned(),
            weights: self.weights.scaled_to(bytes),
            quant_id: quant.map_or_else(|| self.quant_id.clone(), |row| row.id.clone()),
            family: quant.map_or(self.family, |row| family(row.group, row.bits_per_weight)),
            matrix_format: quant.map_or(self.matrix_format, |row| row.matrix_format),
            bits_per_weight: self.bits_per_weight * bytes / self.weights.total_bytes(),
            ..self.clone()
        }
    }
}

/// Bits by role; a table that is also the head is kept as a head.
#[must_use]
pub fn bits(quant: &QuantRow, tied: bool) -> BitsPerWeight {
    let whole = quant.bits_per_weight;
    let head = quant.head_bits_per_weight.unwrap_or(whole);
    BitsPerWeight {
        bulk: quant.bulk_bits_per_weight.unwrap_or(whole),
        embedding: if tied { head } else { quant.embedding_bits_per_weight.unwrap_or(whole) },
        head,
    }
}

/// A row's shape as the estimator wants it.
#[must_use]
pub fn shape(row: &ModelRow) -> Model {
    let mut layers = Layers::new();
    for group in &row.layers {
        let added = layers.add(LayerGroup {
            count: group.count,
            kind: group.mixer.into(),
            stores: !group.shared_cache,
            parallel: group.parallel,
        });
        debug_assert!(added, "a check keeps rows within the estimator's number of groups");
    }
    Model {
        params_b: row.params_b,
        active_params_b: row.active_params_b,
        hidden_size: row.hidden_size,
        vocab_size: row.vocab_size,
        tied_embeddings: row.tied_embeddings,
        layers,
        experts: row.experts,
        native_context: row.native_context_tokens,
        feed_forward_size: None,
    }
}
