//! Bytes of a model's weights by role: what lies in memory, and what one step reads of it.

use crate::model::Model;
use crate::units::BILLION;

/// Bits for each weight, measured on files, by role.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BitsPerWeight {
    /// Layers: attention, feed-forward, experts.
    pub bulk: f64,
    /// The embedding table.
    pub embedding: f64,
    /// The output head, where it is a tensor of its own.
    pub head: f64,
}

/// Bytes of weights by role.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Weights {
    /// The embedding table, of which a token reads one row.
    pub embedding_bytes: f64,
    /// One row of it.
    pub embedding_row_bytes: f64,
    /// The output head, read once a step; 0 when the embedding table serves.
    pub head_bytes: f64,
    /// What every token reads: attention, norms, dense feed-forward, shared experts, routers.
    pub dense_bytes: f64,
    /// All routed experts.
    pub routed_bytes: f64,
}

impl Weights {
    /// Weights of `model` at measured bits for each weight.
    #[must_use]
    pub fn from_bits(model: &Model, bits: BitsPerWeight) -> Self {
        let table = model.embedding_params().min(model.params_b * BILLION);
        let tables = if model.tied_embeddings { 1.0 } else { 2.0 };
        let routed = model.routed_params();
        // Of a dense model only rows of tables lie idle: one table for each layer, of which a token reads a row.
        let lookups = match model.experts {
            None => ((model.params_b - model.active_params_b) * BILLION).max(0.0),
            Some(_) => 0.0,
        };
        let dense = (model.params_b * BILLION - routed - lookups - table * tables).max(0.0);
        // A table that is also the head is read whole and counts as the head, where there are others that are not.
        let also_head = model.tied_embeddings && lookups > 0.0;
        let embedding = if also_head { lookups } else { table + lookups };
        let head = if also_head || !model.tied_embeddings { table } else { 0.0 };
        let head_bits = if also_head { bits.embedding } else { bits.head };
        Weights {
            embedding_bytes: embedding * bits.embedding / 8.0,
            embedding_row_bytes: f64::from(model.hidden_size) * bits.embedding / 8.0,
            head_bytes: head * head_bits / 8.0,
            dense_bytes: dense * bits.bulk / 8.0,
            routed_bytes: routed * bits.bulk / 8.0,
        }
    }

    /// The same roles scaled so that all of them together are `bytes`: a known file size with an assumed inside.
    #[must_use]
    pub fn scaled_to(self, bytes: f64) -> Self {
        let factor = bytes / self.total_bytes();
        Weights {
            embedding_bytes: self.embedding_bytes * factor,
            embedding_row_bytes: self.embedding_row_bytes * factor,
            head_bytes: self.head_bytes * factor,
            dense_bytes: self.dense_bytes * factor,
            routed_bytes: self.routed_bytes * factor,
        }
    }

    /// All bytes that must be held.
    #[must_use]
    pub fn total_bytes(&self) -> f64 {
        self.embedding_bytes + self.head_bytes + self.dense_bytes + self.routed_bytes
    }

    /// Bytes of the output projection, whichever tensor serves as it.
    #[must_use]
    pub fn projection_bytes(&self) -> f64 {
        if self.head_bytes > 0.0 { self.head_bytes } else { self.embedding_bytes }
    }

    /// Bytes that one decode step reads for `tokens` tokens at once, weights shared between them.
    #[must_use]
    pub fn read_bytes(&self, model: &Model, tokens: f64) -> f64 {
        let visited = model.experts.map_or(0.0, |e| e.visited_share(tokens));
        self.embedding_row_bytes * tokens
            + self.projection_bytes()
            + self.dense_bytes
            + self.routed_bytes * visited
    }
}
