//! The machine: devices from the catalogue or from figures that were typed in, and the host around them.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use estimator::{Compute, Device, HardwareClass, Host, MAX_DEVICES, Machine, Split};

use super::noted;
use super::params::{FieldError, Params};
use super::power::Power;
use super::split::split;
use crate::catalog::Catalog;
use crate::constants::Memo;
use crate::lookup::device::memory_in;
use crate::messages::WORDS;
use crate::row::{HardwareRow, Processor};
use crate::rules::Rules;

/// One device of a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct RigDevice<'c> {
    /// Its row; none for figures of one's own.
    pub row: Option<&'c HardwareRow>,
    /// Its figures.
    pub device: Device,
}

impl RigDevice<'_> {
    /// The row's id, or `own`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.row.map_or("own", |row| &row.id)
    }

    /// The row's name, or `own machine`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.row.map_or("own machine", |row| &row.name)
    }

    /// Who makes it, where a row says so.
    #[must_use]
    pub fn vendor(&self) -> &str {
        self.row.map_or("", |row| &row.vendor)
    }

    /// Its class, as the parameter spells it.
    #[must_use]
    pub fn class(&self) -> &'static str {
        CLASSES.iter().find(|(_, class)| *class == self.device.class).map_or("", |(name, _)| name)
    }

    /// Its generation, where a row says so.
    #[must_use]
    pub fn generation(&self) -> &str {
        self.row.and_then(|row| row.generation.as_deref()).unwrap_or_default()
    }
}

/// A whole machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Rig<'c> {
    /// Its devices, at least one.
    pub devices: Vec<RigDevice<'c>>,
    /// The rest of it.
    pub host: Host,
    /// How several devices share a model.
    pub split: Split,
    /// Effects that were looked up for it.
    pub memo: Memo,
}

/// Classes as the parameter spells them.
pub const CLASSES: [(&str, HardwareClass); 5] = [
    ("apple", HardwareClass::Apple),
    ("discrete_gpu", HardwareClass::DiscreteGpu),
    ("unified", HardwareClass::Unified),
    ("cpu", HardwareClass::Cpu),
    ("mobile", HardwareClass::Mobile),
];

/// Figures that may be given beside, or instead of, a row.
struct Figures {
    class: Option<HardwareClass>,
    bandwidth_gb_s: Option<f64>,
    memory_gib: Option<f64>,
    usable_gib: Option<f64>,
    compute_f16_tflops: Option<f64>,
    host_ram_gib: Option<f64>,
    host_bandwidth_gb_s: Option<f64>,
    power: Power,
}

impl Figures {
    fn read(params: &Params, errors: &mut Vec<FieldError>) -> Figures {
        let class = params.word("class", &CLASSES.map(|(name, _)| name), |text| {
            CLASSES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, class)| *class)
        });
        Figures {
            class: noted(errors, class),
            bandwidth_gb_s: noted(errors, params.number("bandwidth_gb_s", 0.1, 1e6)),
            memory_gib: noted(errors, params.number("memory_gib", 0.1, 1e6)),
            usable_gib: noted(errors, params.number("usable_gib", 0.1, 1e6)),
            compute_f16_tflops: noted(errors, params.number("compute_f16_tflops", 0.001, 1e6)),
            host_ram_gib: noted(errors, params.number("host_ram_gib", 0.5, 1e6)),
            host_bandwidth_gb_s: noted(errors, params.number("host_bandwidth_gb_s", 0.5, 1e5)),
            power: noted(errors, Power::read(params)).unwrap_or(Power::Share(1.0)),
        }
    }

    fn power_share(&self, stock_w: Option<u32>, errors: &mut Vec<FieldError>) -> f64 {
        self.power.share(stock_w).unwrap_or_else(|error| {
            // Told once, however many devices it is wrong for.
            if !errors.contains(&error) {
                errors.push(error);
            }
            1.0
        })
    }
}

