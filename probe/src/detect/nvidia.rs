//! NVIDIA cards: the driver's own library where it loads, else what `nvidia-smi` prints.

use data::fingerprint::{Gpu, GpuState};

use super::host::Host;

/// The fields that the published method asks for, and two more that name the chip and its default limit.
const FIELDS: &str = "name,driver_version,vbios_version,pci.bus_id,memory.total,power.limit";
const FIELDS_NEWER: &str = ",power.default_limit,compute_cap";

const STATE_FIELDS: &str = "clocks.sm,clocks.mem,temperature.gpu,utilization.gpu,memory.used,power.draw,clocks_throttle_reasons.active";
/// The same question for drivers that renamed the last field (R535 on; R590 dropped the old name).
const STATE_FIELDS_RENAMED: &str =
    "clocks.sm,clocks.mem,temperature.gpu,utilization.gpu,memory.used,power.draw,clocks_event_reasons.active";

/// Reasons for a lower clock, by bit, as `nvmlClocksEventReasons` numbers them. Bit 0 (idle) and bit 1 (clocks set by
/// the user) slow nothing down that was not wanted.
const REASONS: &[(u64, &str)] = &[
    (0x04, "sw_power_cap"),
    (0x08, "hw_slowdown"),
    (0x10, "sync_boost"),
    (0x20, "sw_thermal_slowdown"),
    (0x40, "hw_thermal_slowdown"),
    (0x80, "hw_power_brake_slowdown"),
    (0x100, "display_clock_setting"),
];

/// Names of the reasons in a bit field.
pub(super) fn throttle_reasons(bits: u64) -> Vec<String> {
    REASONS.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| (*name).to_owned()).collect()
}

fn query(host: &dyn Host, fields: &str) -> Option<String> {
    host.run("nvidia-smi", &[&format!("--query-gpu={fields}"), "--format=csv,noheader,nounits"])
}

/// The cards that `nvidia-smi` lists.
pub fn gpus(host: &dyn Host) -> Vec<Gpu> {
    // A driver refuses the whole question over one field that it does not know.
    query(host, &format!("{FIELDS}{FIELDS_NEWER}"))
        .or_else(|| query(host, FIELDS))
        .map(|text| parse_gpus(&text))
        .unwrap_or_default()
}

/// The CUDA version that the driver brings, from the head of `nvidia-smi`'s table.
pub fn cuda_version(host: &dyn Host) -> Option<String> {
    parse_cuda_version(&host.run("nvidia-smi", &[])?)
}

/// How the cards are doing.
pub fn states(host: &dyn Host) -> Vec<GpuState> {
    let Some(text) = query(host, STATE_FIELDS_RENAMED).or_else(|| query(host, STATE_FIELDS)) else {
        return Vec::new();
    };
    let mut states = parse_states(&text);
    // The programs are listed for all cards together; with one card they are that card's.
    if let [only] = states.as_mut_slice() {
        only.programs = host
            .run("nvidia-smi", &["--query-compute-apps=pid", "--format=csv,noheader,nounits"])
            .map(|text| text.lines().filter(|line| line.trim().parse::<u32>().is_ok()).count() as u32);
    }
    states
}

/// A field of the CSV; `[N/A]`, `[Not Supported]` and their like are no value.
fn field<'a>(fields: &[&'a str], index: usize) -> Option<&'a str> {
    let text = fields.get(index)?.trim();
    (!text.is_empty() && !text.starts_with('[') && text != "N/A").then_some(text)
}

fn number<T: std::str::FromStr>(fields: &[&str], index: usize) -> Option<T> {
    field(fields, index)?.parse().ok()
}

fn parse_gpus(text: &str) -> Vec<Gpu> {
    text.lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            // "No devices were found" and other sentences have no second column.
            (fields.len() >= 2).then(|| Gpu {
                name: field(&fields, 0).unwrap_or("NVIDIA GPU").to_owned(),
                maker: "nvidia".to_owned(),
                driver: field(&fields, 1).map(str::to_owned),
                vbios: field(&fields, 2).map(str::to_owned),
                pci_bus: field(&fields, 3).map(str::to_owned),
                memory_gib: number::<f64>(&fields, 4).map(|mib| mib / 1024.0),
                power_limit_w: number(&fields, 5).filter(|watts| *watts > 0.0),
                power_limit_default_w: number(&fields, 6).filter(|watts| *watts > 0.0),
                architecture: field(&fields, 7).map(str::to_owned),
                ..Gpu::default()
            })
        })
        .collect()
}

fn parse_cuda_version(text: &str) -> Option<String> {
    let rest = text.split("CUDA Version:").nth(1)?;
    let version: String = rest.trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    (!version.is_empty()).then_some(version)
}

