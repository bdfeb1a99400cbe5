//! The usual name of a mix of tensor types.
//!
//! llama-quantize's recipes each keep a few kinds of tensor at more bits. Which recipe made a file is told from the
//! types that its layers hold (`src/llama-quant.cpp` says which recipe uses which); a type that no recipe with this
//! dominant one uses makes the file a mix of its own.

use super::header::Tensor;
use super::shape::Quant;
use super::types::TensorType;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A recipe: its main type, what else its layers may hold, and what they must hold to be told from the others.
struct Recipe {
    name: &'static str,
    main: &'static str,
    may: &'static [&'static str],
    must: &'static [&'static str],
}

const fn r(
    name: &'static str,
    main: &'static str,
    may: &'static [&'static str],
    must: &'static [&'static str],
) -> Recipe {
    Recipe { name, main, may, must }
}

/// The first that fits is the name, so the more particular stand before the plainer.
#[rustfmt::skip]
const RECIPES: &[Recipe] = &[
    r("Q2_K",    "q2_K",    &["q3_K", "q4_K"],            &["q3_K"]),
    r("Q2_K_S",  "q2_K",    &["q4_K"],                    &[]),
    r("Q3_K_M",  "q3_K",    &["q4_K", "q5_K"],            &["q4_K"]),
    r("Q3_K_L",  "q3_K",    &["q5_K"],                    &["q5_K"]),
    r("Q3_K_S",  "q3_K",    &[],                          &[]),
    r("Q4_K_M",  "q4_K",    &["q5_K", "q6_K"],            &["q6_K"]),
    r("Q4_K_S",  "q4_K",    &["q5_K"],                    &[]),
    r("Q5_K_M",  "q5_K",    &["q6_K"],                    &["q6_K"]),
    r("Q5_K_S",  "q5_K",    &[],                          &[]),
    r("Q6_K",    "q6_K",    &[],                          &[]),
    r("Q4_0",    "q4_0",    &["q4_1"],                    &[]),
    r("Q5_0",    "q5_0",    &["q5_1"],                    &[]),
    r("IQ1_S",   "iq1_s",   &["iq2_xxs", "q2_K", "q4_K"], &[]),
    r("IQ1_M",   "iq1_m",   &["iq2_xxs", "q2_K", "q4_K"], &[]),
    r("IQ2_XXS", "iq2_xxs", &["q2_K", "q4_K"],            &[]),
    r("IQ2_S",   "iq2_xs",  &["iq3_s", "q4_K"],           &["iq3_s"]),
    r("IQ2_XS",  "iq2_xs",  &["q2_K", "q4_K"],            &[]),
    r("IQ2_M",   "iq2_s",   &["iq3_s", "q4_K"],           &[]),
    r("IQ3_XXS", "iq3_xxs", &["iq2_s", "iq3_s", "q3_K", "q4_K"], &["iq2_s"]),
    r("IQ3_XS",  "iq3_xxs", &["iq3_s", "q4_K"],           &["iq3_s"]),
    r("IQ3_XS",  "iq3_s",   &["iq3_xxs", "q4_K"],         &["iq3_xxs"]),
    r("IQ3_XXS", "iq3_xxs", &["q4_K"],                    &[]),
    r("IQ3_M",   "iq3_s",   &["q4_K"],                    &["q4_K"]),
    r("IQ3_S",   "iq3_s",   &["q4_K"],                    &[]),
    r("IQ4_XS",  "iq4_xs",  &["q5_K"],                    &[]),
    r("IQ4_NL",  "iq4_nl",  &["q5_K"],                    &[]),
    r("MXFP4",   "mxfp4",   &["q8_0", "bf16", "f16"],     &[]),
    r("NVFP4",   "nvfp4",   &["q8_0", "bf16", "f16"],     &[]),
    r("TQ1_0",   "tq1_0",   &["q4_K"],                    &[]),
    r("TQ2_0",   "tq2_0",   &["q4_K"],                    &[]),
    r("F16",     "f16",     &["bf16"],                    &[]),
    r("BF16",    "bf16",    &["f16"],                     &[]),
];

/// `general.file_type`, by llama.cpp's `llama_ftype`.
#[rustfmt::skip]
const FILE_TYPES: &[(u64, &str)] = &[
    (0, "F32"), (1, "F16"), (2, "Q4_0"), (3, "Q4_1"), (7, "Q8_0"), (8, "Q5_0"), (9, "Q5_1"), (10, "Q2_K"),
    (11, "Q3_K_S"), (12, "Q3_K_M"), (13, "Q3_K_L"), (14, "Q4_K_S"), (15, "Q4_K_M"), (16, "Q5_K_S"), (17, "Q5_K_M"),
    (18, "Q6_K"), (19, "IQ2_XXS"), (20, "IQ2_XS"), (21, "Q2_K_S"), (22, "IQ3_XS"), (23, "IQ3_XXS"), (24, "IQ1_S"),
    (25, "IQ4_NL"), (26, "IQ3_S"), (27, "IQ3_M"), (28, "IQ2_S"), (29, "IQ2_M"), (30, "IQ4_XS"), (31, "IQ1_M"),
    (32, "BF16"), (33, "Q4_0_4_4"), (34, "Q4_0_4_8"), (35, "Q4_0_8_8"), (36, "TQ1_0"), (37, "TQ2_0"), (38, "MXFP4"),
    (39, "NVFP4"), (40, "Q1_0"), (41, "Q2_0"),
];

