//! Devices: `data/hardware/*.toml`.

use serde::{Deserialize, Serialize};

pub use estimator::HardwareClass as DeviceClass;

/// A PCI Express link to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// PCI Express generation.
    pub pcie: u8,
    /// Lanes.
    pub lanes: u8,
}

impl Link {
    /// What the link carries in one direction, in 10⁹ bytes a second: transfers times line coding, no protocol.
    #[must_use]
    pub fn gb_s(self) -> f64 {
        let lane_gb_s = match self.pcie {
            0 | 1 => 2.5 * 0.8 / 8.0, // 8b/10b
            2 => 5.0 * 0.8 / 8.0,
            generation @ 3..=5 => f64::from(1_u32 << (generation - 3)) * 8.0 * (128.0 / 130.0) / 8.0,
            _ => 64.0 * (242.0 / 256.0) / 8.0, // FLIT mode
        };
        lane_gb_s * f64::from(self.lanes)
    }
}

/// One device in `data/hardware/*.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HardwareRow {
    /// Stable key: lower case, hyphens, never reused.
    pub id: String,
    /// As the maker writes it.
    pub name: String,
    /// Who makes it, lower case.
    pub vendor: String,
    /// Which kind of machine it is.
    pub class: DeviceClass,
    /// Architecture, lower case; constants are looked up by it where the device itself was not measured.
    #[serde(default)]
    pub generation: Option<String>,
    /// Memory sizes that it is sold with, in GiB, ascending. Empty where the user gives the RAM.
    #[serde(default)]
    pub memory_gib: Vec<f64>,
    /// What the memory is ("GDDR6X", "LPDDR5X-8000 256-bit").
    #[serde(default)]
    pub memory_kind: Option<String>,
    /// Peak memory bandwidth, in 10⁹ bytes a second.
    pub bandwidth_gb_s: f64,
    /// Memory channels of 64 bits, where the bandwidth was computed from them.
    #[serde(default)]
    pub channels: Option<u32>,
    /// Memory transfers, in 10⁶ a second, where the bandwidth was computed from them.
    #[serde(default)]
    pub memory_mt_s: Option<u32>,
    /// Dense f16 or bf16 compute on the fastest unit that has it, in 10¹² operations a second.
    #[serde(default)]
    pub compute_f16_tflops: Option<f64>,
    /// Dense int8 compute, in 10¹² operations a second.
    #[serde(default)]
    pub compute_int8_tops: Option<f64>,
    /// Dense FP8 compute, in 10¹² operations a second.
    #[serde(default)]
    pub compute_fp8_tflops: Option<f64>,
    /// Dense FP4 compute, in 10¹² operations a second.
    #[serde(default)]
    pub compute_fp4_tflops: Option<f64>,
    /// GPU cores as the maker counts them, where they tell two versions apart.
    #[serde(default)]
    pub gpu_cores: Option<u32>,
    /// Stock power limit, in watts.
    #[serde(default)]
    pub tdp_w: Option<u32>,
    /// Year of release.
    #[serde(default)]
    pub release_year: Option<u16>,
    /// Link to the host.
    #[serde(default)]
    pub link: Option<Link>,
    /// Whether this is the laptop version, which shares its name with a faster desktop card.
    #[serde(default)]
    pub laptop: bool,
    /// What else it is called. A name here belongs to this row alone.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Names that it shares with other rows: typing one asks which is meant.
    #[serde(default)]
    pub shared_names: Vec<String>,
    /// Brand strings of a family, `#` for one digit and `*` for any letters or digits ("ryzen # 7##0*").
    #[serde(default)]
    pub patterns: Vec<String>,
    /// Where each number was read: `source` or `source:place`.
    pub sources: Vec<String>,
    /// What was recalled rather than read, in words; to be shown beside the row.
    #[serde(default)]
    pub unverified: Option<String>,
}
