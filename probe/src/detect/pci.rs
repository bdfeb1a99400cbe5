//! Graphics devices as the Linux kernel lists them under `/sys/class/drm`, and their names from the system's PCI table.

use super::host::Host;

/// One entry of the kernel's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Card {
    /// Its folder in `/sys`.
    pub device: String,
    /// `0x10de` and so on.
    pub vendor: String,
    /// Product number, `0x2684`.
    pub product: String,
    /// Revision, `0xa1`.
    pub revision: String,
    /// `0000:01:00.0`, or empty on a chip without PCI.
    pub pci_bus: String,
}

/// The cards of a vendor.
pub(super) fn cards(host: &dyn Host, vendor: &str) -> Vec<Card> {
    let mut cards: Vec<Card> = host
        .list("/sys/class/drm")
        .iter()
        // card0 is a device, card0-DP-1 one of its sockets.
        .filter(|name| {
            name.strip_prefix("card").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        })
        .filter_map(|name| card(host, &format!("/sys/class/drm/{name}/device")))
        .filter(|card| card.vendor == vendor)
        .collect();
    cards.sort_by(|a, b| a.pci_bus.cmp(&b.pci_bus));
    cards
}

fn card(host: &dyn Host, device: &str) -> Option<Card> {
    let line = |name: &str| host.line(&format!("{device}/{name}"));
    let bus = host.read(&format!("{device}/uevent")).and_then(|text| {
        text.lines().find_map(|line| line.strip_prefix("PCI_SLOT_NAME=").map(|bus| bus.trim().to_owned()))
    });
    Some(Card {
        vendor: line("vendor")?,
        product: line("device").unwrap_or_default(),
        revision: line("revision").unwrap_or_default(),
        pci_bus: bus.unwrap_or_default(),
        device: device.to_owned(),
    })
}

/// The name in the system's table of PCI numbers, where one is installed.
pub(super) fn name(host: &dyn Host, card: &Card) -> Option<String> {
    let text = host.read("/usr/share/misc/pci.ids").or_else(|| host.read("/usr/share/hwdata/pci.ids"))?;
    look_up(&text, card.vendor.trim_start_matches("0x"), card.product.trim_start_matches("0x"))
}

/// Vendors stand at the line's start, their products behind one tab, sub-systems behind two.
fn look_up(text: &str, vendor: &str, product: &str) -> Option<String> {
    let mut inside = false;
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if !line.starts_with('\t') {
            if inside {
                return None;
            }
            inside = line.split("  ").next() == Some(vendor);
        } else if inside
            && let Some(entry) = line.strip_prefix('\t').and_then(|rest| rest.strip_prefix(product))
        {
            let name = entry.trim();
            // `AD102 [GeForce RTX 4090]`: the brackets hold the sold name.
            let sold = name.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(sold, _)| sold);
            return Some(sold.unwrap_or(name).to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::host::{Platform, recorded::Recorded};
    use super::*;

    const TABLE: &str = "# comment\n8086  Intel Corporation\n\t56a0  DG2 [Arc A770]\n\t\t8086 1020  Arc A770 card\n\
                         10de  NVIDIA Corporation\n\t2684  AD102 [GeForce RTX 4090]\n\t13c0  GM204\n";

    #[test]
    fn the_sold_name_is_in_brackets() {
        assert_eq!(look_up(TABLE, "10de", "2684").as_deref(), Some("GeForce RTX 4090"));
        assert_eq!(look_up(TABLE, "10de", "13c0").as_deref(), Some("GM204"));
        assert_eq!(look_up(TABLE, "8086", "56a0").as_deref(), Some("Arc A770"));
        assert_eq!(look_up(TABLE, "8086", "2684"), None);
        assert_eq!(look_up(TABLE, "1002", "744c"), None);
    }

    #[test]
    fn sockets_are_not_cards() {
        let host = Recorded::new(Platform::Linux)
            .file("/sys/class/drm/card0/device/vendor", "0x8086\n")
            .file("/sys/class/drm/card0-DP-1/device/vendor", "0x8086\n")
            .file("/sys/class/drm/renderD128/device/vendor", "0x8086\n");
        assert_eq!(cards(&host, "0x8086").len(), 1);
        assert!(cards(&host, "0x1002").is_empty());
    }
}
