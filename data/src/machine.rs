//! This machine in the words of the published parameters: so that `estimate` and `fit` without `--hardware` ask the
//! same question as the page does for a machine that is picked there.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use estimator::HardwareClass;

use crate::catalog::Catalog;
use crate::fingerprint::{Fingerprint, Gpu};
use crate::messages::WORDS;

/// What is known of a device by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Its id in the catalogue.
    pub id: String,
    /// Its class.
    pub class: HardwareClass,
    /// Memory sizes it is sold with, GiB.
    pub memory_gib: Vec<f64>,
}

/// Finds a device by the name that a tool gives it and the memory it sees, in GiB.
pub type Find<'a> = &'a dyn Fn(&str, Option<f64>) -> Option<Known>;

/// This machine as parameters, with remarks for people.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ThisMachine {
    /// Parameters by published name.
    pub pairs: Vec<(&'static str, String)>,
    /// What was seen and left out, in sentences.
    pub notes: Vec<String>,
}

/// Describes a machine by its fingerprint, with names as the catalogue knows them.
pub fn in_catalog(catalog: &Catalog, fingerprint: &Fingerprint) -> ThisMachine {
    let find = |name: &str, memory_gib: Option<f64>| {
        let row = catalog.known_device(name, memory_gib)?;
        Some(Known { id: row.id.clone(), class: row.class, memory_gib: row.memory_gib.clone() })
    };
    describe(fingerprint, &find)
}

/// Describes a machine by its fingerprint. Cards go before integrated graphics, those before the processor.
pub fn describe(fingerprint: &Fingerprint, find: Find<'_>) -> ThisMachine {
    let mut this = ThisMachine::default();
    let mut found: Vec<(Known, &Gpu)> = Vec::new();
    for gpu in &fingerprint.gpus {
        match known(gpu, fingerprint, find) {
            Some(known) => found.push((known, gpu)),
            // Graphics of a desktop processor run no model; they are no loss.
            None if gpu.maker == "intel" || gpu.memory_gib.is_none_or(|gib| gib < 2.0) => {}
            None => this.notes.push(WORDS.answer.unlisted_device(&gpu.name)),
        }
    }
    let has_card = found.iter().any(|(known, _)| known.class == HardwareClass::DiscreteGpu);
    found.retain(|(known, _)| !has_card || known.class == HardwareClass::DiscreteGpu);
    match found.first() {
        Some((first, gpu)) => {
            let ids: Vec<&str> = found.iter().map(|(known, _)| known.id.as_str()).collect();
            this.put("hardware", ids.join(","));
            if first.class == HardwareClass::DiscreteGpu {
                // Of a card that is sold with several sizes, the one that is there; another would be another card's too.
                if let ([sizes @ .., _], [_], Some(seen)) =
                    (&first.memory_gib[..], &found[..], gpu.memory_gib)
                    && !sizes.is_empty()
                {
                    let near = |a: &&f64, b: &&f64| (**a - seen).abs().total_cmp(&(**b - seen).abs());
                    if let Some(sold) = first.memory_gib.iter().min_by(near) {
                        this.put_number("memory_gib", *sold);
                    }
                }
                this.put_power(gpu);
                this.put_host(fingerprint);
            } else {
                this.put_shared_memory(first, gpu, fingerprint);
            }
        }
        None => this.put_processor(fingerprint, find),
    }
    this
}

fn known(gpu: &Gpu, fingerprint: &Fingerprint, find: Find<'_>) -> Option<Known> {
    // Without memory of its own it lives on the system's.
    let memory = gpu.memory_gib.or(Some(fingerprint.ram.total_gib)).filter(|gib| *gib > 0.0);
    let by_cores = gpu.cores.and_then(|cores| find(&format!("{} ({cores}-core GPU)", gpu.name), memory));
    by_cores.or_else(|| find(&gpu.name, memory)).or_else(|| find(&gpu.name, None))
}

impl ThisMachine {
    fn put(&mut self, name: &'static str, value: String) {
        self.pairs.push((name, value));
    }

