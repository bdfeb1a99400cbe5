//! Which device a source means.

mod names;

use std::collections::HashMap;

use anyhow::{Context, Result};
use data::backend::Backend;
use data::constants::{class, device_key, is_stacked, tier};
use data::row::{HardwareRow, Processor};
use data::{Catalog, Rules};
use estimator::{Compute, HardwareClass, Host, Machine, Split};
use serde::Deserialize;

use crate::processors::stated_cores;
use crate::row::MeasurementRow;
use crate::text::{key, occurs};

use names::{device_name_key, fold_key, generation_of, processor_key, without_size};

/// What is known about a row's device.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// The key under which its measurements count together.
    pub key: String,
    /// The key under which a fold leaves it out: its laptop and power variants too.
    pub fold: String,
    /// Class of its memory.
    pub class: HardwareClass,
    /// Its maker, lower case.
    pub vendor: String,
    /// Its generation; empty where not known.
    pub generation: String,
    /// Apple's tier; empty for others.
    pub tier: &'static str,
    /// Whether its memory is stacked.
    pub stacked: bool,
    /// Peak bandwidth, GB/s.
    pub bandwidth_gb_s: f64,
    /// Memory, GiB, where row or catalogue say.
    pub memory_gib: Option<f64>,
    /// Peak compute.
    pub compute: Compute,
    /// Stock power, watts.
    pub tdp_w: Option<f64>,
    /// Link to the host, GB/s.
    pub link_gb_s: Option<f64>,
    /// Its cores and their width, where the catalogue has them.
    pub processor: Option<Processor>,
    /// Whether it is no row of the catalogue.
    pub unknown: bool,
    /// Whether the name fits many devices.
    pub vague: bool,
}

impl Device {
    /// One of which no catalogue says more than its class and bandwidth, under a key of its own.
    fn unknown(key: String, class: HardwareClass, bandwidth_gb_s: f64) -> Device {
        Device {
            fold: key.clone(),
            key,
            class,
            vendor: String::new(),
            generation: String::new(),
            tier: "",
            stacked: false,
            bandwidth_gb_s,
            memory_gib: None,
            compute: Compute::default(),
            tdp_w: None,
            link_gb_s: None,
            processor: None,
            unknown: true,
            vague: false,
        }
    }

    /// A machine with it, whose RAM reads so many GB/s where somebody says; else as the rules have it.
    #[must_use]
    pub fn machine(&self, ram_gb_s: Option<f64>) -> Machine {
        let defaults = &Rules::embedded().rows.defaults;
        let own = estimator::Device {
            class: self.class,
            memory_gib: self.memory_gib.unwrap_or(64.0),
            usable_gib: None,
            bandwidth_gb_s: self.bandwidth_gb_s,
            compute: self.compute,
            host_link_gb_s: self.link_gb_s.unwrap_or(defaults.host_link_gb_s),
            power_share: 1.0,
        };
        let host = Host {
            memory_gib: defaults.host_ram_gib,
            bandwidth_gb_s: ram_gb_s.unwrap_or(defaults.host_bandwidth_gb_s),
        };
        let mut machine = Machine::single(own, host);
        machine.split = Split::LayersByMemory;
        machine
    }
}

/// `data/measurement-names.toml`.
#[derive(Debug, Deserialize)]
pub struct NameFile {
    /// Devices.
    pub device: Vec<DeviceName>,
    /// Models.
    pub model: Vec<ModelName>,
}

/// One spelling of a device.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceName {
    has: Vec<String>,
    row: Option<String>,
    bandwidth_gb_s: Option<f64>,
    generation: Option<String>,
    class: Option<String>,
    vendor: Option<String>,
    #[serde(default)]
    stacked: bool,
    /// Holds for graphics only: a processor of that name is another device.
    #[serde(default)]
    gpu_only: bool,
    /// Fits many devices.
    #[serde(default)]
    vague: bool,
}

/// One spelling of a model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelName {
    /// What occurs in its name.
    pub has: String,
    /// The row's id.
    pub row: String,
}

/// Devices by all their spellings.
pub struct Devices<'c> {
    catalog: &'c Catalog,
    spellings: Vec<DeviceName>,
    keys: HashMap<String, Vec<&'c HardwareRow>>,
}

