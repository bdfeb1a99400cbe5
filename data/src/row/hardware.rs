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

/// Clock that processors' rates are stated at, in GHz; how far a real one is off is in what is fitted.
const CLOCK_GHZ: f64 = 3.0;

/// The kind of machine that a line of processors is made for: it tells how long they hold their clock, and their memory's
/// speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MadeFor {
    /// Fanless and 15 to 28 W laptops, handhelds, boards.
    Thin,
    /// Laptops of 35 W and more.
    Laptop,
    /// Desks.
    Desktop,
    /// Servers and workstations.
    Server,
}

impl MadeFor {
    /// One word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            MadeFor::Thin => "thin",
            MadeFor::Laptop => "laptop",
            MadeFor::Desktop => "desktop",
            MadeFor::Server => "server",
        }
    }
}

/// A processor's arithmetic as far as a product table tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processor {
    /// Cores that runtimes use by default: without efficiency cores, without second threads.
    pub cores: u32,
    /// 32-bit multiplications and additions that a core starts in one cycle, from its vector units: 8 for SSE, 16 for AVX
    /// and 128-bit pairs, 32 for AVX2, 64 for AVX-512.
    pub wide: u32,
    /// What it is made for.
    pub made_for: MadeFor,
}

impl Processor {
    /// Operations a second at 3 GHz on so many cores, in 10¹².
    #[must_use]
    pub fn tflops_on(self, cores: f64) -> f64 {
        2.0 * cores * f64::from(self.wide) * CLOCK_GHZ / 1e3
    }

    /// Operations a second at 3 GHz on all of its cores, in 10¹².
    #[must_use]
    pub fn tflops(self) -> f64 {
        self.tflops_on(f64::from(self.cores))
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
    /// The one that is meant where nobody says: of a card that is sold with several, where it is not the smallest.
    #[serde(default)]
    pub usual_gib: Option<f64>,
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
    /// Cores of a processor, see [`Processor::cores`]; its compute is theirs.
    #[serde(default)]
    pub cores: Option<u32>,
    /// How wide they are, see [`Processor::wide`].
    #[serde(default)]
    pub wide: Option<u32>,
    /// What it is made for.
    #[serde(default)]
    pub made_for: Option<MadeFor>,
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

impl HardwareRow {
    /// The memory that is meant where nobody says: of a card the one it came out with, as larger ones are rarer or were
    /// made so later; of a machine, whose memory is its owner's choice, the largest.
    #[must_use]
    pub fn usual_memory_gib(&self) -> Option<f64> {
        let card = self.class == DeviceClass::DiscreteGpu;
        let sold = if card { self.memory_gib.first() } else { self.memory_gib.last() };
        self.usual_gib.or(sold.copied())
    }

    /// The size that it is sold with, of which tools report a few per cent less than is printed on the box.
    #[must_use]
    pub fn sold_with(&self, seen_gib: f64) -> Option<f64> {
        self.memory_gib.iter().copied().find(|sold| seen_gib > sold * 0.88 && seen_gib < sold * 1.03)
    }

    /// Cores and their width, of a processor.
    #[must_use]
    pub fn processor(&self) -> Option<Processor> {
        Some(Processor { cores: self.cores?, wide: self.wide?, made_for: self.made_for? })
    }

    /// Whether it stands for a family of products, whose names leave digits open.
    #[must_use]
    pub fn is_family(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.contains(['#', '*']))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_threads_are_fewer_cores() {
        let eight = Processor { cores: 8, wide: 32, made_for: MadeFor::Desktop };
        assert!((eight.tflops() - 1.536).abs() < 1e-12);
        assert!((eight.tflops_on(4.0) - 0.768).abs() < 1e-12);
    }
}