/// Adds to what was counted of `key` so far.
pub(crate) fn tally<K: PartialEq>(sums: &mut Vec<(K, u64)>, key: K, more: u64) {
    match sums.iter_mut().find(|(known, _)| *known == key) {
        Some((_, sum)) => *sum = sum.saturating_add(more),
        None => sums.push((key, more)),
    }
}

/// Names the mix of these tensors; `claimed` is the file's `general.file_type`.
pub(super) fn name(tensors: &[&Tensor], claimed: Option<u64>, eight_experts: bool) -> Quant {
    let weights: u64 = tensors.iter().fold(0, |sum, t| sum.saturating_add(t.weights));
    let bytes: u64 = tensors.iter().fold(0, |sum, t| sum.saturating_add(t.bytes));
    // weights by type of the layers' matrices; of everything where a file has no layers
    let by_type = |wanted: &dyn Fn(&Tensor) -> bool| {
        let mut sums: Vec<(TensorType, u64)> = Vec::new();
        for tensor in tensors.iter().filter(|tensor| wanted(tensor)) {
            tally(&mut sums, tensor.kind, tensor.weights);
        }
        sums
    };
    let mut layers = by_type(&|tensor| shows_recipe(tensor, eight_experts));
    if layers.is_empty() {
        layers = by_type(&|_| true);
    }
    let main_of =
        |sums: &[(TensorType, u64)]| sums.iter().max_by_key(|(_, weights)| *weights).map(|(kind, _)| *kind);
    // Rows that blocks of 256 do not divide fall back to another type in every recipe: the others tell, even where they
    // are the fewer.
    let divided =
        by_type(&|tensor| shows_recipe(tensor, eight_experts) && tensor.dims[0].is_multiple_of(256));
    if main_of(&divided).is_some_and(|main| main.block_weights == 256) {
        layers = divided;
    }
    let main = main_of(&layers).map_or("f32", |kind| kind.name);
    let holds = |name: &&str| layers.iter().any(|(kind, _)| kind.name == *name);
    let fits = |recipe: &&Recipe| {
        recipe.main == main
            && recipe.must.iter().all(holds)
            && layers.iter().all(|(kind, _)| kind.name == main || recipe.may.contains(&kind.name))
    };
    let recipe = RECIPES.iter().find(fits);
    let nearest = RECIPES.iter().find(|recipe| recipe.main == main && recipe.must.iter().all(holds));
    let mixed = recipe.is_none() && layers.len() > 1;
    let mut name =
        recipe.or(nearest).map_or_else(|| main.to_ascii_uppercase(), |recipe| recipe.name.to_string());
    let table = |wanted: &str| {
        let found = tensors.iter().find(|tensor| tensor.name == wanted);
        found.filter(|tensor| tensor.dims[0].is_multiple_of(256)).map(|tensor| tensor.kind.name)
    };
    // by custom, `_L` says that embeddings and head are kept at 8 bits beside K-quants
    if !mixed
        && main.ends_with("_K")
        && table("token_embd.weight") == Some("q8_0")
        && table("output.weight") != Some("q6_K")
    {
        name = name.trim_end_matches("_M").to_string() + "_L";
    }
    let claimed = claimed
        .and_then(|number| FILE_TYPES.iter().find(|(known, _)| *known == number))
        .map(|(_, claim)| String::from(*claim))
        .filter(|claim| *claim != name);
    let bits_per_weight = if weights > 0 { bytes as f64 * 8.0 / weights as f64 } else { 0.0 };
    Quant { name, mixed, dominant: main.to_string(), bits_per_weight, claimed }
}

/// Whether a tensor's type tells of the recipe: a layer's matrix, and not one that all recipes leave alone (routers,
/// convolutions), or keep at other bits in models of eight experts.
fn shows_recipe(tensor: &Tensor, eight_experts: bool) -> bool {
    let Some(rest) =
        tensor.name.strip_prefix("blk.").and_then(|name| name.split_once('.')).map(|(_, rest)| rest)
    else {
        return false;
    };
    let matrix = tensor.dims.len() >= 2 && tensor.dims[1] > 1;
    let left_alone = [
        "ffn_gate_inp",
        "ssm_conv1d",
        "shortconv.conv",
        "time_mix_",
        "ssm_a",
        "altup",
        "laurel",
        "exp_probs",
    ];
    let raised = ["attn_v.", "attn_k.", "attn_output."];
    matrix
        && tensor.kind.name != "f32"
        && !left_alone.iter().any(|word| rest.starts_with(word))
        && !(eight_experts && raised.iter().any(|word| rest.starts_with(word)))
}
