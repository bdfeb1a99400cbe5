//! [`ModelShape`] → what the estimator computes with.

use super::shape::ModelShape;
use crate::messages::WORDS;
use alloc::string::ToString;
use core::fmt;
use estimator::{Experts, LayerGroup, Layers, Model, Weights};

/// The model has more kinds of layer than the estimator tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooVaried;

impl fmt::Display for TooVaried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&WORDS.answer.too_varied(&estimator::MAX_LAYER_GROUPS.to_string()))
    }
}

impl core::error::Error for TooVaried {}

const BILLION: f64 = 1e9;

impl ModelShape {
    /// The shape that estimates are made of.
    ///
    /// # Errors
    /// [`TooVaried`] if its layers are of more kinds than the estimator holds.
    pub fn to_model(&self) -> Result<Model, TooVaried> {
        let mut layers = Layers::new();
        for layer in &self.layers {
            let group = LayerGroup { stores: layer.stores, ..LayerGroup::new(1, layer.mixer.into()) };
            let added = layers.add(group);
            let beside = layer.beside.is_none_or(|mixer| {
                layers.add(LayerGroup {
                    parallel: true,
                    stores: layer.stores,
                    ..LayerGroup::new(1, mixer.into())
                })
            });
            if !(added && beside) {
                return Err(TooVaried);
            }
        }
        Ok(Model {
            params_b: (self.params - self.idle_params) as f64 / BILLION,
            active_params_b: self.active_params as f64 / BILLION,
            hidden_size: self.hidden_size,
            vocab_size: self.vocab_size,
            tied_embeddings: self.tied_embeddings,
            layers,
            experts: self.experts.map(|experts| Experts {
                total: experts.total,
                active: experts.active,
                shared: experts.shared,
                leading_dense_layers: experts.leading_dense_layers,
            }),
            native_context: self.context_tokens,
            feed_forward_size: Some(self.feed_forward_size),
        })
    }

    /// Its bytes by role. A table that is also the head counts as head, since that is how it is read; layers that
    /// only guess further tokens lie with the tables, since they are held and not read.
    #[must_use]
    pub fn to_weights(&self) -> Weights {
        let bytes = &self.bytes;
        Weights {
            embedding_bytes: (bytes.embedding - bytes.tied_head + bytes.idle) as f64,
            embedding_row_bytes: bytes.embedding_row as f64,
            head_bytes: (bytes.head + bytes.tied_head) as f64,
            dense_bytes: bytes.always as f64,
            routed_bytes: bytes.experts as f64,
        }
    }
}
