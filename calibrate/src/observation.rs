//! A measurement, understood: its device, model, job, and what an estimator would be asked about it.

use data::Catalog;
use data::backend::Backend;
use data::constants::{Facts, Group, family};
use data::row::{MatrixFormat, QuantGroup, Runtime};
use estimator::{CacheType, CacheTypes, Host, Machine, Setup, Split, Workload};

use crate::clean::{Reason, reasons};
use crate::devices::{Device, Devices, spellings};
use crate::models::{Known, Models, Quant, quant, weights};
use crate::row::MeasurementRow;
use crate::text::number_after;

/// What a row measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Answer tokens a second.
    Decode,
    /// Prompt tokens a second.
    Prefill,
}

/// One row with everything that predictions need.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The row's place in what was read.
    pub index: usize,
    /// The source.
    pub source: String,
    /// What was measured.
    pub metric: Metric,
    /// Measured tokens a second, all streams together.
    pub speed: Option<f64>,
    /// The device.
    pub device: Device,
    /// What drives it.
    pub backend: Backend,
    /// The runtime's name.
    pub runtime: &'static str,
    /// The runtime as the catalogue knows it; llama.cpp for its kin.
    pub program: Runtime,
    /// The model's id.
    pub model_id: String,
    /// The quantisation's label and family.
    pub quant: String,
    /// Its family.
    pub family: &'static str,
    /// The format its weights can be multiplied in.
    pub matrix_format: MatrixFormat,
    /// What the estimator is asked.
    pub setup: Setup,
    /// Whether attention is not fused, as far as the row tells.
    pub unfused: bool,
    /// When it was measured.
    pub era: &'static str,
    /// Where the figure comes from.
    pub origin: &'static str,
    /// The operating system.
    pub system: &'static str,
    /// Tokens in a micro-batch.
    pub micro_batch: u32,
    /// Streams.
    pub streams: f64,
    /// Devices.
    pub devices: f64,
    /// Generated tokens.
    pub generated: f64,
    /// Prompt tokens before generation, for end-to-end rates.
    pub prompt: Option<f64>,
    /// Power limit as a share of stock.
    pub power_share: f64,
    /// Layers on the device, and bytes in RAM, where offload is stated.
    pub offload: Offload,
    /// Why it is no clean measurement.
    pub reasons: Vec<Reason>,
    /// Day, month or year.
    pub date: String,
}

/// What a row states about work left to the host.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Offload {
    /// Layers on the device.
    pub layers_on_device: Option<f64>,
    /// Expert layers in RAM.
    pub expert_layers_on_host: Option<f64>,
    /// Whether all routed experts are in RAM.
    pub all_experts: bool,
    /// Bytes in RAM.
    pub host_bytes: Option<f64>,
    /// RAM bandwidth, GB/s.
    pub host_bandwidth_gb_s: Option<f64>,
}

impl Offload {
    /// Whether enough is stated to tell how many bytes are read from RAM, and how fast RAM is.
    #[must_use]
    pub fn stated(&self) -> bool {
        self.host_bandwidth_gb_s.is_some()
            && (self.host_bytes.is_some()
                || self.all_experts
                || self.expert_layers_on_host.is_some()
                || self.layers_on_device.is_some())
    }
}

/// Reads rows into observations.
pub struct Reader<'c> {
    catalog: &'c Catalog,
    devices: Devices<'c>,
    models: Models<'c>,
}

impl<'c> Reader<'c> {
    /// A reader over the catalogue.
    ///
    /// # Errors
    ///
    /// When `data/measurement-names.toml` has another shape.
    pub fn new(catalog: &'c Catalog) -> anyhow::Result<Self> {
        let names = spellings()?;
        Ok(Reader {
            catalog,
            devices: Devices::new(catalog, names.device),
            models: Models::new(catalog, names.model),
        })
    }

