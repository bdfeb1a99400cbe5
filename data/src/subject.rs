//! The model in question: a row at a quantisation, or a file that was read.

use alloc::string::String;
use alloc::vec::Vec;

use estimator::{BitsPerWeight, LayerGroup, LayerKind, Layers, Model, Weights};

use crate::row::{MatrixFormat, Mixer, ModelRow, QuantGroup, QuantRow};

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
    /// Its family, by which kernels differ.
    pub group: QuantGroup,
    /// The format its weights can be multiplied in.
    pub matrix_format: MatrixFormat,
    /// Bits a weight over the whole file.
    pub bits_per_weight: f64,
    /// Facts that were recalled rather than read, in words.
    pub unverified: Vec<String>,
}

impl Subject {
    /// A row of the catalogue at a quantisation of the catalogue.
    #[must_use]
    pub fn of_row(row: &ModelRow, quant: &QuantRow) -> Self {
        let model = shape(row);
        Subject {
            model_id: row.id.clone(),
            name: row.name.clone(),
            weights: Weights::from_bits(&model, bits(quant, row.tied_embeddings)),
            model,
            quant_id: quant.id.clone(),
            group: quant.group,
            matrix_format: quant.matrix_format,
            bits_per_weight: quant.bits_per_weight,
            unverified: row.unverified.iter().chain(&quant.unverified).cloned().collect(),
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
            kind: kind(group.mixer),
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
        experts: row.experts.map(|e| estimator::Experts {
            total: e.total,
            active: e.active,
            shared: e.shared,
            leading_dense_layers: e.leading_dense_layers,
        }),
        native_context: row.native_context_tokens,
        feed_forward_size: None,
    }
}

fn kind(mixer: Mixer) -> LayerKind {
    match mixer {
        Mixer::Full { heads, kv_heads, key_dim, value_dim } => {
            LayerKind::Full { heads, kv_heads, key_dim, value_dim }
        }
        Mixer::Window { heads, kv_heads, key_dim, value_dim, window } => {
            LayerKind::Window { heads, kv_heads, key_dim, value_dim, window }
        }
        Mixer::Latent { heads, rank, rope_dim } => LayerKind::Latent { heads, rank, rope_dim },
        Mixer::Recurrent { state_bytes } => LayerKind::Recurrent { state_bytes: f64::from(state_bytes) },
        Mixer::FeedForward => LayerKind::Recurrent { state_bytes: 0.0 },
    }
}
