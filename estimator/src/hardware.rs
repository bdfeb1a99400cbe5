//! What a device can hold, move and compute.

/// The most devices that one [`Machine`] may have.
pub const MAX_DEVICES: usize = 16;

/// How a device's memory relates to the rest of its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum HardwareClass {
    /// Apple silicon: one memory, a wired limit for the GPU's share of it.
    Apple,
    /// A card with memory of its own, behind a link.
    DiscreteGpu,
    /// A GPU on the system's memory: Strix Halo, DGX Spark, Jetson, integrated graphics.
    Unified,
    /// Processor and RAM alone.
    Cpu,
    /// Phones and tablets.
    Mobile,
}

/// Number formats whose peak rates differ on matrix units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum ComputeFormat {
    /// 16-bit floats, f16 or bf16.
    F16,
    /// 8-bit integers.
    Int8,
    /// 8-bit floats.
    Fp8,
    /// 4-bit floats.
    Fp4,
}

/// Peak dense rates, without sparsity; `None` where the maker's figure is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Compute {
    /// f16 or bf16, in 10¹² operations a second.
    pub f16_tflops: Option<f64>,
    /// int8, in 10¹² operations a second.
    pub int8_tops: Option<f64>,
    /// fp8, in 10¹² operations a second.
    pub fp8_tflops: Option<f64>,
    /// fp4, in 10¹² operations a second.
    pub fp4_tflops: Option<f64>,
}

impl Compute {
    /// The peak rate in `format`, in 10¹² operations a second.
    #[must_use]
    pub fn peak_tflops(&self, format: ComputeFormat) -> Option<f64> {
        match format {
            ComputeFormat::F16 => self.f16_tflops,
            ComputeFormat::Int8 => self.int8_tops,
            ComputeFormat::Fp8 => self.fp8_tflops,
            ComputeFormat::Fp4 => self.fp4_tflops,
        }
    }
}

/// One device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Device {
    /// How its memory relates to the machine.
    pub class: HardwareClass,
    /// All of its memory, in GiB; on Apple, unified, CPU and mobile, the machine's.
    pub memory_gib: f64,
    /// How much of it a model may use, in GiB, where the owner set it; else by [`MemoryRules`].
    pub usable_gib: Option<f64>,
    /// Peak memory bandwidth, in GB/s.
    pub bandwidth_gb_s: f64,
    /// Peak compute by format.
    pub compute: Compute,
    /// The link to the host's RAM, in GB/s each way; a device in the host's own memory has its bandwidth.
    pub host_link_gb_s: f64,
    /// The power limit as a share of stock, above 0 and at most 1.
    pub power_share: f64,
}

/// The rest of the machine, which takes what a card cannot hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Host {
    /// RAM, in GiB.
    pub memory_gib: f64,
    /// RAM bandwidth, in GB/s.
    pub bandwidth_gb_s: f64,
}

/// How several devices share one model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Split {
    /// Each takes layers in proportion to its usable memory; a token visits one after the other.
    LayersByMemory,
    /// Each takes layers by the given share; shares are scaled to sum to one.
    LayersByShare([f64; MAX_DEVICES]),
    /// Each takes an equal part of every matrix, all work at once and exchange after each half layer.
    Tensor,
}

/// Devices, host and how they are joined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    devices: [Device; MAX_DEVICES],
    count: usize,
    /// The rest of the machine.
    pub host: Host,
    /// The link between two devices, in GB/s each way.
    pub device_link_gb_s: f64,
    /// How several devices share a model.
    pub split: Split,
}

impl Machine {
    /// A machine with one device.
    #[must_use]
    pub fn single(device: Device, host: Host) -> Self {
        Machine {
            devices: [device; MAX_DEVICES],
            count: 1,
            host,
            device_link_gb_s: device.host_link_gb_s,
            split: Split::LayersByMemory,
        }
    }

    /// A machine with all of `devices`; `None` when there are none or more than [`MAX_DEVICES`].
    #[must_use]
    pub fn several(devices: &[Device], host: Host, device_link_gb_s: f64, split: Split) -> Option<Self> {
        let first = *devices.first()?;
        let mut own = [first; MAX_DEVICES];
        own.get_mut(..devices.len())?.copy_from_slice(devices);
        Some(Machine { devices: own, count: devices.len(), host, device_link_gb_s, split })
    }

    /// The devices, at least one.
    #[must_use]
    pub fn devices(&self) -> &[Device] {
        &self.devices[..self.count]
    }

    /// The devices, to be changed in place.
    pub fn devices_mut(&mut self) -> &mut [Device] {
        &mut self.devices[..self.count]
    }
}

/// How much of a device's memory a model may use. Numbers come from `data/rules.toml`, with their sources.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct MemoryRules {
    /// Up to this much memory, Apple's default wired limit is the small share, above it the large one (GiB).
    pub apple_small_gib: f64,
    /// Share of memory that small Apple machines give to the GPU.
    pub apple_small_share: f64,
    /// Share of memory that larger Apple machines give to the GPU.
    pub apple_large_share: f64,
    /// What display, context and driver keep on a discrete card, as a share of its memory …
    pub discrete_reserve_share: f64,
    /// … and at least this much (GiB).
    pub discrete_reserve_gib: f64,
    /// Share of memory that a unified x86 or Arm machine gives to its GPU (carve-out plus GTT).
    pub unified_share: f64,
    /// What the operating system keeps of RAM, as a share …
    pub os_reserve_share: f64,
    /// … and at least this much (GiB).
    pub os_reserve_gib: f64,
    /// Share of memory that a phone gives to one program.
    pub mobile_share: f64,
}

impl MemoryRules {
    /// Memory that a model may use on `device`, in GiB.
    #[must_use]
    pub fn usable_gib(&self, device: &Device) -> f64 {
        let all = device.memory_gib;
        if let Some(set) = device.usable_gib {
            return set.clamp(0.0, all);
        }
        match device.class {
            HardwareClass::Apple if all <= self.apple_small_gib => all * self.apple_small_share,
            HardwareClass::Apple => all * self.apple_large_share,
            HardwareClass::DiscreteGpu => {
                less(all, all * self.discrete_reserve_share, self.discrete_reserve_gib)
            }
            HardwareClass::Unified => all * self.unified_share,
            HardwareClass::Cpu => self.usable_ram_gib(all),
            HardwareClass::Mobile => all * self.mobile_share,
        }
    }

    /// RAM that is left beside the operating system, in GiB.
    #[must_use]
    pub fn usable_ram_gib(&self, memory_gib: f64) -> f64 {
        less(memory_gib, memory_gib * self.os_reserve_share, self.os_reserve_gib)
    }
}

/// `all` less the larger of two reserves, never below nothing.
fn less(all: f64, share: f64, least: f64) -> f64 {
    (all - share.max(least)).max(0.0)
}