impl<'c> Devices<'c> {
    /// The catalogue's devices, and the spellings of `data/measurement-names.toml`.
    #[must_use]
    pub fn new(catalog: &'c Catalog, spellings: Vec<DeviceName>) -> Self {
        let mut keys: HashMap<String, Vec<&HardwareRow>> = HashMap::new();
        for row in catalog.devices() {
            let id = row.id.as_str();
            let mut names = vec![device_name_key(&row.name), key(id)];
            names.extend(without_size(id).map(key));
            if let Some((name, _)) = id.strip_suffix("-core").and_then(|rest| rest.rsplit_once('-')) {
                names.push(key(name));
            }
            for suffix in ["-ada", "-blackwell", "-laptop"] {
                if let Some(name) = id.strip_suffix(suffix)
                    && suffix != "-laptop"
                {
                    names.push(key(&format!("{name}{suffix}")));
                }
            }
            for name in row.aliases.iter().chain(&row.shared_names) {
                names.push(device_name_key(name));
            }
            names.sort();
            names.dedup();
            for name in names {
                keys.entry(name).or_default().push(row);
            }
        }
        Devices { catalog, spellings, keys }
    }

    /// The device of a measurement; `None` where nothing tells its bandwidth.
    #[must_use]
    pub fn find(&self, row: &MeasurementRow, backend: Backend) -> Option<Device> {
        self.by_product(row, backend)
            .or_else(|| self.by_key(row, backend))
            .map(|found| self.of_row(found, row))
            .or_else(|| self.by_spelling(row, backend))
            .or_else(|| self.by_part(row, backend))
            .or_else(|| self.by_family(row, backend))
            .or_else(|| from_figures(row))
    }

    /// A processor that the catalogue has by itself, all cores of one.
    fn by_product(&self, row: &MeasurementRow, backend: Backend) -> Option<&'c HardwareRow> {
        let name = row.device.to_lowercase();
        let several = name.starts_with(|c: char| c.is_ascii_digit()) && name[1..].starts_with(['x', ' ']);
        if !is_processor(row, backend) || several {
            return None;
        }
        let found = self.catalog.device(&row.device).ok()?;
        let whole = |processor: Processor| stated_cores(&name).is_none_or(|cores| cores == processor.cores);
        (!found.is_family() && found.processor().is_some_and(whole)).then_some(found)
    }

    /// As everything else in the project finds a device by its name. A family's processors stay apart.
    fn by_family(&self, row: &MeasurementRow, backend: Backend) -> Option<Device> {
        let found = self.catalog.device_with_memory(&row.device, row.device_mem_gib).ok()?;
        let device = self.of_row(found, row);
        if class(found) != HardwareClass::Cpu {
            return drives(found, row, backend).then_some(device);
        }
        let key = processor_key(&row.device.to_lowercase());
        is_processor(row, backend).then(|| Device { fold: fold_key(&key), key, processor: None, ..device })
    }

    fn by_key(&self, row: &MeasurementRow, backend: Backend) -> Option<&'c HardwareRow> {
        let wanted = device_name_key(&row.device);
        let bare = wanted.replace("cpuonly", "").replace("cpu", "");
        let spelled = ["", "rtx", "gtx", "rx", "instinct"];
        let candidates = spelled
            .iter()
            .map(|prefix| format!("{prefix}{bare}"))
            .find_map(|name| self.keys.get(name.as_str()))?;
        choose(candidates, row, backend)
    }

    fn by_spelling(&self, row: &MeasurementRow, backend: Backend) -> Option<Device> {
        let name = row.device.to_lowercase();
        let is_cpu = is_processor(row, backend);
        let spelling = self
            .spellings
            .iter()
            .filter(|spelling| !(spelling.gpu_only && is_cpu))
            .find(|spelling| spelling.has.iter().all(|word| occurs(&name, word)))?;
        if let Some(id) = &spelling.row {
            let found = self.catalog.devices().iter().find(|device| device.id == *id)?;
            return drives(found, row, backend).then(|| self.of_row(found, row));
        }
        let class = match spelling.class.as_deref() {
            Some("discrete_gpu") => HardwareClass::DiscreteGpu,
            Some("unified") => HardwareClass::Unified,
            Some("mobile") => HardwareClass::Mobile,
            _ => HardwareClass::Cpu,
        };
        let key = if class == HardwareClass::Cpu { processor_key(&name) } else { key(&name) };
        let bandwidth_gb_s = row.device_bandwidth_gbs.or(spelling.bandwidth_gb_s)?;
        Some(Device {
            fold: fold_key(&key),
            vendor: spelling.vendor.clone().unwrap_or_default(),
            generation: spelling.generation.clone().unwrap_or_default(),
            stacked: spelling.stacked,
            memory_gib: row.device_mem_gib,
            vague: spelling.vague,
            ..Device::unknown(key, class, bandwidth_gb_s)
        })
    }

    /// A device whose name is part of what the source wrote: the longest one.
    fn by_part(&self, row: &MeasurementRow, backend: Backend) -> Option<Device> {
        let wanted = device_name_key(&row.device);
        let mut best: Option<(&str, &Vec<&'c HardwareRow>)> = None;
        for (name, rows) in &self.keys {
            let longer = best.is_none_or(|(found, _)| (name.len(), name.as_str()) > (found.len(), found));
            if name.len() >= 5 && longer && wanted.contains(name.as_str()) {
                best = Some((name, rows));
            }
        }
        let found = choose(best?.1, row, backend)?;
        Some(self.of_row(found, row))
    }

    fn of_row(&self, found: &HardwareRow, row: &MeasurementRow) -> Device {
        let key = device_key(found).to_owned();
        // Memory modules are their owner's choice; a card's are not.
        let stated = row.device_bandwidth_gbs.filter(|_| class(found) == HardwareClass::Cpu);
        Device {
            fold: fold_key(&key),
            key,
            class: class(found),
            vendor: found.vendor.clone(),
            generation: found.generation.clone().unwrap_or_default(),
            tier: tier(found),
            stacked: is_stacked(found),
            bandwidth_gb_s: stated.unwrap_or(found.bandwidth_gb_s),
            memory_gib: row.device_mem_gib.or_else(|| found.memory_gib.last().copied()),
            compute: Compute {
                f16_tflops: found.compute_f16_tflops,
                int8_tops: found.compute_int8_tops,
                fp8_tflops: found.compute_fp8_tflops,
                fp4_tflops: found.compute_fp4_tflops,
            },
            tdp_w: found.tdp_w.map(f64::from),
            link_gb_s: found.link.map(data::row::Link::gb_s),
            processor: found.processor(),
            unknown: false,
            vague: false,
        }
    }
}