    fn put_number(&mut self, name: &'static str, value: f64) {
        self.put(name, format!("{}", libm::round(value * 100.0) / 100.0));
    }

    /// A card that was capped, or allowed more than stock (which the estimate counts as stock).
    fn put_power(&mut self, gpu: &Gpu) {
        if let (Some(now), Some(stock)) = (gpu.power_limit_w, gpu.power_limit_default_w)
            && stock > 0.0
            && libm::fabs(now - stock) >= 1.0
        {
            self.put_number("power", (now / stock).clamp(0.1, 1.0));
        }
    }

    fn put_host(&mut self, fingerprint: &Fingerprint) {
        self.put_number("host_ram_gib", usable_ram(fingerprint));
        if let Some(read) = fingerprint.ram.read_gb_s {
            self.put_number("host_bandwidth_gb_s", read);
        }
    }

    /// The size that was sold is what the rules for usable memory start from, not what the kernel leaves of it.
    fn put_shared_memory(&mut self, known: &Known, gpu: &Gpu, fingerprint: &Fingerprint) {
        let carved_out = gpu.memory_gib.unwrap_or(0.0);
        let seen = fingerprint.ram.total_gib + if gpu.maker == "amd" { carved_out } else { 0.0 };
        let sold = known.memory_gib.iter().copied().find(|gib| *gib >= seen - 0.5).unwrap_or(seen);
        self.put_number("memory_gib", sold);
        // A carve-out alone leaves the shared part out; together they are what a model can have.
        if let Some(shared) = gpu.shared_memory_gib {
            self.put_number("usable_gib", (shared + carved_out).min(sold));
        }
    }

    fn put_processor(&mut self, fingerprint: &Fingerprint, find: Find<'_>) {
        let cpu = find(&fingerprint.cpu.model, None).filter(|known| known.class == HardwareClass::Cpu);
        let measured = fingerprint.ram.read_gb_s.or_else(|| fingerprint.ram.nominal_gb_s());
        let bandwidth = match cpu {
            Some(known) => {
                self.put("hardware", known.id);
                "host_bandwidth_gb_s"
            }
            None => {
                self.put("class", "cpu".to_owned());
                "bandwidth_gb_s"
            }
        };
        if let Some(read) = measured {
            self.put_number(bandwidth, read);
        }
        self.put_number("host_ram_gib", usable_ram(fingerprint));
        // The cores that are there, which may be part of what is sold.
        if let Some(tflops) = fingerprint.cpu.tflops() {
            self.put_number("compute_f16_tflops", tflops);
        }
    }
}

