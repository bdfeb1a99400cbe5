//! What a machine is and how it was doing: the part of a run that says where it was measured.
//!
//! Plain data. `probe/src/detect` fills it, the server reads it, and nothing in here can name a person or a
//! single machine: there is no field for a serial number, host name, user name, path or network address.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::row::{MadeFor, Processor};

/// The hardware and the software below the runtime. It does not change between two runs on a machine left alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// Graphics processors, in the order in which their own tool counts them.
    pub gpus: Vec<Gpu>,
    /// The processor.
    pub cpu: Cpu,
    /// The memory beside the processor.
    pub ram: Ram,
    /// The operating system.
    pub os: Os,
    /// Versions of the layers between runtime and hardware: `cuda`, `rocm`, `metal` …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stacks: BTreeMap<String, String>,
    /// What stands between the system and the hardware.
    pub enclosure: Enclosure,
}

/// One graphics processor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Gpu {
    /// As the driver writes it: `NVIDIA GeForce RTX 4070 Ti`.
    pub name: String,
    /// `nvidia`, `amd`, `apple`, `intel`, or empty where it is not known.
    pub maker: String,
    /// Memory of its own; none where it uses the processor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_gib: Option<f64>,
    /// Memory that it shares with the processor and may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_memory_gib: Option<f64>,
    /// Version of the kernel driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Version of its firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vbios: Option<String>,
    /// Where it is plugged in, as `domain:bus:device.function`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pci_bus: Option<String>,
    /// Power limit in force, in watts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_limit_w: Option<f64>,
    /// Power limit it was delivered with, in watts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_limit_default_w: Option<f64>,
    /// Number of cores where the maker sells one name with several (Apple).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    /// CUDA compute capability or AMD target: `8.9`, `gfx1100`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
}

/// The processor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Cpu {
    /// As it names itself: `AMD Ryzen 9 7950X 16-Core Processor`.
    pub model: String,
    /// Processors in sockets.
    pub sockets: u32,
    /// Physical cores of all sockets together; within a container, those it may use.
    pub cores: u32,
    /// Hardware threads of all cores together.
    pub threads: u32,
    /// Highest clock it announces, in MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_clock_mhz: Option<f64>,
    /// Largest cache level of one cache unit, in KiB, by level: `{"1": 48, "2": 2048, "3": 32768}` (data or unified).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cache_kib: BTreeMap<String, u32>,
    /// NUMA nodes.
    pub numa_nodes: u32,
    /// Those instruction sets that inference uses: `avx2`, `avx512_vnni`, `amx_int8`, `i8mm` …
    #[serde(default)]
    pub features: Vec<String>,
}

impl Cpu {
    /// Its cores' arithmetic as the catalogue states it, in 10¹² operations a second; `None` where its cores are not known.
    #[must_use]
    pub fn tflops(&self) -> Option<f64> {
        let has = |name: &str| self.features.iter().any(|feature| feature.starts_with(name));
        let wide = match () {
            () if has("avx512") => 64,
            () if has("avx2") => 32,
            () if has("avx") || has("neon") || has("asimd") || has("dotprod") || has("i8mm") => 16,
            () => 8,
        };
        let processor = Processor { cores: self.cores, wide, made_for: MadeFor::Desktop };
        (self.cores > 0).then(|| processor.tflops())
    }
}

/// The memory beside the processor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Ram {
    /// All of it, or the container's limit where that is less.
    pub total_gib: f64,
    /// Free for a new program at the time of asking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_gib: Option<f64>,
    /// Channels in use, where the firmware tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u32>,
    /// Transfers in millions a second, as configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_mt_s: Option<u32>,
    /// `DDR4`, `DDR5`, `LPDDR5` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What all cores together read, as measured, in GB/s (10⁹ bytes).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_gb_s: Option<f64>,
    /// STREAM triad of all cores, by the bytes that cross the memory's bus, in GB/s (10⁹ bytes).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triad_gb_s: Option<f64>,
}

impl Ram {
    /// What channels and speed allow: channels × 8 bytes × transfers, in GB/s. A DDR5 module counts as one
    /// 64-bit channel here, as firmware counts it.
    pub fn nominal_gb_s(&self) -> Option<f64> {
        Some(f64::from(self.channels?) * 8.0 * f64::from(self.speed_mt_s?) / 1000.0)
    }
}

/// The operating system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Os {
    /// `linux`, `macos`, `windows`.
    pub family: String,
    /// Distribution or product with version: `Debian GNU/Linux 12 (bookworm)`.
    pub name: String,
    /// Kernel release or build number.
    pub kernel: String,
    /// `x86_64`, `aarch64` …
    pub architecture: String,
}

/// What stands between the operating system and the hardware.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Enclosure {
    /// Kind of virtual machine: `kvm`, `vmware`, `hyper-v`, `wsl2` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_machine: Option<String>,
    /// Kind of container: `docker`, `podman`, `kubernetes`, `lxc` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Processors that a control group allows, where it limits them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_limit: Option<f64>,
    /// Memory that a control group allows, where it limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit_gib: Option<f64>,
}

