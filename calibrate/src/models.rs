//! Which model a source means, and what its file holds.

use data::Catalog;
use data::row::{ModelRow, Runtime};
use data::subject::{Matter, shape};
use estimator::units::{BILLION, GIB};
use estimator::{BitsPerWeight, LayerKind, Layers, Model, Weights};

use crate::devices::ModelName;
use crate::quants::Quant;
use crate::row::MeasurementRow;
use crate::text::{common_run, key, occurs};

/// What is known about a row's model.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The row's id; empty for a shape that was guessed from its size.
    pub id: String,
    /// Its shape.
    pub model: Model,
    /// Whether its routed experts were published in four bits and stay so in the files in question.
    pub native_experts: bool,
}

/// Models by their names.
pub struct Models<'c> {
    catalog: &'c Catalog,
    keys: Vec<(String, &'c ModelRow)>,
    spellings: Vec<ModelName>,
}

const NOISE: [&str; 17] = [
    "gguf",
    "instruct",
    "chat",
    "-hf",
    "preview",
    "thinking",
    "reasoning",
    "distill",
    "latest",
    "unsloth",
    "nvidia",
    "meta",
    "-it",
    "_it",
    " it",
    "base",
    "awq",
];

fn model_key(name: &str) -> String {
    let mut name = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    for word in NOISE {
        name = name.replace(word, " ");
    }
    // "Qwen3-5-27B" and "Qwen3.5-27B" are one model: sizes tell apart what looks alike without points.
    key(&name).replace('.', "")
}

/// Sizes that a name tells: total and active parameters, 10⁹.
#[must_use]
pub fn sizes(name: &str) -> (Option<f64>, Option<f64>) {
    let bytes = name.as_bytes();
    let (mut total, mut active) = (None, None);
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && (bytes[at].is_ascii_digit() || bytes[at] == b'.') {
            at += 1;
        }
        let number = name[start..at].trim_end_matches('.').parse::<f64>().ok();
        let mut unit = at;
        if bytes.get(unit) == Some(&b' ') {
            unit += 1;
        }
        let scale = match bytes.get(unit).map(u8::to_ascii_lowercase) {
            Some(b'b') => 1.0,
            Some(b'm') => 1e-3,
            _ => continue,
        };
        let ends = bytes.get(unit + 1).is_none_or(|b| !b.is_ascii_alphanumeric());
        // "7b1" is 7.1.
        let tenths = bytes.get(unit + 1).filter(|b| b.is_ascii_digit() && unit + 2 == bytes.len());
        let before = start.checked_sub(1).map(|i| bytes[i].to_ascii_lowercase());
        let Some(number) = number.filter(|value| *value > 0.0 && (ends || tenths.is_some())) else {
            continue;
        };
        let number = number + tenths.map_or(0.0, |digit| f64::from(digit - b'0') / 10.0);
        let size = number * scale;
        let experts_follow = name[unit + 1..].strip_prefix('-').is_some_and(|rest| {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            digits > 0 && rest[digits..].starts_with(['E', 'e'])
        });
        match before {
            _ if experts_follow => {}
            Some(b'a') if total.is_some() => active = active.or(Some(size)),
            // "8x7B" names one expert's size, "17B-128E" the active size: neither is the total.
            Some(b'x') => {}
            _ => total = total.or(Some(size)),
        }
    }
    (total, active)
}

impl<'c> Models<'c> {
    /// The catalogue's models, and the spellings of `data/measurement-names.toml`.
    #[must_use]
    pub fn new(catalog: &'c Catalog, spellings: Vec<ModelName>) -> Self {
        let mut keys = Vec::new();
        for row in catalog.models() {
            let names = [row.id.as_str(), row.name.as_str()];
            let more = row.aliases.iter().chain(&row.shared_names).map(String::as_str);
            let mut own: Vec<String> = names.into_iter().chain(more).map(model_key).collect();
            own.sort();
            own.dedup();
            keys.extend(own.into_iter().map(|key| (key, row)));
        }
        Models { catalog, keys, spellings }
    }

    /// The model of a measurement; `None` where neither name nor columns tell its size.
    #[must_use]
    pub fn find(&self, row: &MeasurementRow) -> Option<Known> {
        let lower = row.model.to_lowercase();
        let spelled = self
            .spellings
            .iter()
            .find(|spelling| occurs(&lower, &spelling.has))
            .and_then(|spelling| self.catalog.models().iter().find(|model| model.id == spelling.row));
        let found = spelled.or_else(|| self.by_name(row));
        found.map(known).or_else(|| self.by_size(row))
    }