impl<'c> Rig<'c> {
    /// Reads the machine out of the parameters; all errors at once.
    pub fn read(params: &Params, catalog: &'c Catalog, rules: &Rules) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let figures = Figures::read(params, &mut errors);
        let mut devices = Vec::new();
        match params.get("hardware") {
            Some(names) => {
                let mut names = super::named::names(names, catalog);
                if names.len() > MAX_DEVICES {
                    errors.push(too_many());
                    names.truncate(1);
                }
                for (at, name) in names.iter().copied().enumerate() {
                    match catalog.device_with_memory(name, figures.memory_gib) {
                        Ok(row) => devices.push(from_row(row, memory_in(name), &figures, rules, &mut errors)),
                        // One mistake is told once, however many devices are called so.
                        Err(_) if names[..at].contains(&name) => {}
                        Err(lookup) => errors.push(lookup.at("hardware", name)),
                    }
                }
                if devices.is_empty() && errors.is_empty() {
                    errors.push(FieldError::new("hardware", WORDS.query.names_none.to_owned()));
                }
            }
            None => devices.extend(own(&figures, rules, &mut errors)),
        }
        let most = MAX_DEVICES as u32;
        let count = noted(&mut errors, params.count("devices", 1, most)).unwrap_or(1) as usize;
        match devices.as_slice() {
            [one] => devices = alloc::vec![one.clone(); count],
            several if count > 1 && count != several.len() => {
                let message = WORDS.query.names_several(&several.len().to_string());
                errors.push(FieldError::new("devices", message));
            }
            _ => {}
        }
        if devices.len() > MAX_DEVICES {
            errors.push(too_many());
        }
        let split = split(params, devices.len(), &mut errors);
        let host = host(&devices, &figures, rules);
        if errors.is_empty() { Ok(Rig { devices, host, split, memo: Memo::default() }) } else { Err(errors) }
    }

    /// One device from the catalogue in an otherwise usual machine.
    #[must_use]
    pub fn of_row(row: &'c HardwareRow, rules: &Rules) -> Self {
        let figures = Figures {
            class: None,
            bandwidth_gb_s: None,
            memory_gib: None,
            usable_gib: None,
            compute_f16_tflops: None,
            host_ram_gib: None,
            host_bandwidth_gb_s: None,
            power: Power::Share(1.0),
        };
        let devices = alloc::vec![from_row(row, None, &figures, rules, &mut Vec::new())];
        let host = host(&devices, &figures, rules);
        Rig { devices, host, split: Split::LayersByMemory, memo: Memo::default() }
    }

    /// As the estimator wants it.
    #[must_use]
    pub fn machine(&self) -> Machine {
        let devices: Vec<Device> = self.devices.iter().map(|d| d.device).collect();
        let link = devices.iter().map(|d| d.host_link_gb_s).fold(f64::INFINITY, f64::min);
        Machine::several(&devices, self.host, link, self.split).expect("a rig has 1 to MAX_DEVICES devices")
    }

    /// The first device, after which backend and runtime habits go.
    #[must_use]
    pub fn first(&self) -> &RigDevice<'c> {
        &self.devices[0]
    }
}

fn too_many() -> FieldError {
    FieldError::new("hardware", WORDS.query.too_many(&MAX_DEVICES.to_string()))
}

