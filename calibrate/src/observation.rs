//! A measurement, understood: its device, model, job, and what an estimator would be asked about it.

use data::Catalog;
use data::backend::Backend;
use data::constants::{Facts, Group, family};
use data::row::{MatrixFormat, QuantGroup, Runtime};
use data::subject::{NATIVE_EXPERTS, widens_experts};
use estimator::{Compute, HardwareClass, LayerKind, Model, Setup};

use crate::clean::{Reason, reasons};
use crate::columns::{
    backend, cache_types, driver, era, library, matrix_format, micro_batch, offload, on_phone_graphics,
    origin, period, power_share, runtime, settled, system, unfused, workload,
};
use crate::devices::{Device, Devices, spellings};
use crate::host;
use crate::models::{Known, Models, expanded, weights};
use crate::processors::Processors;
use crate::quants::{Quant, quant, usual_quant};
use crate::row::MeasurementRow;
use crate::text::{number_after, text_after};

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
    /// The quantisation's label.
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
    /// The same in half years.
    pub half_year: &'static str,
    /// The matrix library or driver, where the row states one.
    pub library: String,
    /// Half year and library.
    pub period: String,
    /// Where the figure comes from.
    pub origin: &'static str,
    /// The operating system.
    pub system: &'static str,
    /// Whether the program leaves the output head to the host's processor.
    pub head_on_host: bool,
    /// Tokens in a micro-batch.
    pub micro_batch: u32,
    /// Streams.
    pub streams: f64,
    /// Devices.
    pub devices: f64,
    /// Whether they share every matrix, instead of each holding whole layers.
    pub shares_matrices: bool,
    /// Generated tokens.
    pub generated: f64,
    /// Tokens of each prompt, for rates over times in which prompts are read.
    pub prompt: Option<f64>,
    /// Prompts that are read within the time that the rate is over: all of them end to end, those of the other streams where
    /// the clock starts at the first answer.
    pub prompts_read: f64,
    /// Power limit as a share of stock.
    pub power_share: f64,
    /// Layers on the device, and bytes in RAM, where offload is stated.
    pub offload: Offload,
    /// How much it counts beside others of its cell.
    pub evidence: f64,
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
    processors: Processors,
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
            processors: Processors::new()?,
        })
    }

    /// The observation in a row.
    ///
    /// # Errors
    ///
    /// The reason for which nothing can be said about it.
    pub fn read(&self, index: usize, row: &MeasurementRow) -> Result<Observation, Reason> {
        let backend = backend(row);
        let mut device = self.devices.find(row, backend).ok_or(Reason::UnknownDevice)?;
        let mut known = self.models.find(row).ok_or(Reason::UnknownModel)?;
        let (runtime, program) = runtime(row);
        let stated = quant(self.catalog, row, &known).or_else(|| of_size(row, &known));
        let guessed = stated.is_none();
        let memory_gib = device.memory_gib.map(|gib| gib * row.n_devices.unwrap_or(1.0).max(1.0));
        let quant = stated
            .or_else(|| usual_quant(self.catalog, row, &known, memory_gib))
            .ok_or(Reason::UnknownQuant)?;
        known.native_experts &= !widens_experts(quant.group, program);
        let weights = weights(self.catalog, &known, &quant, program, row.model_size_gib);
        let notes = row.notes.to_lowercase();
        let metric = if row.metric == "prefill" { Metric::Prefill } else { Metric::Decode };
        let mut found = reasons(row);
        if runtime != "llama.cpp" && runtime != "ollama" && !found.contains(&Reason::Fork) {
            found.push(Reason::OtherRuntime);
        }
        if metric == Metric::Prefill && notes.contains("crowdsourced") {
            found.push(Reason::SelfReportedPrompt);
        }
        if device.vague {
            found.push(Reason::Suspect);
        }
        if guessed {
            found.push(Reason::GuessedQuant);
        }
        if fused_too_early(row, &known.model) {
            found.push(Reason::NotYetFused);
        }
        if on_phone_graphics(row) && device.class == HardwareClass::Cpu {
            found.push(Reason::ForeignBackend);
        }
        let backend = settled(backend, &device);
        if Group::of(device.class, &device.vendor, backend) == Group::Cpu {
            self.compute_on_cores(&mut device, row);
        }
        let workload = workload(row, metric);
        let cache = cache_types(&row.kv_type);
        let model = if keeps_latents(row, program) { known.model } else { expanded(&known.model) };
        let mut offload = offload(&notes);
        offload.host_bandwidth_gb_s =
            offload.host_bandwidth_gb_s.or_else(|| host::bandwidth_gb_s(self.catalog, &notes));
        let machine = device.machine(offload.host_bandwidth_gb_s);
        let mut setup = Setup { machine, model, weights, cache, workload };
        let power_share = power_share(&notes, &device);
        let streams = row.batch.unwrap_or(1.0).max(1.0);
        // It sends all prompts at once, and counts answers from the first token of any stream to the last.
        let from_first_answer = metric == Metric::Decode && streams > 1.0 && notes.contains("llama-benchy");
        let before = if from_first_answer { row.depth.filter(|n| *n > 0.0) } else { None };
        let end_to_end = found.contains(&Reason::EndToEnd);
        // One program made all of LocalScore's rows, whenever they were sent.
        let half_year = if runtime == "localscore" { "" } else { period(&row.date) };
        let library = if runtime == "localscore" { String::new() } else { library(row, backend) };
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
            family: if known.native_experts { NATIVE_EXPERTS } else { family(quant.group, quant.whole) },
            matrix_format: matrix_format(quant.group),
            setup,
            unfused: unfused(row, runtime),
            era: era(&row.date),
            period: format!("{half_year}{}{library}", driver(half_year, backend, &device.vendor)),
            half_year,
            library,
            origin: origin(&notes),
            system: system(&notes),
            head_on_host: self.leaves_head(runtime, &notes, &device),
            micro_batch: micro_batch(&notes, program),
            streams,
            devices: row.n_devices.unwrap_or(1.0).max(1.0),
            shares_matrices: shares_matrices(runtime, &notes),
            generated: row.n_gen.filter(|n| *n > 0.0).unwrap_or(128.0),
            prompt: row
                .n_prompt
                .filter(|n| *n > 0.0)
                .or_else(|| number_after(&notes, "prompt_tokens="))
                .or(before),
            prompts_read: match () {
                () if end_to_end => streams,
                () if from_first_answer => streams - 1.0,
                () => 0.0,
            },
            power_share,
            offload,
            evidence: row.evidence.unwrap_or(1.0),
            reasons: found,
            date: row.date.clone(),
            device,
        };
        Ok(observation.with_memory_reason())
    }
}