/// Whether a row ran on a processor.
fn is_processor(row: &MeasurementRow, backend: Backend) -> bool {
    backend == Backend::Cpu || row.device_class == "cpu"
}

/// Whether what the row tells of can have run there: a processor's row is never a card's, though a name in it is one
/// ("SpacemiT K3 (A100 cores)").
fn drives(found: &HardwareRow, row: &MeasurementRow, backend: Backend) -> bool {
    let wants_cpu = row.device_class == "cpu" && backend == Backend::Cpu;
    !wants_cpu || class(found) != HardwareClass::DiscreteGpu
}

/// One of several versions that share a name, by memory and by class.
fn choose<'c>(rows: &[&'c HardwareRow], row: &MeasurementRow, backend: Backend) -> Option<&'c HardwareRow> {
    let rows: Vec<_> = rows.iter().copied().filter(|found| drives(found, row, backend)).collect();
    let by_memory = row.device_mem_gib.and_then(|memory| {
        let off = |found: &HardwareRow| {
            found.memory_gib.iter().map(|size| (size - memory).abs()).fold(f64::INFINITY, f64::min)
        };
        let nearest = rows.iter().map(|found| off(found)).fold(f64::INFINITY, f64::min);
        rows.iter().rev().find(|found| off(found) == nearest && nearest <= memory * 0.15).copied()
    });
    // Without a size, the version with most cores and bandwidth, which is what such lists mostly hold.
    by_memory.or_else(|| {
        rows.iter().copied().reduce(|a, b| if b.bandwidth_gb_s >= a.bandwidth_gb_s { b } else { a })
    })
}

/// A device that is in no list but whose bandwidth the source states.
fn from_figures(row: &MeasurementRow) -> Option<Device> {
    let bandwidth_gb_s = row.device_bandwidth_gbs.filter(|value| *value > 0.0)?;
    let (class, vendor) = match row.device_class.as_str() {
        "apple" => (HardwareClass::Apple, "apple"),
        "nvidia" => (HardwareClass::DiscreteGpu, "nvidia"),
        "amd" => (HardwareClass::DiscreteGpu, "amd"),
        "intel" => (HardwareClass::DiscreteGpu, "intel"),
        "unified_other" => (HardwareClass::Unified, ""),
        "mobile" => (HardwareClass::Mobile, ""),
        _ => (HardwareClass::Cpu, ""),
    };
    Some(Device {
        generation: generation_of(&row.device.to_lowercase()).to_owned(),
        vendor: vendor.to_owned(),
        stacked: class == HardwareClass::DiscreteGpu && bandwidth_gb_s > 2000.0,
        memory_gib: row.device_mem_gib,
        ..Device::unknown(key(&row.device), class, bandwidth_gb_s)
    })
}

/// `data/measurement-names.toml`, as it was built in.
pub const NAMES: &str = include_str!("../../data/measurement-names.toml");

/// The spellings of `data/measurement-names.toml`, as they were built in.
///
/// # Errors
///
/// When the file has another shape.
pub fn spellings() -> Result<NameFile> {
    toml::from_str(NAMES).context("data/measurement-names.toml does not have its shape")
}