fn parse_states(text: &str) -> Vec<GpuState> {
    text.lines()
        .map(|line| line.split(',').collect::<Vec<_>>())
        .filter(|fields| fields.len() >= 7)
        .map(|fields| GpuState {
            clock_mhz: number(&fields, 0),
            memory_clock_mhz: number(&fields, 1),
            temperature_c: number(&fields, 2),
            utilisation_percent: number(&fields, 3),
            memory_used_gib: number::<f64>(&fields, 4).map(|mib| mib / 1024.0),
            power_w: number(&fields, 5),
            programs: None,
            throttle: field(&fields, 6)
                .and_then(|hex| u64::from_str_radix(hex.trim_start_matches("0x"), 16).ok())
                .map(throttle_reasons)
                .unwrap_or_default(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::host::{Platform, recorded::Recorded};
    use super::*;

    const ASK: &str =
        "nvidia-smi --query-gpu=name,driver_version,vbios_version,pci.bus_id,memory.total,power.limit";

    #[test]
    fn two_unequal_cards() {
        let host = Recorded::new(Platform::Linux).command(
            ASK,
            "NVIDIA GeForce RTX 3090, 570.133.07, 94.02.26.C0.1B, 00000000:01:00.0, 24576, 300.00, 350.00, 8.6\n\
             NVIDIA GeForce RTX 3060, 570.133.07, 94.04.71.00.67, 00000000:05:00.0, 12288, 170.00, 170.00, 8.6\n",
        );
        let gpus = gpus(&host);
        assert_eq!(gpus.len(), 2);
        assert_eq!(gpus[0].name, "NVIDIA GeForce RTX 3090");
        assert_eq!(gpus[0].memory_gib, Some(24.0));
        assert_eq!(gpus[0].power_limit_w, Some(300.0));
        assert_eq!(gpus[0].power_limit_default_w, Some(350.0));
        assert_eq!(gpus[0].vbios.as_deref(), Some("94.02.26.C0.1B"));
        assert_eq!(gpus[1].pci_bus.as_deref(), Some("00000000:05:00.0"));
        assert_eq!(gpus[1].architecture.as_deref(), Some("8.6"));
    }

    #[test]
    fn a_laptop_card_keeps_its_limit_to_itself() {
        let gpus = parse_gpus(
            "NVIDIA GeForce RTX 4060 Laptop GPU, 551.86, 95.07.24.00.8A, 00000000:01:00.0, 8188, [N/A], [N/A], 8.9\r\n",
        );
        assert_eq!(gpus[0].name, "NVIDIA GeForce RTX 4060 Laptop GPU");
        assert_eq!(gpus[0].power_limit_w, None);
        assert_eq!(gpus[0].architecture.as_deref(), Some("8.9"));
    }

    #[test]
    fn a_unified_chip_has_no_memory_of_its_own() {
        let gpus = parse_gpus(
            "NVIDIA GB10, 580.95.05, 9A.0B.18.00.01, 0000000F:01:00.0, [N/A], [N/A], [N/A], 12.1\n",
        );
        assert_eq!(gpus[0].memory_gib, None);
        assert_eq!(gpus[0].name, "NVIDIA GB10");
    }

    #[test]
    fn an_old_driver_is_asked_again_with_fewer_fields() {
        struct Old;
        impl Host for Old {
            fn platform(&self) -> Platform {
                Platform::Linux
            }
            fn run(&self, _: &str, arguments: &[&str]) -> Option<String> {
                // Status 2: Field "compute_cap" is not a valid field to query.
                (!arguments[0].contains("compute_cap")).then(|| {
                    "Tesla P40, 460.106.00, 86.02.23.00.01, 00000000:84:00.0, 22919, 250.00\n".to_owned()
                })
            }
            fn read(&self, _: &str) -> Option<String> {
                None
            }
            fn list(&self, _: &str) -> Vec<String> {
                Vec::new()
            }
        }
        let gpus = gpus(&Old);
        assert_eq!(gpus[0].name, "Tesla P40");
        assert_eq!(gpus[0].power_limit_default_w, None);
    }

    #[test]
    fn no_card_is_an_empty_list() {
        assert!(parse_gpus("No devices were found\n").is_empty());
        assert!(gpus(&Recorded::new(Platform::Linux)).is_empty());
    }

    #[test]
    fn the_cuda_version_is_in_the_head_of_the_table() {
        let head =
            "| NVIDIA-SMI 580.82.09              Driver Version: 580.82.09      CUDA Version: 13.0     |\n";
        assert_eq!(parse_cuda_version(head).as_deref(), Some("13.0"));
        assert_eq!(parse_cuda_version("NVIDIA-SMI has failed"), None);
    }

    #[test]
    fn throttling_is_read_from_the_bits() {
        let host = Recorded::new(Platform::Linux)
            .command(
                "nvidia-smi --query-gpu=clocks.sm,clocks.mem",
                "1695, 9501, 83, 99, 21874, 349.87, 0x0000000000000024\n",
            )
            .command("nvidia-smi --query-compute-apps=pid", "4711\n5012\n");
        let states = states(&host);
        assert_eq!(states[0].throttle, ["sw_power_cap", "sw_thermal_slowdown"]);
        assert_eq!(states[0].temperature_c, Some(83));
        assert_eq!(states[0].programs, Some(2));
        assert_eq!(throttle_reasons(0x1), Vec::<String>::new());
    }
}
