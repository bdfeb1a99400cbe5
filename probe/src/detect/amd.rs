//! AMD graphics: the kernel's own files, names completed by `rocm-smi` or libdrm's table of product names.

use std::collections::BTreeMap;

use data::fingerprint::{Gpu, GpuState};
use estimator::units::GIB;

use super::host::Host;
use super::pci::{self, Card};

const VENDOR: &str = "0x1002";

/// The AMD processors with graphics of the kernel's list, and those of Windows' ROCm where there is no such list.
pub fn gpus(host: &dyn Host) -> Vec<Gpu> {
    let cards = pci::cards(host, VENDOR);
    let told = rocm_smi(host);
    if cards.is_empty() {
        // A container may have the device and its tools without the kernel's list of them.
        return told.unwrap_or_default().into_iter().filter_map(RocmCard::alone).collect();
    }
    cards.iter().map(|card| gpu(host, card, told.as_deref())).collect()
}

/// The installed ROCm, as its own file says.
pub fn rocm_version(host: &dyn Host) -> Option<String> {
    let text = host.line("/opt/rocm/.info/version")?;
    Some(text.split('-').next().unwrap_or(&text).to_owned())
}

fn gpu(host: &dyn Host, card: &Card, told: Option<&[RocmCard]>) -> Gpu {
    let at = |name: &str| format!("{}/{name}", card.device);
    let told = told.and_then(|cards| cards.iter().find(|told| told.is_at(&card.pci_bus)));
    let gib = |name: &str| host.number(&at(name)).map(|bytes| bytes / GIB).filter(|gib| *gib > 0.0);
    let watts = |name: &str| {
        let microwatts = hwmon(host, card).and_then(|folder| host.number(&format!("{folder}/{name}")));
        microwatts.map(|microwatts| microwatts / 1e6).filter(|watts| *watts > 0.0)
    };
    let own = gib("mem_info_vram_total");
    Gpu {
        name: name(host, card, told),
        maker: "amd".to_owned(),
        memory_gib: own,
        // Only an integrated processor lives on the shared part; a card merely could.
        shared_memory_gib: is_integrated(host, own).then(|| gib("mem_info_gtt_total")).flatten(),
        driver: host.line("/sys/module/amdgpu/version").or_else(|| told.and_then(|told| told.driver.clone())),
        vbios: host.line(&at("vbios_version")),
        pci_bus: (!card.pci_bus.is_empty()).then(|| card.pci_bus.clone()),
        power_limit_w: watts("power1_cap"),
        power_limit_default_w: watts("power1_cap_default"),
        cores: None,
        architecture: told.and_then(|told| told.architecture.clone()),
    }
}

/// The processor's name tells an integrated GPU ("… with Radeon Graphics", "… w/ Radeon 8060S"), together with a
/// carve-out that is no card's memory or is cut from a large shared one.
fn is_integrated(host: &dyn Host, own_gib: Option<f64>) -> bool {
    let radeon_inside = processor(host).is_some_and(|model| model.contains("Radeon"));
    radeon_inside && own_gib.is_none_or(|own| own <= 2.0 || own >= 32.0)
}

fn processor(host: &dyn Host) -> Option<String> {
    let text = host.read("/proc/cpuinfo")?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim().to_owned())
}

fn name(host: &dyn Host, card: &Card, told: Option<&RocmCard>) -> String {
    // An integrated processor's sold name stands in the processor's: "AMD RYZEN AI MAX+ 395 w/ Radeon 8060S".
    let own = host.number(&format!("{}/mem_info_vram_total", card.device)).map(|bytes| bytes / GIB);
    if is_integrated(host, own)
        && let Some(model) = processor(host)
        && let Some((_, graphics)) = model.split_once("w/ ").or_else(|| model.split_once("with "))
        && graphics.chars().any(|c| c.is_ascii_digit())
    {
        return format!("AMD {}", graphics.trim());
    }
    host.line(&format!("{}/product_name", card.device))
        .or_else(|| drm_name(host, card))
        .or_else(|| told.and_then(|told| told.series.clone()))
        .or_else(|| pci::name(host, card))
        .unwrap_or_else(|| format!("AMD graphics {}", card.product))
}

