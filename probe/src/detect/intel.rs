//! Intel graphics: the kernel's list with names from the PCI table, and `xpu-smi` where it is installed.

use data::fingerprint::Gpu;
use serde::Deserialize;

use super::host::Host;
use super::pci;

const VENDOR: &str = "0x8086";

/// The Intel graphics processors, integrated ones too.
pub fn gpus(host: &dyn Host) -> Vec<Gpu> {
    let cards = pci::cards(host, VENDOR);
    if cards.is_empty() {
        return Vec::new();
    }
    let told = xpu_smi(host);
    cards
        .iter()
        .map(|card| {
            let told = told.iter().find(|told| told.pci_bdf_address == card.pci_bus);
            let name = told.map(|told| told.device_name.clone()).or_else(|| pci::name(host, card));
            Gpu {
                name: name.unwrap_or_else(|| format!("Intel graphics {}", card.product)),
                maker: "intel".to_owned(),
                memory_gib: told.and_then(Told::memory_gib),
                driver: driver(host, &card.device),
                pci_bus: (!card.pci_bus.is_empty()).then(|| card.pci_bus.clone()),
                ..Gpu::default()
            }
        })
        .collect()
}

/// The kernel module that drives it (`i915`, `xe`): its version is the kernel's.
fn driver(host: &dyn Host, device: &str) -> Option<String> {
    let text = host.read(&format!("{device}/uevent"))?;
    text.lines().find_map(|line| line.strip_prefix("DRIVER=").map(|name| name.trim().to_owned()))
}

/// What `xpu-smi discovery` tells of one card; its `serial_number` and `uuid` are left unread.
#[derive(Debug, Deserialize)]
struct Told {
    #[serde(default)]
    device_name: String,
    #[serde(default)]
    pci_bdf_address: String,
    #[serde(default)]
    memory_physical_size_byte: String,
}

impl Told {
    fn memory_gib(&self) -> Option<f64> {
        self.memory_physical_size_byte.parse::<f64>().ok().map(|bytes| bytes / (1u64 << 30) as f64)
    }
}

fn xpu_smi(host: &dyn Host) -> Vec<Told> {
    #[derive(Deserialize)]
    struct List {
        device_list: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        device_id: u32,
    }
    // The list has no memory sizes; each device's own page has.
    let Some(list) =
        host.run("xpu-smi", &["discovery", "-j"]).and_then(|text| serde_json::from_str::<List>(&text).ok())
    else {
        return Vec::new();
    };
    list.device_list
        .iter()
        .filter_map(|entry| host.run("xpu-smi", &["discovery", "-d", &entry.device_id.to_string(), "-j"]))
        .filter_map(|text| serde_json::from_str(&text).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::host::{Platform, recorded::Recorded};
    use super::*;

    fn arc() -> Recorded {
        Recorded::new(Platform::Linux)
            .file("/sys/class/drm/card0/device/vendor", "0x8086\n")
            .file("/sys/class/drm/card0/device/device", "0x56a0\n")
            .file("/sys/class/drm/card0/device/uevent", "DRIVER=i915\nPCI_SLOT_NAME=0000:03:00.0\n")
    }

    #[test]
    fn the_pci_table_names_it() {
        let host = arc().file("/usr/share/misc/pci.ids", "8086  Intel Corporation\n\t56a0  DG2 [Arc A770]\n");
        let gpus = gpus(&host);
        assert_eq!(gpus[0].name, "Arc A770");
        assert_eq!(gpus[0].driver.as_deref(), Some("i915"));
        assert_eq!(gpus[0].memory_gib, None);
    }

    #[test]
    fn xpu_smi_knows_its_memory() {
        let host = arc()
            .command(
                "xpu-smi discovery -j",
                r#"{"device_list":[{"device_id":0,"device_name":"Intel(R) Arc(TM) A770 Graphics"}]}"#,
            )
            .command(
                "xpu-smi discovery -d 0 -j",
                r#"{"device_id":0,"device_name":"Intel(R) Arc(TM) A770 Graphics","memory_physical_size_byte":"17079205888",
                    "pci_bdf_address":"0000:03:00.0","serial_number":"SECRET","uuid":"00000000-0000"}"#,
            );
        let gpus = gpus(&host);
        assert_eq!(gpus[0].name, "Intel(R) Arc(TM) A770 Graphics");
        assert!((gpus[0].memory_gib.unwrap() - 15.91).abs() < 0.01);
    }

    #[test]
    fn without_any_table_the_number_is_the_name() {
        assert_eq!(gpus(&arc())[0].name, "Intel graphics 0x56a0");
        assert!(gpus(&Recorded::new(Platform::Linux)).is_empty());
    }
}