/// How the machine was doing at one moment: taken before, during and after a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HostState {
    /// Where the power comes from: `ac` or `battery`; none where the machine has no battery to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerSource>,
    /// How the kernel picks the processor's clock: `performance`, `powersave`, `schedutil` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governor: Option<String>,
    /// Which kernel driver obeys that governor: `intel_pstate`, `acpi-cpufreq` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling_driver: Option<String>,
    /// Share of full processor speed that heat leaves, in percent (macOS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_speed_limit_percent: Option<u32>,
    /// Average number of runnable tasks in the last minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_average: Option<f64>,
    /// One for each GPU that tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<GpuState>,
}

/// Where the power comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum PowerSource {
    /// From the wall.
    Ac,
    /// From the battery: laptops slow down.
    Battery,
}

/// How a GPU was doing at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GpuState {
    /// Clock of the compute units, in MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_mhz: Option<u32>,
    /// Clock of the memory, in MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_clock_mhz: Option<u32>,
    /// Temperature in degrees Celsius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature_c: Option<u32>,
    /// Busy time in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utilisation_percent: Option<u32>,
    /// Memory in use by everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_used_gib: Option<f64>,
    /// Power drawn, in watts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_w: Option<f64>,
    /// Programs that compute on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programs: Option<u32>,
    /// Why it runs slower than it could: `sw_power_cap`, `hw_thermal_slowdown` …; idling is no reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub throttle: Vec<String>,
}

impl Fingerprint {
    /// The hardware in one line of text that stays the same when software is updated: what a run's key is tied to.
    ///
    /// Memory is rounded to whole GiB, since firmware and kernels take changing bites out of it.
    pub fn hardware_descriptor(&self) -> String {
        use core::fmt::Write as _;
        let mut line = String::new();
        for gpu in &self.gpus {
            let memory = gpu.memory_gib.map_or(0.0, libm::round);
            // Writing to a String cannot fail.
            let _ = write!(line, "gpu={}/{memory}/{};", gpu.name, gpu.cores.unwrap_or(0));
        }
        let _ = write!(
            line,
            "cpu={}/{}/{};ram={}",
            self.cpu.model,
            self.cpu.sockets,
            self.cpu.cores,
            libm::round(self.ram.total_gib)
        );
        line
    }
}

impl HostState {
    /// What in this state makes a figure lower than the hardware could: words for a result's flags, in a fixed order.
    pub fn flags(&self) -> Vec<&'static str> {
        let mut flags = Vec::new();
        let mut flag = |on: bool, word| {
            if on {
                flags.push(word);
            }
        };
        flag(self.power == Some(PowerSource::Battery), "on_battery");
        // The P-state drivers name their ordinary, fully dynamic governor "powersave".
        let dynamic = self.scaling_driver.as_deref().is_some_and(|driver| driver.contains("pstate"));
        flag(self.governor.as_deref() == Some("powersave") && !dynamic, "powersave_governor");
        flag(self.cpu_speed_limit_percent.is_some_and(|percent| percent < 100), "cpu_thermal_limit");
        let throttled =
            |part: &str| self.gpus.iter().any(|gpu| gpu.throttle.iter().any(|reason| reason.contains(part)));
        flag(throttled("thermal") || throttled("hw_slowdown"), "gpu_thermal_limit");
        flag(throttled("power"), "gpu_power_limit");
        flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_ignores_what_an_update_changes() {
        let mut one = Fingerprint {
            gpus: alloc::vec![Gpu {
                name: "NVIDIA GeForce RTX 4090".into(),
                memory_gib: Some(23.99),
                driver: Some("570.1".into()),
                ..Gpu::default()
            }],
            ..Fingerprint::default()
        };
        one.ram.total_gib = 62.7;
        let before = one.hardware_descriptor();
        one.gpus[0].driver = Some("580.2".into());
        one.gpus[0].memory_gib = Some(24.0);
        one.os.kernel = "7.0".into();
        one.ram.total_gib = 62.6;
        assert_eq!(before, one.hardware_descriptor());
        one.gpus[0].name = "NVIDIA GeForce RTX 3090".into();
        assert_ne!(before, one.hardware_descriptor());
    }

    #[test]
    fn state_becomes_flags() {
        let calm = HostState { power: Some(PowerSource::Ac), ..HostState::default() };
        assert!(calm.flags().is_empty());
        let hot = HostState {
            power: Some(PowerSource::Battery),
            gpus: alloc::vec![GpuState {
                throttle: alloc::vec!["sw_power_cap".into(), "hw_thermal_slowdown".into()],
                ..GpuState::default()
            }],
            ..HostState::default()
        };
        assert_eq!(hot.flags(), ["on_battery", "gpu_thermal_limit", "gpu_power_limit"]);
    }

    #[test]
    fn nominal_bandwidth_is_channels_times_speed() {
        let ram = Ram { channels: Some(2), speed_mt_s: Some(5600), ..Ram::default() };
        assert_eq!(ram.nominal_gb_s(), Some(89.6));
        assert_eq!(Ram::default().nominal_gb_s(), None);
    }
}
