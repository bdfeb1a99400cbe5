//! From a model's shape to how its GGUF files differ from a usual model's. `build.rs` compiles this module too.
//!
//! A row of a matrix is as long as what it multiplies: the residual stream, all heads' values, or a feed-forward block. Only
//! the first two stand in `data/models`; widths of blocks follow from the parameter counts, which are read from the
//! published shapes, where attention and such blocks are all that a model consists of.

use crate::row::{GgufForm, LayerGroup, Mixer, ModelRow, OddRows, QuantGroup, QuantRow};

/// Elements in a block of K and IQ types.
const BLOCK: f64 = 256.0;

/// Published widths of blocks are multiples of this …
const DENSE_STEP: f64 = 64.0;

/// … and experts', which are smaller, of this.
const EXPERT_STEP: f64 = 32.0;

/// Rows state parameters in 10⁹ with three digits: half of the last one.
const ROUNDING: f64 = 0.5e6;

/// Tells every row how its files differ.
pub fn apply(models: &mut [ModelRow], quants: &[QuantRow]) {
    for row in models {
        let native = quants.iter().find(|quant| Some(&quant.id) == row.native_quant.as_ref());
        let kept = native.filter(|quant| quant.group == QuantGroup::Mxfp && row.experts.is_some());
        let form = GgufForm {
            expert_bits_per_weight: kept.and_then(|quant| quant.bulk_bits_per_weight),
            ..odd_rows(row)
        };
        row.gguf = (form != GgufForm::default()).then_some(form);
    }
}

fn odd_rows(row: &ModelRow) -> GgufForm {
    let hidden = f64::from(row.hidden_size);
    let odd_hidden = hidden % BLOCK != 0.0;
    let table = f64::from(row.vocab_size) * hidden;
    let tables = if row.tied_embeddings { table } else { 2.0 * table };
    let (params, active) = (row.params_b * 1e9, row.active_params_b * 1e9);
    let mut form = GgufForm { odd_tables: odd_hidden, ..GgufForm::default() };
    let mut routed = 0.0;
    if let Some(experts) = row.experts {
        let (total, active_experts) = (f64::from(experts.total), f64::from(experts.active));
        let idle = 1.0 - active_experts / total;
        routed = (params - active) / idle;
        // Models with feed-forward blocks of their own (Nemotron-H) have no gate in them.
        let alone = layers_where(row, |mixer| mixer == Mixer::FeedForward);
        let (matrices, layers) = if alone > 0.0 {
            (2.0, alone)
        } else {
            (3.0, f64::from(row.layer_count() - experts.leading_dense_layers))
        };
        let cells = matrices * hidden * total * layers;
        let down = 1.0 / matrices;
        form.routed = OddRows {
            down: if is_odd(routed / cells, 2.0 * ROUNDING / idle / cells, EXPERT_STEP) { down } else { 0.0 },
            others: if odd_hidden { 1.0 - down } else { 0.0 },
        };
    }
    // Of a dense model, what is not active are tables that lie idle.
    let dense = if row.experts.is_some() { params - routed } else { active } - tables;
    let attention: f64 = row.layers.iter().map(|group| f64::from(group.count) * projections(group)).sum();
    let outputs = |odd: bool| {
        let of = |group: &LayerGroup| {
            let rows = values(group);
            if odd && rows % BLOCK == 0.0 { 0.0 } else { f64::from(group.count) * rows * hidden }
        };
        row.layers.iter().map(of).sum::<f64>() / dense
    };
    let mut down = 0.0;
    let recurrent = |mixer| matches!(mixer, Mixer::Recurrent { .. } | Mixer::FeedForward);
    // What was recalled is no ground to conclude from.
    if row.experts.is_none() && layers_where(row, recurrent) == 0.0 && row.unverified.is_none() {
        let cells = 3.0 * hidden * f64::from(row.layer_count());
        let width = (dense - attention * hidden) / cells;
        // Norms and biases are counted as parameters too: about one element of width.
        if is_odd(width, ROUNDING / cells + 0.5, DENSE_STEP) {
            form.dense.down = width * cells / 3.0 / dense;
        }
        down = width * cells / 3.0 / dense;
    }
    form.dense.others = outputs(true) + if odd_hidden { 1.0 - down - outputs(false) } else { 0.0 };
    form
}