    /// The observation in a row.
    ///
    /// # Errors
    ///
    /// The reason for which nothing can be said about it.
    pub fn read(&self, index: usize, row: &MeasurementRow) -> Result<Observation, Reason> {
        let backend = backend(row);
        let device = self.devices.find(row, backend).ok_or(Reason::UnknownDevice)?;
        let known = self.models.find(row).ok_or(Reason::UnknownModel)?;
        let quant = quant(self.catalog, row).or_else(|| of_size(row, &known)).ok_or(Reason::UnknownQuant)?;
        let weights = weights(&known, &quant, row.model_size_gib);
        let notes = row.notes.to_lowercase();
        let metric = if row.metric == "prefill" { Metric::Prefill } else { Metric::Decode };
        let mut found = reasons(row);
        let (runtime, program) = runtime(row);
        if runtime != "llama.cpp" && runtime != "ollama" && !found.contains(&Reason::Fork) {
            found.push(Reason::OtherRuntime);
        }
        if metric == Metric::Prefill && notes.contains("crowdsourced") {
            found.push(Reason::SelfReportedPrompt);
        }
        if device.vague {
            found.push(Reason::Suspect);
        }
        let backend = settled(backend, &device);
        let workload = workload(row, metric);
        let cache = cache_types(&row.kv_type);
        let mut setup =
            Setup { machine: machine(&device, &notes), model: known.model, weights, cache, workload };
        let power_share = power_share(&notes, &device);
        setup.machine.devices_mut()[0].power_share = power_share;
        let observation = Observation {
            index,
            source: row.source.clone(),
            metric,
            speed: row.tok_s.filter(|speed| *speed > 0.0),
            backend,
            runtime,
            program,
            model_id: if known.id.is_empty() { crate::text::key(&row.model) } else { known.id.clone() },
            quant: row.quant.clone(),
            family: if known.native_experts {
                "fp4"
            } else if quant.brain {
                "bf16"
            } else {
                family(quant.group, quant.whole)
            },
            matrix_format: matrix_format(quant.group),
            setup,
            unfused: unfused(row, runtime),
            era: era(&row.date),
            origin: origin(&notes),
            system: system(&notes),
            micro_batch: micro_batch(&notes, program),
            streams: row.batch.unwrap_or(1.0).max(1.0),
            devices: row.n_devices.unwrap_or(1.0).max(1.0),
            generated: row.n_gen.filter(|n| *n > 0.0).unwrap_or(128.0),
            prompt: row.n_prompt.filter(|n| *n > 0.0).or_else(|| number_after(&notes, "prompt_tokens=")),
            power_share,
            offload: offload(&notes),
            reasons: found,
            date: row.date.clone(),
            device,
        };
        Ok(observation.with_memory_reason())
    }
}

impl Observation {
    /// The facts that effects depend on.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            group: self.group(),
            vendor: &self.device.vendor,
            stacked: self.device.stacked,
            tier: self.device.tier,
            generation: &self.device.generation,
            device: &self.device.key,
            backend: self.backend,
            runtime: self.runtime,
            family: self.family,
            era: self.era,
            origin: self.origin,
            system: self.system,
            experts: self.setup.model.experts.is_some(),
        }
    }

    /// Devices that share terms with this one.
    #[must_use]
    pub fn group(&self) -> Group {
        Group::of(self.device.class, &self.device.vendor, self.backend)
    }

    /// Whether it is a clean measurement of one stream on one device, by whatever runtime.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.reasons.iter().all(|reason| *reason == Reason::OtherRuntime)
    }

    /// Whether nothing else than these reasons stands against it.
    #[must_use]
    pub fn but<const N: usize>(&self, reasons: [Reason; N]) -> bool {
        self.reasons.iter().all(|reason| reasons.contains(reason))
    }

    /// Whether it has this reason against it.
    #[must_use]
    pub fn has(&self, reason: Reason) -> bool {
        self.reasons.contains(&reason)
    }

    /// A card cannot hold more than its memory: the rest must be in RAM, stated or not.
    fn with_memory_reason(mut self) -> Self {
        let cache = estimator::cache::read_bytes(
            &self.setup.model,
            self.setup.cache,
            f64::from(self.setup.workload.context_tokens),
        );
        let bytes = self.setup.weights.total_bytes() - self.setup.weights.embedding_bytes + cache;
        let card = self.device.class == estimator::HardwareClass::DiscreteGpu;
        let gib = self.device.memory_gib.map(|gib| gib * self.devices);
        if card && gib.is_some_and(|gib| bytes > gib * estimator::units::GIB * 0.98) {
            self.reasons.push(Reason::ExceedsMemory);
        }
        self
    }
}

fn backend(row: &MeasurementRow) -> Backend {
    let stated = row.backend.split(',').next().unwrap_or_default();
    if let Some(backend) = Backend::from_name(stated) {
        return backend;
    }
    let engine = row.engine.to_lowercase();
    let notes = row.notes.to_lowercase();
    let name = row.device.to_lowercase();
    let cpu_only = notes.contains("cpu only")
        || name.contains("(cpu")
        || name.contains("cpu only")
        || notes.contains("runs_on=cpu");
    match row.device_class.as_str() {
        _ if cpu_only => Backend::Cpu,
        "apple" => Backend::Metal,
        "nvidia" => Backend::Cuda,
        "cpu" | "mobile" => Backend::Cpu,
        "amd" if notes.contains("vulkan") => Backend::Vulkan,
        "amd" => Backend::Rocm,
        "intel" if engine.contains("sycl") || notes.contains("sycl") => Backend::Sycl,
        "intel" => Backend::Vulkan,
        _ if name.contains("spark")
            || name.contains("gb10")
            || name.contains("jetson")
            || name.contains("orin") =>
        {
            Backend::Cuda
        }
        _ => Backend::Rocm,
    }
}

