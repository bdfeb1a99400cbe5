//! What is believed of a machine's own figures. Memory bandwidth and cores come from whoever sends, and of them the roofline
//! is made that a speed is held to: so they count as far as the catalogue, or the memory's own channels, bear them out.

use data::Catalog;
use data::fingerprint::Fingerprint;
use data::plausibility::PlausibilityRow;
use data::row::{DeviceClass, HardwareRow, MadeFor, Processor};
use page::messages::EN;

/// A machine as it is believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Believed {
    /// What was told, with bandwidth and cores cut to what is believed.
    pub fingerprint: Fingerprint,
    /// Whether anything but the probe's own measurement bears out how fast its memory is.
    pub is_backed: bool,
    /// What was cut, in words.
    pub cut: Vec<&'static str>,
}

/// Cuts a machine's figures to what is believed of them.
pub fn machine(catalog: &Catalog, told: &Fingerprint, rules: &PlausibilityRow) -> Believed {
    let slack = rules.machine_slack;
    let mut cut = Vec::new();
    let row = catalog.known_device(&told.cpu.model, None).filter(|row| row.class == DeviceClass::Cpu);
    let nominal = told.ram.nominal_gb_s().filter(|nominal| *nominal > 0.0);
    let mut fingerprint = told.clone();
    let (bandwidth, tflops) = bounds(catalog, row, told.cpu.sockets.clamp(1, rules.most_sockets));
    let bandwidth = (bandwidth * slack).min(nominal.map_or(f64::INFINITY, |nominal| nominal * slack));
    // Where nothing was measured, channels and clock are asked, which are told too.
    let told_gb_s = told.ram.read_gb_s.or(nominal);
    if told_gb_s.is_some_and(|told| told > bandwidth) {
        fingerprint.ram.read_gb_s = Some(bandwidth);
        cut.push(EN.gate.memory_bandwidth);
    }
    if let Some(own) = told.cpu.tflops().filter(|own| *own > tflops * slack) {
        let cores = f64::from(told.cpu.cores) * tflops * slack / own;
        fingerprint.cpu.cores = (cores as u32).max(1);
        cut.push(EN.gate.arithmetic);
    }
    Believed { fingerprint, is_backed: row.is_some() || nominal.is_some(), cut }
}

/// Bandwidth (GB/s) and arithmetic (10¹² operations a second) of the processor; of one that has no row, the most that any has.
fn bounds(catalog: &Catalog, row: Option<&HardwareRow>, sockets: u32) -> (f64, f64) {
    let fastest = catalog.devices().iter().filter(|row| row.class == DeviceClass::Cpu);
    let most = fastest.fold((0.0_f64, 0.0_f64), |(bandwidth, tflops), row| {
        let own = row.processor().map_or(0.0, Processor::tflops);
        (bandwidth.max(row.bandwidth_gb_s), tflops.max(own))
    });
    let Some(row) = row else { return most };
    let is_server = row.made_for == Some(MadeFor::Server);
    let sockets = if is_server { f64::from(sockets) } else { 1.0 };
    let tflops = row.processor().map_or(most.1, Processor::tflops);
    (row.bandwidth_gb_s * sockets, tflops * sockets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use data::fingerprint::{Cpu, Ram};

    fn slack() -> f64 {
        PlausibilityRow::embedded().machine_slack
    }

    fn machine(catalog: &Catalog, told: &Fingerprint) -> Believed {
        super::machine(catalog, told, PlausibilityRow::embedded())
    }

    fn told(model: &str, cores: u32, read_gb_s: Option<f64>) -> Fingerprint {
        let features = vec!["avx2".to_owned()];
        let cpu = Cpu { model: model.into(), sockets: 1, cores, features, ..Cpu::default() };
        Fingerprint {
            cpu,
            ram: Ram { total_gib: 64.0, read_gb_s, ..Ram::default() },
            ..Fingerprint::default()
        }
    }

    #[test]
    fn nobody_sets_his_own_roofline() {
        let catalog = Catalog::embedded();
        let row = catalog.device("ryzen-9-7950x").unwrap();
        let honest = told("AMD Ryzen 9 7950X 16-Core Processor", 16, Some(61.5));
        assert_eq!(
            machine(catalog, &honest),
            Believed { fingerprint: honest.clone(), is_backed: true, cut: vec![] }
        );
        let boast = machine(catalog, &told("AMD Ryzen 9 7950X 16-Core Processor", 1_000_000, Some(1e6)));
        assert_eq!(boast.fingerprint.ram.read_gb_s, Some(row.bandwidth_gb_s * slack()));
        assert_eq!(boast.cut, ["memory bandwidth", "arithmetic"]);
        assert!(boast.fingerprint.cpu.tflops().unwrap() <= row.processor().unwrap().tflops() * slack());
    }

    #[test]
    fn channels_that_are_told_bear_out_no_more_than_the_row() {
        let catalog = Catalog::embedded();
        let mut made_up = told("AMD Ryzen 9 7950X 16-Core Processor", 16, None);
        (made_up.ram.channels, made_up.ram.speed_mt_s) = (Some(1000), Some(1_000_000));
        let row = catalog.device("ryzen-9-7950x").unwrap();
        assert_eq!(machine(catalog, &made_up).fingerprint.ram.read_gb_s, Some(row.bandwidth_gb_s * slack()));
        // Of a processor without a row they are all there is, below the fastest row.
        let mut unlisted = told("Mystery Processor", 16, Some(1e6));
        let believed = machine(catalog, &unlisted);
        assert_eq!((believed.is_backed, believed.cut), (false, vec!["memory bandwidth"]));
        let modest = machine(catalog, &told("Mystery Processor", 16, Some(60.0)));
        assert_eq!((modest.is_backed, modest.cut), (false, vec![]));
        (unlisted.ram.channels, unlisted.ram.speed_mt_s) = (Some(2), Some(3200));
        let believed = machine(catalog, &unlisted);
        assert_eq!((believed.fingerprint.ram.read_gb_s, believed.is_backed), (Some(51.2 * slack()), true));
    }
}
