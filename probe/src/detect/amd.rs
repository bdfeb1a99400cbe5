//! AMD graphics: the kernel's own files, names completed by `rocm-smi` or libdrm's table of product names.

use std::collections::BTreeMap;

use data::fingerprint::{Gpu, GpuState};

use super::host::Host;
use super::pci::{self, Card};

const GIB: f64 = (1u64 << 30) as f64;
const VENDOR: &str = "0x1002";

/// The AMD processors with graphics of the kernel's list, and those of Windows' ROCm where there is no such list.
pub fn gpus(host: &dyn Host) -> Vec<Gpu> {
    let cards = pci::cards(host, VENDOR);
    let told = if cards.is_empty() { None } else { rocm_smi(host) };
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
}

impl RocmCard {
    fn is_at(&self, bus: &str) -> bool {
        self.bus.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(bus))
    }
}

fn rocm_smi(host: &dyn Host) -> Option<Vec<RocmCard>> {
    let arguments = ["--showproductname", "--showdriverversion", "--showbus", "--json"];
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
            })
            .collect(),
    )
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
                throttle: Vec::new(),
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