/// The machine's memory, or what its container allows.
fn usable_ram(fingerprint: &Fingerprint) -> f64 {
    let total = fingerprint.ram.total_gib;
    fingerprint.enclosure.memory_limit_gib.map_or(total, |limit| limit.min(total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Ram;

    fn find(name: &str, _: Option<f64>) -> Option<Known> {
        let (id, class, sizes): (&str, _, &[f64]) = match name {
            "NVIDIA GeForce RTX 3090" => ("rtx-3090", HardwareClass::DiscreteGpu, &[24.0]),
            "NVIDIA GeForce RTX 3060" => ("rtx-3060-12gb", HardwareClass::DiscreteGpu, &[12.0]),
            "NVIDIA GeForce RTX 2080 Ti" => ("rtx-2080-ti", HardwareClass::DiscreteGpu, &[11.0, 22.0]),
            "Apple M4 Max (40-core GPU)" => ("m4-max-40-core", HardwareClass::Apple, &[48.0, 64.0, 128.0]),
            "AMD Radeon 8060S" => ("strix-halo", HardwareClass::Unified, &[32.0, 64.0, 96.0, 128.0]),
            "AMD Ryzen 9 7950X" => ("ryzen-7950x", HardwareClass::Cpu, &[]),
            _ => return None,
        };
        Some(Known { id: id.to_owned(), class, memory_gib: sizes.to_vec() })
    }

    fn machine(gpus: Vec<Gpu>, total_gib: f64) -> Fingerprint {
        let ram = Ram { total_gib, read_gb_s: Some(61.5), ..Ram::default() };
        Fingerprint { gpus, ram, ..Fingerprint::default() }
    }

    fn gpu(name: &str, memory_gib: Option<f64>) -> Gpu {
        Gpu { name: name.to_owned(), memory_gib, ..Gpu::default() }
    }

    fn pairs(fingerprint: &Fingerprint) -> Vec<(&'static str, String)> {
        describe(fingerprint, &find).pairs
    }

    #[test]
    fn two_unequal_cards_and_the_capped_one() {
        let mut first = gpu("NVIDIA GeForce RTX 3090", Some(24.0));
        first.power_limit_w = Some(280.0);
        first.power_limit_default_w = Some(350.0);
        let found = pairs(&machine(vec![first, gpu("NVIDIA GeForce RTX 3060", Some(12.0))], 62.7));
        let expected = [
            ("hardware", "rtx-3090,rtx-3060-12gb"),
            ("power", "0.8"),
            ("host_ram_gib", "62.7"),
            ("host_bandwidth_gb_s", "61.5"),
        ];
        assert_eq!(found, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn of_a_card_with_several_sizes_the_one_that_is_there_is_told() {
        let found = pairs(&machine(vec![gpu("NVIDIA GeForce RTX 2080 Ti", Some(21.7))], 62.7));
        assert_eq!(found[1], ("memory_gib", "22".to_owned()));
    }

    #[test]
    fn a_card_goes_before_the_graphics_of_the_processor() {
        let gpus = vec![gpu("AMD Radeon 8060S", Some(0.5)), gpu("NVIDIA GeForce RTX 3090", Some(24.0))];
        assert_eq!(pairs(&machine(gpus, 62.7))[0], ("hardware", "rtx-3090".to_owned()));
    }

    #[test]
    fn a_mac_is_found_by_its_cores_and_keeps_its_raised_limit() {
        let mut chip = gpu("Apple M4 Max", None);
        chip.cores = Some(40);
        chip.shared_memory_gib = Some(120.0);
        let expected = [("hardware", "m4-max-40-core"), ("memory_gib", "128"), ("usable_gib", "120")];
        assert_eq!(
            pairs(&machine(vec![chip], 128.0)),
            expected.map(|(name, value)| (name, value.to_owned()))
        );
    }

    #[test]
    fn strix_halo_counts_carve_out_and_shared_part() {
        let mut chip = gpu("AMD Radeon 8060S", Some(0.5));
        chip.maker = "amd".to_owned();
        chip.shared_memory_gib = Some(110.0);
        let expected = [("hardware", "strix-halo"), ("memory_gib", "128"), ("usable_gib", "110.5")];
        assert_eq!(
            pairs(&machine(vec![chip], 124.9)),
            expected.map(|(name, value)| (name, value.to_owned()))
        );
    }

    #[test]
    fn without_a_gpu_the_processor_answers_with_what_was_measured() {
        let mut known = machine(Vec::new(), 62.7);
        known.cpu.model = "AMD Ryzen 9 7950X".to_owned();
        assert_eq!(pairs(&known)[0], ("hardware", "ryzen-7950x".to_owned()));
        let mut unknown = machine(Vec::new(), 23.5);
        unknown.enclosure.memory_limit_gib = Some(8.0);
        unknown.cpu.cores = 4;
        unknown.cpu.features = vec!["avx".to_owned(), "avx2".to_owned()];
        // Four cores, 32 multiplications and additions each, 3 GHz.
        let expected = [
            ("class", "cpu"),
            ("bandwidth_gb_s", "61.5"),
            ("host_ram_gib", "8"),
            ("compute_f16_tflops", "0.77"),
        ];
        assert_eq!(pairs(&unknown), expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn an_unknown_card_is_named() {
        let this = describe(&machine(vec![gpu("NVIDIA Mystery 9000", Some(48.0))], 64.0), &find);
        assert!(this.notes[0].contains("Mystery"), "{:?}", this.notes);
        assert_eq!(this.pairs[0].0, "class");
    }
}