    fn by_name(&self, row: &MeasurementRow) -> Option<&'c ModelRow> {
        let wanted = model_key(&row.model);
        if let Some((_, exact)) = self.keys.iter().find(|(key, _)| *key == wanted) {
            return Some(exact);
        }
        let (total, active) = sizes(&row.model);
        let total = total.or(row.params_b.filter(|_| !row.model.chars().any(|c| c.is_ascii_digit())));
        let mut best: Option<(usize, usize, &ModelRow)> = None;
        for (key, model) in &self.keys {
            let run = common_run(&wanted, key);
            let named = run == key.len() || run == wanted.len();
            let agrees = match total {
                Some(total) => {
                    let effective = key.contains("e2b") || key.contains("e4b");
                    let same = |a: f64, b: f64| (a / b).ln().abs() < 0.13;
                    (same(total, model.params_b) || (effective && named))
                        && active.is_none_or(|active| (active / model.active_params_b).ln().abs() < 0.4)
                        && run >= 5
                }
                None => named && run >= 4,
            };
            // A name that states one size only is a dense model's, where there is one.
            let routed = model.experts.is_some() && active.is_none() && !wanted.contains("moe");
            let gap = key.len().abs_diff(wanted.len()) + if routed { 6 } else { 0 };
            if agrees && best.is_none_or(|(r, g, _)| run > r || (run == r && gap < g)) {
                best = Some((run, gap, model));
            }
        }
        best.map(|(.., model)| model)
    }

    /// A shape like that of the catalogue's model that is nearest in size.
    fn by_size(&self, row: &MeasurementRow) -> Option<Known> {
        let (total, active) = sizes(&row.model);
        let stated = row.params_b.filter(|value| *value > 0.0);
        // A column that contradicts the name is another model's.
        let total = match (stated, total) {
            (Some(column), Some(name)) if (column / name).ln().abs() > 0.7 => name,
            (column, name) => column.or(name)?,
        };
        let active = row.active_params_b.or(active).filter(|active| *active < total);
        let off = |model: &ModelRow| {
            let size = (model.params_b / total).ln().abs();
            match active {
                Some(active) => size + (model.active_params_b / active).ln().abs(),
                None => size,
            }
        };
        let alike = self.catalog.models().iter().filter(|model| model.experts.is_some() == active.is_some());
        let nearest = alike.min_by(|a, b| off(a).total_cmp(&off(b)))?;
        let mut model = shape(nearest);
        let scale = total / model.params_b;
        model.params_b = total;
        model.active_params_b = active.unwrap_or(total);
        model.hidden_size = (f64::from(model.hidden_size) * scale.sqrt()).round() as u32;
        Some(Known { id: String::new(), model, native_experts: false })
    }
}

fn known(row: &ModelRow) -> Known {
    Known {
        id: row.id.clone(),
        model: shape(row),
        native_experts: row.experts.is_some() && row.native_quant.as_deref() == Some("mxfp4"),
    }
}

/// Weights of a model in a file of known or usual size.
#[must_use]
pub fn weights(
    catalog: &Catalog,
    known: &Known,
    quant: &Quant,
    program: Runtime,
    size_gib: Option<f64>,
) -> Weights {
    let model = &known.model;
    let by_role = || {
        let embedding = if model.tied_embeddings { quant.bits.head } else { quant.bits.embedding };
        Weights::from_bits(model, BitsPerWeight { embedding, ..quant.bits })
    };
    let row = catalog.models().iter().find(|row| row.id == known.id);
    let usual = row
        .zip(catalog.quants().iter().find(|row| row.id == quant.id))
        .map_or_else(by_role, |(row, quant)| Matter::of(row, *model, quant, program).weights);
    let size = size_gib.map(|size| size * GIB).filter(|size| {
        let guess = model.params_b * 1e9 * quant.whole / 8.0;
        *size > 0.45 * guess && *size < 2.2 * guess || (known.native_experts && *size > 0.1 * guess)
    });
    // Some columns hold parameters in place of bytes: no file of four bits a weight has as many GiB.
    let size = size.filter(|size| {
        let billions = size / GIB / model.params_b;
        quant.whole > 6.0 || known.native_experts || !(0.985..1.015).contains(&billions)
    });
    let Some(size) = size else { return usual };
    if !known.native_experts {
        return usual.scaled_to(size);
    }
    // Experts that were published in four bits stay so in every file but those that someone widened on purpose; the rest is
    // what remains.
    if size > 1.5 * model.params_b * BILLION {
        return by_role().scaled_to(size);
    }
    let routed_bytes = Weights::from_bits(model, BitsPerWeight { bulk: 4.25, ..quant.bits }).routed_bytes;
    let rest = Weights {
        routed_bytes: 0.0,
        ..Weights::from_bits(model, BitsPerWeight { bulk: 8.5, embedding: 8.5, head: 8.5 })
    };
    let rest_bytes = (size - routed_bytes).max(rest.total_bytes() * 0.5);
    Weights { routed_bytes, ..rest.scaled_to(rest_bytes) }
}

/// The shape with keys and values of every head in place of compressed vectors.
#[must_use]
pub fn expanded(model: &Model) -> Model {
    let mut layers = Layers::new();
    for group in model.layers.groups() {
        let mut group = *group;
        if let LayerKind::Latent { heads, rope_dim, .. } = group.kind {
            // A head's plain key and its value are twice its rotary key in all such models.
            let (key_dim, value_dim) = (3 * rope_dim, 2 * rope_dim);
            group.kind = LayerKind::Full { heads, kv_heads: heads, key_dim, value_dim };
        }
        if !layers.add(group) {
            return *model;
        }
    }
    Model { layers, ..*model }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_names() {
        assert_eq!(sizes("Qwen3-30B-A3B-Instruct-2507"), (Some(30.0), Some(3.0)));
        assert_eq!(sizes("Llama 3.2 1B Instruct"), (Some(1.0), None));
        assert_eq!(sizes("SmolLM2-135M-Instruct"), (Some(0.135), None));
        assert_eq!(sizes("bloom-7b1"), (Some(7.1), None));
        assert_eq!(sizes("phi-4"), (None, None));
        assert_eq!(sizes("Mixtral-8x7B"), (None, None));
        assert_eq!(sizes("Llama-4-Scout-17B-16E-Instruct"), (None, None));
    }
}