/// The back end that a device of this maker can have been driven by.
fn settled(backend: Backend, device: &Device) -> Backend {
    match (backend, device.vendor.as_str()) {
        (Backend::Cuda | Backend::Rocm | Backend::Sycl, "apple") => Backend::Metal,
        (Backend::Cuda, "amd") => Backend::Rocm,
        (Backend::Cuda | Backend::Rocm, "intel") => Backend::Vulkan,
        (Backend::Rocm, "nvidia") => Backend::Cuda,
        _ if matches!(device.class, estimator::HardwareClass::Cpu) => Backend::Cpu,
        _ => backend,
    }
}

fn runtime(row: &MeasurementRow) -> (&'static str, Runtime) {
    let engine = row.engine.to_lowercase();
    let is = |name: &str| engine.contains(name);
    match () {
        () if is("localscore") => ("localscore", Runtime::LlamaCpp),
        () if is("ik_llama") => ("ik_llama.cpp", Runtime::LlamaCpp),
        () if is("ollama") => ("ollama", Runtime::Ollama),
        () if is("mlx") || is("omlx") => ("mlx", Runtime::Mlx),
        () if is("vllm") => ("vllm", Runtime::Vllm),
        () if is("sglang") => ("sglang", Runtime::Vllm),
        () if is("tensorrt") => ("tensorrt-llm", Runtime::Vllm),
        () if is("deepspeed") => ("deepspeed", Runtime::Vllm),
        () if is("exllamav3") || is("exl3") => ("exllamav3", Runtime::ExLlamaV3),
        () if is("exllama") => ("exllamav2", Runtime::ExLlamaV2),
        () if is("mlc") => ("mlc", Runtime::LlamaCpp),
        () if is("transformers")
            || is("pytorch")
            || is("lightning")
            || is("autogptq")
            || is("onnx")
            || is("ctrans") =>
        {
            ("transformers", Runtime::LlamaCpp)
        }
        () if is("ds4") || is("hipfire") => ("other", Runtime::LlamaCpp),
        () => ("llama.cpp", Runtime::LlamaCpp),
    }
}

fn of_size(row: &MeasurementRow, known: &Known) -> Option<Quant> {
    let size = row.model_size_gib.filter(|size| *size > 0.0)?;
    let whole = size * estimator::units::GIB * 8.0 / (known.model.params_b * 1e9);
    let bits = estimator::BitsPerWeight { bulk: whole, embedding: whole, head: whole };
    Some(Quant { group: QuantGroup::K, bits, whole, brain: false })
}

fn matrix_format(group: QuantGroup) -> MatrixFormat {
    match group {
        QuantGroup::Fp8 => MatrixFormat::Fp8,
        QuantGroup::Nvfp4 => MatrixFormat::Fp4,
        _ => MatrixFormat::F16,
    }
}

/// Mean prompt and mean tokens in the cache while decoding of LocalScore's nine published mixes of prompt and answer:
/// 1024+16, 4096+256, 2048+256, 2048+768, 1024+1024, 1280+3072, 384+1152, 64+1024, 16+1536.
const LOCALSCORE_MIXES: [(f64, f64); 9] = [
    (1024.0, 16.0),
    (4096.0, 256.0),
    (2048.0, 256.0),
    (2048.0, 768.0),
    (1024.0, 1024.0),
    (1280.0, 3072.0),
    (384.0, 1152.0),
    (64.0, 1024.0),
    (16.0, 1536.0),
];

fn workload(row: &MeasurementRow, metric: Metric) -> Workload {
    let mixes = row.engine.to_lowercase().contains("localscore");
    let mean = |of: fn(&(f64, f64)) -> f64| {
        LOCALSCORE_MIXES.iter().map(of).sum::<f64>() / LOCALSCORE_MIXES.len() as f64
    };
    let notes = row.notes.to_lowercase();
    let prompt = row.n_prompt.filter(|n| *n > 0.0).or_else(|| number_after(&notes, "prompt_tokens="));
    let generated = row.n_gen.filter(|n| *n > 0.0).unwrap_or(128.0);
    let streams = row.batch.unwrap_or(1.0).max(1.0) as u32;
    match metric {
        Metric::Decode => {
            let before = row.depth.or(prompt).unwrap_or(256.0);
            let context = if mixes { mean(|(p, g)| p + g / 2.0) } else { before + generated / 2.0 };
            Workload { prompt_tokens: 1, cached_tokens: 0, context_tokens: context.max(1.0) as u32, streams }
        }
        Metric::Prefill => {
            let new = if mixes { mean(|(p, _)| *p) } else { prompt.unwrap_or(512.0) };
            let cached = row.depth.unwrap_or(0.0);
            Workload {
                prompt_tokens: (cached + new).max(1.0) as u32,
                cached_tokens: cached as u32,
                context_tokens: (cached + new).max(1.0) as u32,
                streams,
            }
        }
    }
}