/// The name in libdrm's table, whose lines are product, revision, name with commas between: the only one that tells an XTX
/// from an XT, which share a product number and differ in revision.
fn drm_name(host: &dyn Host, card: &Card) -> Option<String> {
    let product = card.product.trim_start_matches("0x");
    let revision = card.revision.trim_start_matches("0x");
    let text = host.read("/usr/share/libdrm/amdgpu.ids")?;
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = line.splitn(3, ',').map(str::trim);
        let same = |field: Option<&str>, value: &str| field.is_some_and(|f| f.eq_ignore_ascii_case(value));
        (same(fields.next(), product) && same(fields.next(), revision))
            .then(|| fields.next().map(str::to_owned))
            .flatten()
    })
}

fn hwmon(host: &dyn Host, card: &Card) -> Option<String> {
    let folder = format!("{}/hwmon", card.device);
    host.list(&folder)
        .into_iter()
        .find(|name| name.starts_with("hwmon"))
        .map(|name| format!("{folder}/{name}"))
}

/// What `rocm-smi` tells of one card. Its `Serial Number` and `Unique ID` are left unread.
#[derive(Debug, Default, PartialEq)]
struct RocmCard {
    series: Option<String>,
    bus: Option<String>,
    architecture: Option<String>,
    driver: Option<String>,
    memory_bytes: Option<f64>,
}

impl RocmCard {
    /// A card of which nobody else tells.
    fn alone(self) -> Option<Gpu> {
        Some(Gpu {
            name: self.series?,
            maker: "amd".to_owned(),
            memory_gib: self.memory_bytes.map(|bytes| bytes / GIB),
            driver: self.driver,
            pci_bus: self.bus,
            architecture: self.architecture,
            ..Gpu::default()
        })
    }

    fn is_at(&self, bus: &str) -> bool {
        self.bus.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(bus))
    }
}

fn rocm_smi(host: &dyn Host) -> Option<Vec<RocmCard>> {
    let arguments =
        ["--showproductname", "--showdriverversion", "--showbus", "--showmeminfo", "vram", "--json"];
    let text = host.run("rocm-smi", &arguments).or_else(|| host.run("/opt/rocm/bin/rocm-smi", &arguments))?;
    parse_rocm_smi(&text)
}

fn parse_rocm_smi(text: &str) -> Option<Vec<RocmCard>> {
    // Warnings may stand before the object.
    let object = &text[text.find('{')?..];
    let cards: BTreeMap<String, BTreeMap<String, serde_json::Value>> = serde_json::from_str(object).ok()?;
    let get = |card: &BTreeMap<String, serde_json::Value>, key: &str| {
        // "Card series" until ROCm 5, "Card Series" since.
        let (_, value) = card.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
        let text = value.as_str()?.trim();
        (!text.is_empty() && text != "N/A" && !text.starts_with("0x")).then(|| text.to_owned())
    };
    let driver = cards.get("system").and_then(|system| get(system, "Driver version"));
    Some(
        cards
            .iter()
            .filter(|(key, _)| key.starts_with("card"))
            .map(|(_, card)| RocmCard {
                series: get(card, "Card Series").or_else(|| get(card, "Device Name")),
                bus: get(card, "PCI Bus"),
                architecture: get(card, "GFX Version"),
                driver: driver.clone(),
                memory_bytes: get(card, "VRAM Total Memory (B)").and_then(|bytes| bytes.parse().ok()),
            })
            .collect(),
    )
}

/// Why a card runs slower than it could, out of the driver's table (`gpu_metrics_v1_3` in `kgd_pp_interface.h`), whose last
/// word is the same for all chips. The bit of the hottest spot is left out: some cards set it all the time.
fn throttle_reasons(table: &[u8]) -> Vec<String> {
    const VERSION: [u8; 2] = [1, 3];
    const AT: usize = 112;
    const HOTTEST_SPOT: u64 = 1 << 36;
    const REASONS: [(u64, &str); 3] =
        [(0xff, "power_limit"), (0xff << 16, "power_current_limit"), (0xffff << 32, "thermal_limit")];
    let Some(word) = table.get(AT..AT + 8).filter(|_| table[2..4] == VERSION) else { return Vec::new() };
    let bits = word.iter().rev().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)) & !HOTTEST_SPOT;
    // A table that the chip does not fill is all ones.
    let is_told = bits != !HOTTEST_SPOT;
    REASONS
        .iter()
        .filter(|(mask, _)| is_told && bits & mask != 0)
        .map(|(_, name)| (*name).to_owned())
        .collect()
}

