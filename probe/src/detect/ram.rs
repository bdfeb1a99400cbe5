//! Memory on Linux: how much (`/proc/meminfo`), and where the firmware tells, in which channels and how fast.

use std::collections::BTreeSet;

use data::fingerprint::Ram;
use estimator::units::GIB;

use super::host::Host;

/// Memory of this Linux machine, whole; a container's limit is in the enclosure.
pub fn ram(host: &dyn Host) -> Ram {
    let text = host.read("/proc/meminfo").unwrap_or_default();
    let mut ram = Ram {
        total_gib: kib(&text, "MemTotal").unwrap_or(0.0) * 1024.0 / GIB,
        available_gib: kib(&text, "MemAvailable").map(|kib| kib * 1024.0 / GIB),
        ..Ram::default()
    };
    // Needs no root where it is readable; elsewhere `dmidecode` refuses and the fields stay empty.
    if let Some(modules) = host.run("dmidecode", &["-t", "17"]).map(|text| parse_modules(&text)) {
        modules.describe(&mut ram);
    }
    if ram.channels.is_none() {
        ram.channels = edac_channels(host);
    }
    ram
}

fn kib(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// What the firmware says of the modules that are plugged in. Serial and part numbers are left unread.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Modules {
    /// Distinct channel names; empty where the slots' names tell none.
    pub channels: BTreeSet<String>,
    /// Modules plugged in.
    pub count: u32,
    /// Transfers in millions a second, the slowest module's.
    pub speed_mt_s: Option<u32>,
    /// `DDR5` and so on.
    pub kind: Option<String>,
}

impl Modules {
    /// Fills in what is known.
    pub fn describe(&self, ram: &mut Ram) {
        if self.count == 0 {
            return;
        }
        // Boards that name no channels: two modules in a desktop are two channels, but four may be two or four.
        ram.channels = match (self.channels.len() as u32, self.count) {
            (0, count @ (1 | 2)) => Some(count),
            (0, _) => None,
            (channels, _) => Some(channels),
        };
        ram.speed_mt_s = self.speed_mt_s;
        ram.kind.clone_from(&self.kind);
    }

    /// One more module.
    pub fn add(&mut self, slot: &str, bank: &str, speed_mt_s: Option<u32>, kind: Option<&str>) {
        self.count += 1;
        if let Some(channel) = channel(bank).or_else(|| channel(slot)) {
            self.channels.insert(channel);
        }
        self.speed_mt_s = match (self.speed_mt_s, speed_mt_s) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        if self.kind.is_none() {
            self.kind = kind.map(str::to_owned);
        }
    }
}

/// The channel in a slot's name: `P0 CHANNEL A`, `ChannelA-DIMM0`, `Controller1-ChannelB-DIMM0`, `DIMM_A1`.
fn channel(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    if let Some(at) = upper.find("CHANNEL") {
        let letter = upper[at + "CHANNEL".len()..].chars().find(char::is_ascii_alphanumeric)?;
        // Two controllers (or sockets) with a channel A each are two channels.
        return Some(format!("{}{letter}", &upper[..at]));
    }
    let rest = upper.strip_prefix("DIMM")?.trim_start_matches(['_', ' ']);
    let letter = rest.chars().next().filter(char::is_ascii_alphabetic)?;
    rest[1..].chars().all(|c| c.is_ascii_digit()).then(|| letter.to_string())
}

fn parse_modules(text: &str) -> Modules {
    let mut modules = Modules::default();
    for block in text.split("Memory Device").skip(1) {
        let field = |name: &str| {
            block.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == name).then(|| value.trim().to_owned())
            })
        };
        // An empty slot: `Size: No Module Installed`.
        if !field("Size").is_some_and(|size| size.starts_with(|c: char| c.is_ascii_digit())) {
            continue;
        }
        let speed = ["Configured Memory Speed", "Configured Clock Speed", "Speed"]
            .iter()
            .find_map(|name| field(name)?.split(' ').next()?.parse().ok());
        let kind = field("Type").filter(|kind| kind.contains("DDR"));
        modules.add(
            &field("Locator").unwrap_or_default(),
            &field("Bank Locator").unwrap_or_default(),
            speed,
            kind.as_deref(),
        );
    }
    modules
}

