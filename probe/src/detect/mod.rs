//! Which machine is this, and how is it doing?
//!
//! One file a maker or system; each asks a [`Host`] and returns plain data. What would name one single machine or its
//! owner is never asked for, and where a tool prints it unasked, never read.

pub mod amd;
pub mod apple;
pub mod bandwidth;
pub mod cpu;
pub mod host;
pub mod intel;
pub mod linux;
pub mod nvidia;
pub mod nvml;
mod pci;
pub mod ram;
pub mod windows;

use data::fingerprint::{Fingerprint, Gpu, GpuState, HostState};

use host::{Host, Machine, Platform};

/// This machine's fingerprint, without the measured bandwidth.
pub fn this_machine() -> Fingerprint {
    fingerprint(&Machine, nvml::Library::load().as_ref())
}

/// Memory in GiB that a program here may still take: what is free of the machine's, and no more than its container allows.
pub fn spare_memory_gib(fingerprint: &Fingerprint) -> Option<f64> {
    let limit = fingerprint.enclosure.memory_limit_gib;
    let known = [fingerprint.ram.available_gib, limit].into_iter().flatten();
    known.reduce(f64::min)
}

/// How this machine is doing right now.
pub fn this_machine_now() -> HostState {
    state(&Machine, nvml::Library::load().as_ref())
}

/// The fingerprint of the machine that `host` answers for.
pub fn fingerprint(host: &dyn Host, nvml: Option<&nvml::Library>) -> Fingerprint {
    let mut found = match host.platform() {
        Platform::MacOs => return apple::fingerprint(host),
        Platform::Windows => windows::fingerprint(host),
        Platform::Linux => Fingerprint {
            cpu: cpu::cpu(host),
            ram: ram::ram(host),
            os: linux::os(host),
            enclosure: linux::enclosure(host),
            ..Fingerprint::default()
        },
    };
    let nvidia: Vec<Gpu> = match nvml.map(nvml::Library::gpus) {
        Some(gpus) if !gpus.is_empty() => gpus,
        _ => nvidia::gpus(host),
    };
    if !nvidia.is_empty() {
        if let Some(cuda) = nvml.and_then(nvml::Library::cuda_version).or_else(|| nvidia::cuda_version(host))
        {
            found.stacks.insert("cuda".to_owned(), cuda);
        }
        // Windows lists the same cards again, with less detail.
        found.gpus.retain(|gpu| gpu.maker != "nvidia");
        found.gpus.splice(0..0, nvidia);
    }
    if host.platform() == Platform::Linux {
        found.gpus.extend(amd::gpus(host));
        found.gpus.extend(intel::gpus(host));
    }
    if let Some(rocm) = amd::rocm_version(host) {
        found.stacks.insert("rocm".to_owned(), rocm);
    }
    found
}

/// How the machine that `host` answers for is doing.
pub fn state(host: &dyn Host, nvml: Option<&nvml::Library>) -> HostState {
    let mut state = match host.platform() {
        Platform::MacOs => return apple::state(host),
        Platform::Windows => windows::state(host),
        Platform::Linux => linux::state(host),
    };
    let nvidia: Vec<GpuState> = match nvml.map(nvml::Library::states) {
        Some(states) if !states.is_empty() => states,
        _ => nvidia::states(host),
    };
    state.gpus = nvidia;
    if host.platform() == Platform::Linux {
        state.gpus.extend(amd::states(host));
    }
    state
}

#[cfg(test)]
mod tests {
    use super::host::recorded::Recorded;
    use super::*;

    /// Tools that print every secret they have, beside what we want.
    fn a_talkative_machine() -> Recorded {
        Recorded::new(Platform::Linux)
            .file("/proc/cpuinfo", "processor\t: 0\nmodel name\t: AMD Ryzen 9 7950X\nSerial\t: SECRET-CPU\nflags\t: avx2\n")
            .file("/proc/meminfo", "MemTotal: 65536000 kB\n")
            .file("/etc/os-release", "PRETTY_NAME=\"Debian\"\nHOME_URL=\"SECRET-URL\"\n")
            .file("/proc/sys/kernel/hostname", "SECRET-HOST\n")
            .file("/etc/machine-id", "SECRET-ID\n")
            .file("/sys/class/dmi/id/product_serial", "SECRET-BOARD\n")
            .file("/sys/class/dmi/id/product_uuid", "SECRET-UUID\n")
            .file("/sys/class/net/eth0/address", "SE:CR:ET:00:00:01\n")
            .file("/sys/class/drm/card1/device/vendor", "0x1002\n")
            .file("/sys/class/drm/card1/device/device", "0x744c\n")
            .file("/sys/class/drm/card1/device/unique_id", "SECRET-AMD\n")
            .file("/sys/class/drm/card1/device/serial_number", "SECRET-AMD-2\n")
            .command("nvidia-smi --query-gpu=name", "NVIDIA GeForce RTX 4090, 570.1, 95.02, 00000000:01:00.0, 24564, 450.00, 450.00, 8.9\n")
            .command("nvidia-smi -L", "GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-SECRET)\n")
            .command("dmidecode -t 17", "Memory Device\n\tSize: 32 GB\n\tBank Locator: P0 CHANNEL A\n\tSerial Number: SECRET-DIMM\n\tAsset Tag: SECRET-TAG\n")
            .command("rocm-smi ", r#"{"card0": {"Serial Number": "SECRET-ROCM", "Unique ID": "SECRET-UID", "Card Series": "AMD Radeon RX 7900 XTX"}}"#)
            .command("hostname ", "SECRET-HOST\n")
    }

    #[test]
    fn no_secret_leaves() {
        let host = a_talkative_machine();
        let fingerprint = fingerprint(&host, None);
        let state = state(&host, None);
        assert_eq!(fingerprint.gpus.len(), 2, "{fingerprint:?}");
        for text in [
            serde_json::to_string(&fingerprint).unwrap(),
            serde_json::to_string(&state).unwrap(),
            fingerprint.hardware_descriptor(),
        ] {
            assert!(!text.to_ascii_uppercase().contains("SECRET") && !text.contains("SE:CR"), "{text}");
        }
    }

    #[test]
    fn a_fingerprint_survives_its_json() {
        let fingerprint = fingerprint(&a_talkative_machine(), None);
        let text = serde_json::to_string(&fingerprint).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprint>(&text).unwrap(), fingerprint);
    }

    #[test]
    fn this_machine_has_a_processor_and_memory() {
        let fingerprint = this_machine();
        assert!(fingerprint.cpu.threads >= 1 && fingerprint.ram.total_gib > 0.1, "{fingerprint:?}");
        assert!(!fingerprint.os.kernel.is_empty());
    }
}