/// A device from its row, with the memory that its name told and what was given beside it.
fn from_row<'c>(
    row: &'c HardwareRow,
    named_gib: Option<f64>,
    figures: &Figures,
    rules: &Rules,
    errors: &mut Vec<FieldError>,
) -> RigDevice<'c> {
    let class = row.class;
    let in_ram = matches!(class, HardwareClass::Cpu | HardwareClass::Mobile);
    // Where the memory is the system's, the host's RAM is the device's too.
    let shared = figures.host_ram_gib.filter(|_| class != HardwareClass::DiscreteGpu);
    // A name's figure that no row knows better is its owner's: "Ryzen 9 7950X 128GB".
    let named =
        named_gib.and_then(|gib| if row.memory_gib.is_empty() { Some(gib) } else { row.sold_with(gib) });
    let given = figures.memory_gib.or(named).or(shared);
    let defaults = &rules.rows.defaults;
    let usual = if class == HardwareClass::Mobile { defaults.mobile_ram_gib } else { defaults.host_ram_gib };
    let memory_gib = given.or_else(|| row.usual_memory_gib()).unwrap_or(usual);
    if let (HardwareClass::DiscreteGpu, Some(given)) = (class, figures.memory_gib)
        && !row.memory_gib.contains(&given)
    {
        let near = row.memory_gib.iter().map(ToString::to_string).collect();
        let message = WORDS.query.not_sold(&row.name, &given.to_string());
        errors.push(FieldError::with_near("memory_gib", message, near));
    }
    // What the row says is not for the asker to say too; a processor's memory and cores are the owner's choice.
    let own_ram = in_ram || class == HardwareClass::DiscreteGpu;
    for (field, given) in [
        ("class", figures.class.is_some()),
        ("bandwidth_gb_s", figures.bandwidth_gb_s.is_some() && !in_ram),
        ("compute_f16_tflops", figures.compute_f16_tflops.is_some() && !in_ram),
        ("host_bandwidth_gb_s", figures.host_bandwidth_gb_s.is_some() && !own_ram),
    ] {
        if given {
            let message = WORDS.query.has_its_own(&row.name);
            errors.push(FieldError::new(field, message));
        }
    }
    let asked_bandwidth = figures.bandwidth_gb_s.or(figures.host_bandwidth_gb_s).filter(|_| in_ram);
    let bandwidth_gb_s = asked_bandwidth.unwrap_or(row.bandwidth_gb_s);
    // A processor computes on its cores, as many as the owner says or the row has.
    let on_cores = || figures.compute_f16_tflops.or_else(|| row.processor().map(Processor::tflops));
    let link_gb_s = row.link.map_or(rules.rows.defaults.host_link_gb_s, crate::row::Link::gb_s);
    let device = Device {
        class,
        memory_gib,
        usable_gib: usable(figures.usable_gib, memory_gib, class, &row.vendor, rules),
        bandwidth_gb_s,
        compute: Compute {
            f16_tflops: if in_ram { on_cores().or(row.compute_f16_tflops) } else { row.compute_f16_tflops },
            int8_tops: row.compute_int8_tops,
            fp8_tflops: row.compute_fp8_tflops,
            fp4_tflops: row.compute_fp4_tflops,
        },
        host_link_gb_s: if class == HardwareClass::DiscreteGpu { link_gb_s } else { bandwidth_gb_s },
        power_share: figures.power_share(row.tdp_w, errors),
    };
    RigDevice { row: Some(row), device }
}

/// A device from figures alone.
fn own<'c>(figures: &Figures, rules: &Rules, errors: &mut Vec<FieldError>) -> Option<RigDevice<'c>> {
    let Some(bandwidth_gb_s) = figures.bandwidth_gb_s else {
        let message = WORDS.query.device_wanted.to_owned();
        errors.push(FieldError::new("hardware", message));
        return None;
    };
    let class = figures.class.unwrap_or(HardwareClass::DiscreteGpu);
    let in_ram = matches!(class, HardwareClass::Cpu | HardwareClass::Mobile);
    let memory_gib = match (figures.memory_gib, figures.host_ram_gib) {
        (Some(given), _) => given,
        (None, Some(ram)) if in_ram => ram,
        _ => {
            let message = WORDS.query.memory_wanted.to_owned();
            errors.push(FieldError::new("memory_gib", message));
            return None;
        }
    };
    let device = Device {
        class,
        memory_gib,
        usable_gib: usable(figures.usable_gib, memory_gib, class, "", rules),
        bandwidth_gb_s,
        compute: Compute { f16_tflops: figures.compute_f16_tflops, ..Compute::default() },
        host_link_gb_s: if class == HardwareClass::DiscreteGpu {
            rules.rows.defaults.host_link_gb_s
        } else {
            bandwidth_gb_s
        },
        power_share: figures.power_share(None, errors),
    };
    Some(RigDevice { row: None, device })
}

/// NVIDIA's unified machines have no carve-out; everything else goes by the estimator's rules.
fn usable(
    given: Option<f64>,
    memory_gib: f64,
    class: HardwareClass,
    vendor: &str,
    rules: &Rules,
) -> Option<f64> {
    let no_carve_out = class == HardwareClass::Unified && vendor == "nvidia";
    given.or_else(|| no_carve_out.then_some(memory_gib * rules.rows.defaults.unified_nvidia_share))
}