/// Whether a width is no multiple of a block; not where it is not known well enough to be a multiple of `step`.
fn is_odd(width: f64, uncertain: f64, step: f64) -> bool {
    let nearest = (width / step).round() * step;
    (width - nearest).abs() <= uncertain + 1.0 && nearest % BLOCK != 0.0
}

fn layers_where(row: &ModelRow, is: impl Fn(Mixer) -> bool) -> f64 {
    row.layers.iter().filter(|group| is(group.mixer)).map(|group| f64::from(group.count)).sum()
}

/// Columns of a layer's query, key, value and output matrices together, for each element of the residual stream.
fn projections(group: &LayerGroup) -> f64 {
    match group.mixer {
        Mixer::Full { heads, kv_heads, key_dim, value_dim }
        | Mixer::Window { heads, kv_heads, key_dim, value_dim, .. } => {
            (f64::from(heads) + f64::from(kv_heads)) * (f64::from(key_dim) + f64::from(value_dim))
        }
        Mixer::Latent { heads, rank, rope_dim } => 4.0 * f64::from(heads * rope_dim) + f64::from(rank),
        Mixer::Recurrent { .. } | Mixer::FeedForward => 0.0,
    }
}

/// Length of a row of a layer's output matrix: the values of all heads.
fn values(group: &LayerGroup) -> f64 {
    match group.mixer {
        Mixer::Full { heads, value_dim, .. } | Mixer::Window { heads, value_dim, .. } => {
            f64::from(heads * value_dim)
        }
        // A head's value is twice its rotary key in all such models.
        Mixer::Latent { heads, rope_dim, .. } => f64::from(2 * heads * rope_dim),
        Mixer::Recurrent { .. } | Mixer::FeedForward => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use crate::Catalog;

    /// Which of the catalogue's models have odd rows: tables; matrices that lead out of a block, dense and routed.
    fn odd(id: &str) -> [bool; 3] {
        let row = Catalog::embedded().models().iter().find(|row| row.id == id).expect("a model");
        let form = row.gguf.unwrap_or_default();
        [form.odd_tables, form.dense.down > 0.0, form.routed.down > 0.0]
    }

    /// Widths as their makers publish them, in `config.json`.
    #[test]
    fn a_width_follows_from_the_parameters() {
        for (id, published, expected) in [
            ("llama-3.1-8b", "4096, 14336", [false, false, false]),
            ("qwen2.5-0.5b", "896, 4864", [true, false, false]),
            ("qwen2.5-72b", "8192, 29568", [false, true, false]),
            ("qwen2.5-7b", "3584, 18944", [false, false, false]),
            ("glm-4-9b-0414", "4096, 13696", [false, true, false]),
            ("gemma-3-1b", "1152, 6912", [true, false, false]),
            ("smollm2-360m", "960, 2560", [true, false, false]),
            ("gpt-oss-20b", "2880, experts 2880", [true, false, true]),
            ("glm-4.5-air", "4096, experts 1408", [false, false, true]),
            ("qwen3-30b-a3b", "2048, experts 768", [false, false, false]),
            ("gemma-4-26b-a4b", "2816, experts 704", [false, false, true]),
            ("nemotron-3-nano-30b-a3b", "2688, experts 1856 without a gate", [true, false, true]),
            ("deepseek-v3", "7168, experts 2048", [false, false, false]),
        ] {
            assert_eq!(odd(id), expected, "{id}: {published}");
        }
    }

    #[test]
    fn shares_are_shares_and_only_experts_are_kept() {
        for row in Catalog::embedded().models() {
            let Some(form) = row.gguf else { continue };
            for odd in [form.dense, form.routed] {
                let sum = odd.down + odd.others;
                assert!(odd.down >= 0.0 && odd.others >= 0.0 && sum <= 1.0 + 1e-9, "{}: {odd:?}", row.id);
            }
            let mxfp4 = row.native_quant.as_deref() == Some("mxfp4");
            assert_eq!(form.expert_bits_per_weight, mxfp4.then_some(4.25), "{}", row.id);
        }
    }
}