/// How the cards are doing.
pub fn states(host: &dyn Host) -> Vec<GpuState> {
    pci::cards(host, VENDOR)
        .iter()
        .map(|card| {
            let own = |name: &str| host.number(&format!("{}/{name}", card.device));
            let sensor =
                |name: &str| hwmon(host, card).and_then(|folder| host.number(&format!("{folder}/{name}")));
            GpuState {
                clock_mhz: sensor("freq1_input").map(|hertz| (hertz / 1e6) as u32),
                memory_clock_mhz: sensor("freq2_input").map(|hertz| (hertz / 1e6) as u32),
                temperature_c: sensor("temp1_input").map(|millidegrees| (millidegrees / 1000.0) as u32),
                utilisation_percent: own("gpu_busy_percent").map(|percent| percent as u32),
                memory_used_gib: own("mem_info_vram_used").map(|bytes| bytes / GIB),
                power_w: sensor("power1_average").or_else(|| sensor("power1_input")).map(|uw| uw / 1e6),
                programs: None,
                throttle: host
                    .bytes(&format!("{}/gpu_metrics", card.device))
                    .map(|table| throttle_reasons(&table))
                    .unwrap_or_default(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::host::{Platform, recorded::Recorded};
    use super::*;

    const DEVICE: &str = "/sys/class/drm/card1/device";

    fn card(product: &str, revision: &str, vram: &str) -> Recorded {
        Recorded::new(Platform::Linux)
            .file(&format!("{DEVICE}/vendor"), "0x1002\n")
            .file(&format!("{DEVICE}/device"), product)
            .file(&format!("{DEVICE}/revision"), revision)
            .file(&format!("{DEVICE}/uevent"), "DRIVER=amdgpu\nPCI_SLOT_NAME=0000:03:00.0\n")
            .file(&format!("{DEVICE}/mem_info_vram_total"), vram)
            .file(&format!("{DEVICE}/vbios_version"), "113-EXT86263-001\n")
    }

    #[test]
    fn revision_tells_an_xtx_from_an_xt() {
        let host = card("0x744c\n", "0xc8\n", "25753026560\n")
            .file(
                "/usr/share/libdrm/amdgpu.ids",
                "# List of AMDGPU IDs\n1.0.0\n744C,\tC8,\tAMD Radeon RX 7900 XTX\n744C,\tCC,\tAMD Radeon RX 7900 XT\n",
            )
            .file(&format!("{DEVICE}/hwmon/hwmon4/power1_cap"), "339000000\n")
            .file(&format!("{DEVICE}/hwmon/hwmon4/power1_cap_default"), "339000000\n")
            .file(&format!("{DEVICE}/hwmon/hwmon4/temp1_input"), "54000\n")
            .file(&format!("{DEVICE}/hwmon/hwmon4/freq1_input"), "2482000000\n");
        let gpus = gpus(&host);
        assert_eq!(gpus[0].name, "AMD Radeon RX 7900 XTX");
        assert!((gpus[0].memory_gib.unwrap() - 23.98).abs() < 0.01);
        assert_eq!(gpus[0].shared_memory_gib, None);
        assert_eq!(gpus[0].power_limit_w, Some(339.0));
        assert_eq!(gpus[0].pci_bus.as_deref(), Some("0000:03:00.0"));
        let states = states(&host);
        assert_eq!((states[0].temperature_c, states[0].clock_mhz), (Some(54), Some(2482)));
    }

    #[test]
    fn strix_halo_is_named_by_its_processor_and_shares_memory() {
        let host = card("0x1586\n", "0xc1\n", "536870912\n")
            .file(&format!("{DEVICE}/mem_info_gtt_total"), "128849018880\n")
            .file("/proc/cpuinfo", "processor\t: 0\nmodel name\t: AMD RYZEN AI MAX+ 395 w/ Radeon 8060S\n");
        let gpus = gpus(&host);
        assert_eq!(gpus[0].name, "AMD Radeon 8060S");
        assert_eq!(gpus[0].shared_memory_gib, Some(120.0));
    }

    #[test]
    fn rocm_smi_completes_what_the_kernel_leaves_out() {
        let text = r#"WARNING: AMD GPU device(s) is/are in a low-power state.
            {"card0": {"Card Series": "AMD Radeon PRO W7900", "Card Model": "0x7448", "Serial Number": "SECRET",
                       "Unique ID": "0x3d4595974090853c", "PCI Bus": "0000:03:00.0", "GFX Version": "gfx1100"},
             "system": {"Driver version": "6.10.5"}}"#;
        let cards = parse_rocm_smi(text).unwrap();
        assert_eq!(cards[0].series.as_deref(), Some("AMD Radeon PRO W7900"));
        let host = card("0x7448\n", "0x00\n", "48301604864\n").command("rocm-smi ", text);
        let gpus = gpus(&host);
        assert_eq!(gpus[0].name, "AMD Radeon PRO W7900");
        assert_eq!(gpus[0].architecture.as_deref(), Some("gfx1100"));
        assert_eq!(gpus[0].driver.as_deref(), Some("6.10.5"));
        assert!(!format!("{gpus:?}").contains("SECRET"));
    }

    #[test]
    fn the_drivers_table_tells_why_a_card_is_slow() {
        let table = |version: [u8; 2], word: u64| {
            let mut table = vec![0; 112];
            table[2..4].copy_from_slice(&version);
            table.extend(word.to_le_bytes());
            table
        };
        assert_eq!(throttle_reasons(&table([1, 3], 1 | 1 << 33)), ["power_limit", "thermal_limit"]);
        assert!(throttle_reasons(&table([1, 3], 1 << 36)).is_empty(), "set all the time by some");
        assert!(throttle_reasons(&table([1, 3], u64::MAX)).is_empty(), "not filled");
        assert!(throttle_reasons(&table([2, 1], 1)).is_empty(), "another table");
        assert!(throttle_reasons(&[1, 2]).is_empty());
        let host = card("0x744c\n", "0xc8\n", "1\n")
            .file(&format!("{DEVICE}/gpu_metrics"), std::str::from_utf8(&table([1, 3], 1)).unwrap());
        assert_eq!(states(&host)[0].throttle, ["power_limit"]);
    }

    #[test]
    fn rocm_smi_is_asked_where_the_kernel_lists_no_card() {
        let text = r#"{"card0": {"Card Series": "AMD Instinct MI300X", "PCI Bus": "0000:05:00.0",
            "VRAM Total Memory (B)": "206141652992", "Serial Number": "SECRET"}, "system": {"Driver version": "6.10.5"}}"#;
        let gpus = gpus(&Recorded::new(Platform::Linux).command("rocm-smi ", text));
        assert_eq!((gpus.len(), gpus[0].name.as_str()), (1, "AMD Instinct MI300X"));
        assert!(
            gpus[0].memory_gib.is_some_and(|gib| (gib - 191.98).abs() < 0.01),
            "{:?}",
            gpus[0].memory_gib
        );
        assert!(!format!("{gpus:?}").contains("SECRET"));
    }

    #[test]
    fn names_of_the_rocm_5_era_and_nonsense() {
        let cards =
            parse_rocm_smi(r#"{"card0": {"Card series": "Arcturus GL-XL [AMD Instinct MI100]"}}"#).unwrap();
        assert_eq!(cards[0].series.as_deref(), Some("Arcturus GL-XL [AMD Instinct MI100]"));
        assert_eq!(parse_rocm_smi("ERROR:root:Driver not initialized"), None);
        assert_eq!(parse_rocm_smi("{\"card0\": 3}"), None);
    }

    #[test]
    fn the_rocm_version_drops_its_build() {
        let host = Recorded::new(Platform::Linux).file("/opt/rocm/.info/version", "6.4.1-83\n");
        assert_eq!(rocm_version(&host).as_deref(), Some("6.4.1"));
    }
}