/// The rest of the machine. Where the device lives in the system's memory, that is the host's.
fn host(devices: &[RigDevice<'_>], figures: &Figures, rules: &Rules) -> Host {
    let defaults = &rules.rows.defaults;
    match devices.first() {
        Some(first) if first.device.class != HardwareClass::DiscreteGpu => {
            Host { memory_gib: first.device.memory_gib, bandwidth_gb_s: first.device.bandwidth_gb_s }
        }
        _ => Host {
            memory_gib: figures.host_ram_gib.unwrap_or(defaults.host_ram_gib),
            bandwidth_gb_s: figures.host_bandwidth_gb_s.unwrap_or(defaults.host_bandwidth_gb_s),
        },
    }
}

/// Names of a rig's devices, for a heading: `2 × NVIDIA GeForce RTX 3090`.
impl core::fmt::Display for Rig<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let same = self.devices.iter().all(|d| d.id() == self.first().id());
        if same && self.devices.len() > 1 {
            return write!(f, "{} × {}", self.devices.len(), self.first().name());
        }
        let names: Vec<&str> = self.devices.iter().map(RigDevice::name).collect();
        let all: String = names.join(" + ");
        f.write_str(&all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;

    fn rig(pairs: &[(&str, &str)]) -> Result<Rig<'static>, Vec<FieldError>> {
        let engine = Engine::embedded();
        Rig::read(&Params::read(pairs.iter().copied()).unwrap(), engine.catalog, engine.rules)
    }

    #[test]
    fn memory_is_what_is_said_or_the_makers_usual_size() {
        #[rustfmt::skip]
        let vectors: [(&[(&str, &str)], f64); 13] = [
            (&[("hardware", "rtx-2080-ti")], 11.0),
            (&[("hardware", "rtx-2080-ti"), ("memory_gib", "22")], 22.0),
            (&[("hardware", "RTX 2080 Ti 22GB")], 22.0),
            (&[("hardware", "arc-a770")], 16.0),
            (&[("hardware", "rx-580")], 8.0),
            (&[("hardware", "Ryzen 9 7950X 128GB")], 128.0),
            (&[("hardware", "snapdragon-8-gen-3")], 8.0),
            (&[("hardware", "snapdragon-8-gen-3"), ("host_ram_gib", "16")], 16.0),
            (&[("hardware", "strix-halo")], 128.0),
            (&[("hardware", "strix-halo"), ("host_ram_gib", "64")], 64.0),
            (&[("hardware", "strix-halo"), ("host_ram_gib", "64"), ("memory_gib", "96")], 96.0),
            (&[("hardware", "M4 Max 36GB")], 36.0),
            (&[("hardware", "rtx-3090"), ("host_ram_gib", "128")], 24.0),
        ];
        for (pairs, gib) in vectors {
            let read = rig(pairs).unwrap();
            assert_eq!(read.first().device.memory_gib, gib, "{pairs:?}");
        }
    }

    #[test]
    fn what_a_row_says_is_not_passed_over_when_it_is_said_too() {
        for (hardware, name, value) in [
            ("rtx-3090", "class", "cpu"),
            ("rtx-3090", "compute_f16_tflops", "10"),
            ("rtx-3090", "bandwidth_gb_s", "100"),
            ("m4-max-40-core", "host_bandwidth_gb_s", "100"),
        ] {
            let errors = rig(&[("hardware", hardware), (name, value)]).unwrap_err();
            assert_eq!(errors[0].field, name, "{errors:?}");
        }
        let own =
            rig(&[("hardware", "ryzen-9-7950x"), ("compute_f16_tflops", "1"), ("bandwidth_gb_s", "61")])
                .unwrap();
        assert_eq!(own.first().device.compute.f16_tflops, Some(1.0));
        assert_eq!(own.first().device.bandwidth_gb_s, 61.0);
    }

    #[test]
    fn counts_in_a_name_are_devices() {
        assert_eq!(rig(&[("hardware", "2x RTX 3090")]).unwrap().devices.len(), 2);
        assert_eq!(rig(&[("hardware", "RTX 3090+RTX 3060")]).unwrap().devices.len(), 2);
        assert!(rig(&[("hardware", "2x RTX 3090"), ("devices", "3")]).is_err());
        assert!(rig(&[("hardware", "40x RTX 3090")]).is_err());
    }
}