fn cache_types(text: &str) -> CacheTypes {
    let text = text.to_lowercase();
    let one = |text: &str| match () {
        () if text.contains("q8") || text.contains("int8") => CacheType::Q8_0,
        () if text.contains("fp8") => CacheType::Fp8,
        () if text.contains("q5_1") => CacheType::Q5_1,
        () if text.contains("q5") => CacheType::Q5_0,
        () if text.contains("q4_1") => CacheType::Q4_1,
        () if text.contains("q4") || text.contains("4bit") => CacheType::Q4_0,
        () => CacheType::F16,
    };
    let (k, v) = match text.split_once(['/', ',']) {
        Some((k, v)) => (one(k), one(v)),
        None => (one(&text), one(&text)),
    };
    CacheTypes { k, v }
}

fn machine(device: &Device, notes: &str) -> Machine {
    let own = estimator::Device {
        class: device.class,
        memory_gib: device.memory_gib.unwrap_or(64.0),
        usable_gib: None,
        bandwidth_gb_s: device.bandwidth_gb_s,
        compute: device.compute,
        host_link_gb_s: device.link_gb_s.unwrap_or(16.0),
        power_share: 1.0,
    };
    let ram = number_after(notes, "ram_bandwidth_gbs=").unwrap_or(80.0);
    let mut machine = Machine::single(own, Host { memory_gib: 512.0, bandwidth_gb_s: ram });
    machine.split = Split::LayersByMemory;
    machine
}

fn power_share(notes: &str, device: &Device) -> f64 {
    let spellings = ["power_limit_w=", "power-limited to ", "power capped ", "power limit "];
    let limit = spellings.into_iter().find_map(|spelling| number_after(notes, spelling));
    match (limit, device.tdp_w) {
        (Some(limit), Some(stock)) if limit > 0.0 => (limit / stock).min(1.0),
        _ => 1.0,
    }
}

fn unfused(row: &MeasurementRow, runtime: &str) -> bool {
    let old = matches!(era(&row.date), "2023" | "2024");
    let llama = matches!(runtime, "llama.cpp" | "ollama" | "localscore" | "ik_llama.cpp");
    llama && row.flash_attn.map_or(old || runtime == "localscore", |on| on == 0.0)
}

/// Years in which kernels were alike.
fn era(date: &str) -> &'static str {
    match () {
        () if date.is_empty() => "now",
        () if date < "2024" => "2023",
        () if date < "2024-09" => "2024",
        () if date < "2025-06" => "2025",
        () => "now",
    }
}

fn origin(notes: &str) -> &'static str {
    match () {
        () if notes.contains("crowdsourced") => "crowd",
        () if notes.contains("llmfit bench") => "crowd",
        () => "tool",
    }
}

fn system(notes: &str) -> &'static str {
    match () {
        () if notes.contains("os=windows") => "windows",
        () if notes.contains("os=linux") => "linux",
        () => "",
    }
}

fn micro_batch(notes: &str, program: Runtime) -> u32 {
    let stated = number_after(notes, "n_ubatch=").or_else(|| number_after(notes, "ubatch="));
    match program {
        _ if stated.is_some_and(|n| n >= 1.0) => stated.map_or(512, |n| n as u32),
        Runtime::LlamaCpp | Runtime::Ollama => 512,
        _ => 2048,
    }
}

fn offload(notes: &str) -> Offload {
    let experts = notes.contains("exps=cpu") && !notes.contains("=cuda");
    Offload {
        layers_on_device: number_after(notes, "ngl="),
        expert_layers_on_host: number_after(notes, "n_cpu_moe="),
        all_experts: experts || notes.contains("all experts on cpu") || notes.contains("all routed experts"),
        host_bytes: number_after(notes, "cpu_buffer_mib=").map(|mib| mib * 1024.0 * 1024.0),
        host_bandwidth_gb_s: number_after(notes, "ram_bandwidth_gbs="),
    }
}
