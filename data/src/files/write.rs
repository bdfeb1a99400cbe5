//! Writes rows in the one legal form of their file: keys in the order of the row's definition, rows by id, one
//! space around `=`, numbers as short as they can be, nothing where there is nothing to say.

use std::fmt::Display;

use crate::row::{
    Capability, HardwareRow, LayerGroup, Mixer, ModelRow, QuantRow, SourceRow, SuiteRow, WorkloadRow,
};

/// One table, line by line.
struct Table(String);

impl Table {
    fn new(heading: &str) -> Self {
        Table(format!("[[{heading}]]\n"))
    }

    fn line(&mut self, key: &str, value: &str) {
        self.0.push_str(&format!("{key} = {value}\n"));
    }

    fn text(&mut self, key: &str, value: &str) {
        self.line(key, &quoted(value));
    }

    fn plain(&mut self, key: &str, value: impl Display) {
        self.line(key, &value.to_string());
    }

    fn some_text(&mut self, key: &str, value: Option<&String>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    fn some<T: Display>(&mut self, key: &str, value: Option<T>) {
        if let Some(value) = value {
            self.plain(key, value);
        }
    }

    /// A word that stands for a unit variant, as serde writes it.
    fn word<T: serde::Serialize>(&mut self, key: &str, value: &T) {
        self.line(key, &word(value));
    }

    fn texts(&mut self, key: &str, values: &[String]) {
        if !values.is_empty() {
            self.line(key, &list(values.iter().map(|value| quoted(value))));
        }
    }

    fn flag(&mut self, key: &str, set: bool) {
        if set {
            self.plain(key, true);
        }
    }
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A unit variant's name in quotes.
fn word<T: serde::Serialize>(value: &T) -> String {
    toml::Value::try_from(value).map_or_else(|error| error.to_string(), |value| value.to_string())
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// Tables one below the other, ordered by id.
fn file<R>(rows: &[R], id: impl Fn(&R) -> &str, table: impl Fn(&R) -> Table) -> String {
    let mut sorted: Vec<&R> = rows.iter().collect();
    sorted.sort_by(|a, b| id(a).cmp(id(b)));
    sorted.into_iter().map(|row| table(row).0).collect::<Vec<_>>().join("\n")
}

/// `data/hardware/*.toml`.
pub fn hardware(rows: &[HardwareRow]) -> String {
    file(rows, |row| &row.id, device)
}

/// `data/models/*.toml`.
pub fn models(rows: &[ModelRow]) -> String {
    file(rows, |row| &row.id, model)
}

/// `data/sources.toml`.
pub fn sources(rows: &[SourceRow]) -> String {
    file(rows, |row| &row.id, source)
}

/// `data/quants.toml`: by group, best first, since that is how people look for one.
pub fn quants(rows: &[QuantRow]) -> String {
    let mut sorted: Vec<&QuantRow> = rows.iter().collect();
    sorted.sort_by(|a, b| (a.group, b.quality, &a.id).cmp(&(b.group, a.quality, &b.id)));
    sorted.into_iter().map(|row| quant(row).0).collect::<Vec<_>>().join("\n")
}

/// `data/suites/*.toml`.
pub fn suite(row: &SuiteRow) -> String {
    let mut head = Table(String::new());
    head.text("id", &row.id);
    head.texts("sources", &row.sources);
    let workloads = row.workload.iter().map(|row| workload(row).0);
    core::iter::once(head.0).chain(workloads).collect::<Vec<_>>().join("\n")
}

fn source(row: &SourceRow) -> Table {
    let mut out = Table::new("source");
    out.text("id", &row.id);
    out.text("name", &row.name);
    out.some_text("url", row.url.as_ref());
    out.some_text("license", row.license.as_ref());
    out.some_text("note", row.note.as_ref());
    out
}

fn device(row: &HardwareRow) -> Table {
    let mut out = Table::new("device");
    out.text("id", &row.id);
    out.text("name", &row.name);
    out.text("vendor", &row.vendor);
    out.word("class", &row.class);
    out.some_text("generation", row.generation.as_ref());
    if !row.memory_gib.is_empty() {
        out.line("memory_gib", &list(row.memory_gib.iter().map(ToString::to_string)));
    }
    out.some("usual_gib", row.usual_gib);
    out.some_text("memory_kind", row.memory_kind.as_ref());
    out.plain("bandwidth_gb_s", row.bandwidth_gb_s);
    out.some("channels", row.channels);
    out.some("memory_mt_s", row.memory_mt_s);
    out.some("cores", row.cores);
    out.some("wide", row.wide);
    if let Some(made_for) = row.made_for {
        out.text("made_for", made_for.name());
    }
    out.some("compute_f16_tflops", row.compute_f16_tflops);
    out.some("compute_int8_tops", row.compute_int8_tops);
    out.some("compute_fp8_tflops", row.compute_fp8_tflops);
    out.some("compute_fp4_tflops", row.compute_fp4_tflops);
    out.some("gpu_cores", row.gpu_cores);
    out.some("tdp_w", row.tdp_w);
    out.some("release_year", row.release_year);
    if let Some(link) = row.link {
        out.line("link", &format!("{{ pcie = {}, lanes = {} }}", link.pcie, link.lanes));
    }
    out.flag("laptop", row.laptop);
    out.texts("aliases", &row.aliases);
    out.texts("shared_names", &row.shared_names);
    out.texts("patterns", &row.patterns);
    out.texts("sources", &row.sources);
    out.some_text("unverified", row.unverified.as_ref());
    out
}

fn model(row: &ModelRow) -> Table {
    let mut out = Table::new("model");
    out.text("id", &row.id);
    out.text("name", &row.name);
    out.text("family", &row.family);
    out.some_text("hf_repo", row.hf_repo.as_ref());
    out.plain("params_b", row.params_b);
    out.plain("active_params_b", row.active_params_b);
    out.plain("hidden_size", row.hidden_size);
    out.plain("vocab_size", row.vocab_size);
    out.plain("tied_embeddings", row.tied_embeddings);
    out.plain("native_context_tokens", row.native_context_tokens);
    let layers: String = row.layers.iter().map(|group| format!("    {},\n", layer_group(group))).collect();
    out.line("layers", &format!("[\n{layers}]"));
    if let Some(experts) = row.experts {
        let mut parts = vec![format!("total = {}", experts.total), format!("active = {}", experts.active)];
        for (key, count) in
            [("shared", experts.shared), ("leading_dense_layers", experts.leading_dense_layers)]
        {
            if count > 0 {
                parts.push(format!("{key} = {count}"));
            }
        }
        out.line("experts", &format!("{{ {} }}", parts.join(", ")));
    }
    out.some_text("native_quant", row.native_quant.as_ref());
    out.some_text("license", row.license.as_ref());
    out.some_text("released", row.released.as_ref());
    // An editorial score follows from the rest of the row.
    if let Capability::Arena { elo, source, .. } = &row.capability {
        out.line("capability.arena", &format!("{{ elo = {elo}, source = {} }}", quoted(source)));
    }
    out.texts("aliases", &row.aliases);
    out.texts("shared_names", &row.shared_names);
    out.texts("sources", &row.sources);
    out.some_text("unverified", row.unverified.as_ref());
    out
}

fn layer_group(group: &LayerGroup) -> String {
    let mixer = match group.mixer {
        Mixer::Full { heads, kv_heads, key_dim, value_dim } => format!(
            "mixer.full = {{ heads = {heads}, kv_heads = {kv_heads}, key_dim = {key_dim}, value_dim = {value_dim} }}"
        ),
        Mixer::Window { heads, kv_heads, key_dim, value_dim, window } => format!(
            "mixer.window = {{ heads = {heads}, kv_heads = {kv_heads}, key_dim = {key_dim}, value_dim = {value_dim}, window = {window} }}"
        ),
        Mixer::Latent { heads, rank, rope_dim } => {
            format!("mixer.latent = {{ heads = {heads}, rank = {rank}, rope_dim = {rope_dim} }}")
        }
        Mixer::Recurrent { state_bytes } => format!("mixer.recurrent = {{ state_bytes = {state_bytes} }}"),
        Mixer::FeedForward => "mixer = \"feed_forward\"".to_owned(),
    };
    let mut text = format!("{{ count = {}, {mixer}", group.count);
    for (key, set) in [("shared_cache", group.shared_cache), ("parallel", group.parallel)] {
        if set {
            text.push_str(&format!(", {key} = true"));
        }
    }
    text + " }"
}

fn quant(row: &QuantRow) -> Table {
    let mut out = Table::new("quant");
    out.text("id", &row.id);
    out.text("name", &row.name);
    out.word("group", &row.group);
    out.plain("bits_per_weight", row.bits_per_weight);
    out.some("bulk_bits_per_weight", row.bulk_bits_per_weight);
    out.some("head_bits_per_weight", row.head_bits_per_weight);
    out.some("embedding_bits_per_weight", row.embedding_bits_per_weight);
    out.some("dense_bits_per_weight", row.dense_bits_per_weight);
    if let Some(bits) = row.fallback_bits {
        out.line(
            "fallback_bits",
            &format!("{{ matrices = {}, down = {}, head = {} }}", bits.matrices, bits.down, bits.head),
        );
    }
    out.word("matrix_format", &row.matrix_format);
    out.plain("quality", row.quality);
    out.word("loss", &row.loss);
    out.line("runtimes", &list(row.runtimes.iter().map(word)));
    out.texts("aliases", &row.aliases);
    out.texts("sources", &row.sources);
    out.some_text("unverified", row.unverified.as_ref());
    out
}

fn workload(row: &WorkloadRow) -> Table {
    let mut out = Table::new("workload");
    out.text("id", &row.id);
    out.text("name", &row.name);
    out.text("about", &row.about);
    out.line("prompt_tokens", &list(row.prompt_tokens.iter().map(ToString::to_string)));
    out.plain("output_tokens", row.output_tokens);
    out.line("streams", &list(row.streams.iter().map(ToString::to_string)));
    out.plain("turns", row.turns);
    out.plain("prefix_reuse", row.prefix_reuse);
    out
}
