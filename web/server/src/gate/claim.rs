//! What a submission claims to be about, found in the catalogue, and what the estimator expects of it.

use std::f64::consts::E;

use data::Engine;
use data::asking::Asking;
use data::fingerprint::Cpu;
use data::plausibility::PlausibilityRow;
use data::query::{Job, Params, Rig};
use data::row::{ModelRow, QuantRow, Runtime};
use data::subject::{Matter, shape};
use data::submission::ModelIdentity;
use estimator::{Placement, Range, rooflines};
use page::messages::EN;

use super::{Because, Expected, Refusal};

/// Standard deviations of a range's two ends.
const RANGE_DEVIATIONS: f64 = 2.0 * 1.645;

/// What ran where, by catalogue ids; names as they were sent where the catalogue has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subject {
    /// Device ids joined by `+`, and `@70%` behind them where power was limited.
    pub device: String,
    /// How many devices.
    pub devices: u32,
    /// Memory of one, in GiB, where it is told.
    pub memory_gib: Option<f64>,
    /// Power limit as a share of stock, where one was set.
    pub power_share: Option<f64>,
    /// Model id.
    pub model: String,
    /// Quantisation id; empty where it is not told.
    pub quant: String,
    /// The runtime.
    pub runtime: String,
    /// Its version; empty where it is not told.
    pub runtime_version: String,
    /// What drives the device, by what is usual for it; empty where that is not known.
    pub backend: String,
    /// Digest of the model's file; empty where there is none.
    pub model_digest: String,
    /// Size of its files in bytes.
    pub size_bytes: Option<u64>,
    /// Whether part of it lies in RAM, by the estimate.
    pub offloaded: Option<bool>,
}

/// The parameters of one question to the engine.
pub type Pairs = Vec<(&'static str, String)>;

/// An answer to it: what is expected, and what else the engine told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    /// Decode.
    pub decode: Option<Expected>,
    /// Prefill.
    pub prefill: Option<Expected>,
    /// Whether part of it lies in RAM.
    pub offloaded: Option<bool>,
}

/// The machine that these parameters name: its key, and how many devices; none where the catalogue has none.
pub fn machine(engine: &Engine<'_>, pairs: &Pairs) -> Option<(String, u32, String)> {
    let (rig, job) = asked(engine, pairs)?;
    if rig.devices.iter().any(|device| device.row.is_none()) {
        return None;
    }
    let ids: Vec<&str> = rig.devices.iter().map(data::query::RigDevice::id).collect();
    Some((ids.join("+"), ids.len() as u32, job.backend.name().to_owned()))
}

/// A processor that the catalogue does not name, such as one behind a hypervisor: what it can do follows from the
/// bandwidth that the probe measured. Its key is its name with its cores; none where no bandwidth was measured.
pub fn processor(engine: &Engine<'_>, pairs: &Pairs, cpu: &Cpu) -> Option<(String, u32, String)> {
    let (rig, job) = asked(engine, pairs)?;
    let name = slug(&cpu.model);
    let is_one = rig.devices.iter().all(|device| device.row.is_none()) && !name.is_empty();
    is_one.then(|| (format!("{name}-{}-cores", cpu.cores), 1, job.backend.name().to_owned()))
}

fn asked<'c>(engine: &Engine<'c>, pairs: &Pairs) -> Option<(Rig<'c>, Job)> {
    let params = Params::read(pairs.iter().map(|(name, value)| (*name, value.as_str()))).ok()?;
    engine.read(&params).ok()
}

/// What the estimator expects of a model on the machine of these parameters.
///
/// # Errors
/// Why nothing is expected, in a sentence: then nothing that was measured can be checked.
pub fn outlook(
    engine: &Engine<'_>,
    pairs: &Pairs,
    model: &ModelRow,
    quant: &QuantRow,
) -> Result<Outlook, String> {
    let read = Params::read(pairs.iter().map(|(name, value)| (*name, value.as_str())))
        .and_then(|params| engine.read(&params));
    let (rig, job) = read.map_err(|errors| match errors.into_iter().next() {
        Some(error) => EN.gate.not_estimated_why(&error.to_string()),
        None => EN.gate.not_estimated.to_owned(),
    })?;
    let mut asking = Asking::new(engine, &rig, &job);
    let (setup, constants, _) = asking.about(&Matter::of(model, shape(model), quant, job.runtime));
    let estimate = estimator::estimate(setup, constants);
    let bounds = rooflines(setup, constants);
    let (Some(speeds), Some(bounds)) = (estimate.speeds, bounds) else {
        return Err(EN.gate.does_not_fit(&model.name, &quant.name));
    };
    Ok(Outlook {
        decode: Some(expected(speeds.decode_tps, bounds.decode_tps)),
        prefill: Some(expected(speeds.prefill_tps, bounds.prefill_tps)),
        offloaded: Some(matches!(estimate.placement, Placement::Offloaded(_))),
    })
}

fn expected(range: Range, roofline: f64) -> Expected {
    // The upper end stops at the roofline, so the lower one tells how wide the range really is.
    let up = (range.high / range.mid).ln();
    let down = (range.mid / range.low).ln();
    Expected { mid: range.mid, deviation: 2.0 * up.max(down) / RANGE_DEVIATIONS, roofline }
}