impl Reader<'_> {
    /// LocalScore's program leaves the output head to a processor that multiplies brain floats, whatever card stands beside
    /// it.
    fn leaves_head(&self, runtime: &str, notes: &str, device: &Device) -> bool {
        let host = text_after(notes, "cpu=").unwrap_or_default();
        let graphics = !matches!(device.class, HardwareClass::Cpu | HardwareClass::Apple);
        runtime == "localscore"
            && graphics
            && !notes.contains("accel_type=cpu")
            && self.processors.multiplies_bf16(host)
    }

    /// What the graphics beside a processor could do does not help it: its rate is its cores'.
    fn compute_on_cores(&self, device: &mut Device, row: &MeasurementRow) {
        let processor = device.processor.or_else(|| self.processors.find(&row.device));
        let threads = number_after(&row.notes.to_lowercase(), "threads=").filter(|threads| *threads >= 1.0);
        let f16_tflops = processor.map(|processor| {
            let cores = f64::from(processor.cores);
            processor.tflops_on(threads.map_or(cores, |threads| threads.min(cores)))
        });
        device.compute = Compute { f16_tflops, ..Compute::default() };
        device.tier = processor.map_or("", |processor| processor.made_for.name());
        device.tdp_w = None;
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
            period: &self.period,
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
        let card = self.device.class == HardwareClass::DiscreteGpu;
        let gib = self.device.memory_gib.map(|gib| gib * self.devices);
        if card && gib.is_some_and(|gib| bytes > gib * estimator::units::GIB * 0.98) {
            self.reasons.push(Reason::ExceedsMemory);
        }
        self
    }
}

fn of_size(row: &MeasurementRow, known: &Known) -> Option<Quant> {
    let size = row.model_size_gib.filter(|size| *size > 0.0)?;
    let whole = size * estimator::units::GIB * 8.0 / (known.model.params_b * 1e9);
    let bits = estimator::BitsPerWeight { bulk: whole, embedding: whole, head: whole };
    Some(Quant { group: QuantGroup::K, bits, whole, id: String::new() })
}

/// llama.cpp on CUDA fuses latent attention since May 2025 (pull request 13306); asked to before, it left attention to the
/// processor.
fn fused_too_early(row: &MeasurementRow, model: &Model) -> bool {
    let latent = model.layers_where(|kind| matches!(kind, LayerKind::Latent { .. })) > 0.0;
    let mainline = row.engine.starts_with("llama.cpp") && row.device_class == "nvidia";
    latent
        && mainline
        && row.flash_attn == Some(1.0)
        && !row.date.is_empty()
        && row.date.as_str() < "2025-05-10"
}

/// llama.cpp keeps latent attention's compressed vectors since April 2025 (pull request 12801); before, it expanded them
/// to keys and values for every head.
fn keeps_latents(row: &MeasurementRow, program: Runtime) -> bool {
    let llama = matches!(program, Runtime::LlamaCpp | Runtime::Ollama) && !row.engine.contains("ik_llama");
    !llama || row.date.is_empty() || row.date.as_str() >= "2025-04-15"
}

/// Servers split every matrix over their devices unless they were told to make a pipeline of them; llama.cpp gives each device
/// whole layers.
fn shares_matrices(runtime: &str, notes: &str) -> bool {
    let stages = number_after(notes, "pp=").unwrap_or(1.0);
    stages <= 1.0 && matches!(runtime, "vllm" | "sglang" | "tensorrt-llm" | "deepspeed" | "exllamav3" | "mlc")
}