/// Channels that the error-correction driver sees, on servers: `/sys/devices/system/edac/mc/mc0/dimm3/dimm_location`.
fn edac_channels(host: &dyn Host) -> Option<u32> {
    let root = "/sys/devices/system/edac/mc";
    let mut channels = BTreeSet::new();
    for controller in host.list(root).iter().filter(|name| name.starts_with("mc")) {
        for module in
            host.list(&format!("{root}/{controller}")).iter().filter(|name| name.starts_with("dimm"))
        {
            let read = |file: &str| host.line(&format!("{root}/{controller}/{module}/{file}"));
            let filled = read("size").and_then(|mib| mib.parse::<u64>().ok()).is_some_and(|mib| mib > 0);
            let words = read("dimm_location").unwrap_or_default();
            let mut words = words.split_whitespace().skip_while(|word| *word != "channel");
            if let (true, Some(channel)) = (filled, words.nth(1)) {
                channels.insert((controller.clone(), channel.to_owned()));
            }
        }
    }
    (!channels.is_empty()).then_some(channels.len() as u32)
}

#[cfg(test)]
mod tests {
    use super::super::host::{Platform, recorded::Recorded};
    use super::*;

    const DMIDECODE: &str = "# dmidecode 3.5\nHandle 0x0014, DMI type 17, 92 bytes\nMemory Device\n\tTotal Width: 64 bits\n\
        \tSize: 32 GB\n\tLocator: DIMM 1\n\tBank Locator: P0 CHANNEL A\n\tType: DDR5\n\tSpeed: 6000 MT/s\n\
        \tSerial Number: SECRET01\n\tConfigured Memory Speed: 5600 MT/s\n\n\
        Handle 0x0015, DMI type 17, 92 bytes\nMemory Device\n\tSize: No Module Installed\n\tLocator: DIMM 0\n\
        \tBank Locator: P0 CHANNEL A\n\tType: Unknown\n\n\
        Handle 0x0016, DMI type 17, 92 bytes\nMemory Device\n\tSize: 32 GB\n\tLocator: DIMM 1\n\
        \tBank Locator: P0 CHANNEL B\n\tType: DDR5\n\tSpeed: 6000 MT/s\n\tConfigured Memory Speed: 5600 MT/s\n";

    #[test]
    fn dual_channel_ddr5() {
        let host = Recorded::new(Platform::Linux)
            .file(
                "/proc/meminfo",
                "MemTotal:       65536000 kB\nMemFree: 1 kB\nMemAvailable:   52428800 kB\n",
            )
            .command("dmidecode -t 17", DMIDECODE);
        let ram = ram(&host);
        assert_eq!(ram.total_gib, 62.5);
        assert_eq!(ram.available_gib, Some(50.0));
        assert_eq!((ram.channels, ram.speed_mt_s, ram.kind.as_deref()), (Some(2), Some(5600), Some("DDR5")));
        assert_eq!(ram.nominal_gb_s(), Some(89.6));
    }

    #[test]
    fn channels_hide_in_slot_names() {
        for (name, expected) in [
            ("P0 CHANNEL A", Some("P0 A")),
            ("ChannelB-DIMM0", Some("B")),
            ("Controller1-ChannelA-DIMM0", Some("CONTROLLER1-A")),
            ("DIMM_A2", Some("A")),
            ("DIMMB1", Some("B")),
            ("DIMM 0", None),
            ("BANK 2", None),
            ("DIMM", None),
        ] {
            assert_eq!(channel(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn four_modules_of_unnamed_channels_stay_open() {
        let mut modules = Modules::default();
        for _ in 0..4 {
            modules.add("BANK 0", "", Some(3200), Some("DDR4"));
        }
        let mut ram = Ram::default();
        modules.describe(&mut ram);
        assert_eq!((ram.channels, ram.speed_mt_s), (None, Some(3200)));
    }

    #[test]
    fn a_server_tells_its_channels_through_edac() {
        let mut host = Recorded::new(Platform::Linux);
        for dimm in 0..8 {
            let folder = format!("/sys/devices/system/edac/mc/mc0/dimm{dimm}");
            host = host
                .file(&format!("{folder}/dimm_location"), &format!("channel {dimm} slot 0 "))
                .file(&format!("{folder}/size"), if dimm < 6 { "32768" } else { "0" });
        }
        assert_eq!(ram(&host).channels, Some(6));
    }

    #[test]
    fn no_firmware_no_claim() {
        let ram = ram(&Recorded::new(Platform::Linux).file("/proc/meminfo", "MemTotal: 1048576 kB\n"));
        assert_eq!((ram.total_gib, ram.channels, ram.nominal_gb_s()), (1.0, None, None));
    }
}