/// Whether the file behind a claim is of the model and the quantisation that are claimed, by its own figures.
///
/// # Errors
/// In a sentence, what does not agree.
pub fn agrees(
    identity: &ModelIdentity,
    model: &ModelRow,
    quant: Option<&QuantRow>,
    runtime: Runtime,
    rules: &PlausibilityRow,
) -> Result<(), Refusal> {
    let far = |one: f64, other: f64, limit: f64| (one / other).ln().abs() > limit.log(E);
    if let Some(params) = identity.params {
        let params_b = params as f64 / 1e9;
        if far(params_b.max(1e-9), model.params_b, rules.params_agree) {
            return Err(Refusal::new(
                Because::Claim,
                EN.gate.other_weights(
                    &format!("{params_b:.2}"),
                    &format!("{:.2}", model.params_b),
                    &model.name,
                ),
            ));
        }
    }
    let bytes = identity.tensor_bytes.or(identity.size_bytes).map(|bytes| bytes as f64);
    if let (Some(bytes), Some(quant)) = (bytes, quant) {
        let file = Matter::of(model, shape(model), quant, runtime);
        let wanted = file.weights.total_bytes();
        let tables = f64::from(model.vocab_size) * f64::from(model.hidden_size);
        let tables = if model.tied_embeddings { tables } else { 2.0 * tables };
        let raised = wanted + tables * (rules.table_bits - file.bits_per_weight).max(0.0) / 8.0;
        let (least, most) = (wanted / rules.bytes_agree, raised * rules.bytes_agree);
        if !(least..=most).contains(&bytes) {
            return Err(Refusal::new(
                Because::Claim,
                EN.gate.other_size(
                    &format!("{:.2}", bytes / 1e9),
                    &format!("{:.2}", wanted / 1e9),
                    &model.name,
                    &quant.name,
                ),
            ));
        }
    }
    Ok(())
}

/// A name that the catalogue does not know, as it may stand in a key: lower case, nothing that parts keys, short.
pub fn slug(text: &str) -> String {
    let mut slug = String::new();
    for sign in text.chars().take(80) {
        if sign.is_ascii_alphanumeric() || matches!(sign, '.' | '_') {
            slug.push(sign.to_ascii_lowercase());
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use data::submission::Identity;

    fn identity(params: u64, bytes: u64) -> ModelIdentity {
        ModelIdentity {
            reference: "m.gguf".into(),
            id: None,
            quant: None,
            digest: None,
            prefix_digest: None,
            size_bytes: Some(bytes),
            params: Some(params),
            tensor_bytes: None,
            identity: Identity::File,
        }
    }

    #[test]
    fn a_file_of_another_model_is_told() {
        let engine = Engine::embedded();
        let model = engine.catalog.model("llama-3.1-8b").unwrap();
        let quant = engine.catalog.quant("q4_k_m").unwrap();
        let check = |params, bytes, model, quant| {
            agrees(
                &identity(params, bytes),
                model,
                Some(quant),
                Runtime::LlamaCpp,
                PlausibilityRow::embedded(),
            )
        };
        // Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf as published: 8,030,261,312 weights in 4,920,734,272 bytes.
        assert_eq!(check(8_030_261_312, 4_920_734_272, model, quant), Ok(()));
        let small = check(3_212_749_888, 4_920_734_272, model, quant).unwrap_err();
        assert!(small.says.contains("another model"), "{}", small.says);
        let wide = check(8_030_261_312, 8_540_771_136, model, quant).unwrap_err();
        assert!(wide.says.contains("another quantisation"), "{}", wide.says);
        // gemma-3-270m Q4_K_M: its table, two thirds of it, has rows that only q8_0's blocks divide.
        let model = engine.catalog.model("gemma-3-270m").unwrap();
        assert_eq!(check(268_098_176, 246_587_904, model, quant), Ok(()));
        assert!(check(268_098_176, 536_196_352, model, quant).is_err());
    }

    #[test]
    fn names_in_keys_part_nothing() {
        assert_eq!(slug("NVIDIA Mystery|9000 <b>"), "nvidia-mystery-9000-b");
        assert_eq!(slug("||"), "");
    }

    #[test]
    fn an_outlook_is_below_its_roofline() {
        let engine = Engine::embedded();
        let pairs: Pairs = vec![("hardware", "rtx-3090".into()), ("context", "4096".into())];
        let (key, count, backend) = machine(&engine, &pairs).unwrap();
        assert_eq!((key.as_str(), count, backend.as_str()), ("rtx-3090", 1, "cuda"));
        let model = engine.catalog.model("llama-3.1-8b").unwrap();
        let quant = engine.catalog.quant("q4_k_m").unwrap();
        let outlook = outlook(&engine, &pairs, model, quant).unwrap();
        let decode = outlook.decode.unwrap();
        assert!(decode.mid < decode.roofline && decode.deviation > 0.0, "{decode:?}");
        assert_eq!(outlook.offloaded, Some(false));
        assert_eq!(machine(&engine, &vec![("hardware", "no such device".into())]), None);
    }

    #[test]
    fn what_is_not_estimated_says_why() {
        let engine = Engine::embedded();
        let model = engine.catalog.model("llama-3.3-70b").unwrap();
        let quant = engine.catalog.quant("q4_k_m").unwrap();
        let says = |name: &'static str, value: &str| {
            let pairs: Pairs = vec![("hardware", "rtx-3090".into()), (name, value.into())];
            outlook(&engine, &pairs, model, quant).unwrap_err()
        };
        assert!(says("host_ram_gib", "0.5").contains("does not fit"), "{}", says("host_ram_gib", "0.5"));
        assert!(says("runtime", "mlx").contains("not estimated"), "{}", says("runtime", "mlx"));
    }
}
