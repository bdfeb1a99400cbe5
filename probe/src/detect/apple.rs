//! Macs: `sysctl`, `system_profiler`, `sw_vers`, `pmset`.
//!
//! `system_profiler` prints serial numbers and the machine's UUID beside what we want; they are left unread.

use data::fingerprint::{Cpu, Enclosure, Fingerprint, Gpu, HostState, Os, PowerSource, Ram};
use estimator::units::GIB;
use serde::Deserialize;

use super::host::Host;

/// A Mac's fingerprint.
pub fn fingerprint(host: &dyn Host) -> Fingerprint {
    let sysctl = Sysctl::ask(host);
    let profile = Profile::ask(host);
    let mut fingerprint = Fingerprint {
        gpus: profile.gpus(&sysctl),
        cpu: sysctl.cpu(),
        ram: Ram {
            total_gib: sysctl.number("hw.memsize").unwrap_or(0.0) / GIB,
            available_gib: host.run("vm_stat", &[]).and_then(|text| available_gib(&text)),
            ..Ram::default()
        },
        os: Os {
            family: "macos".to_owned(),
            name: host
                .run("sw_vers", &["-productVersion"])
                .map_or_else(|| "macOS".to_owned(), |version| format!("macOS {}", version.trim())),
            kernel: sysctl.text("kern.osrelease").unwrap_or_default(),
            architecture: if sysctl.number("hw.optional.arm64") == Some(1.0) { "aarch64" } else { "x86_64" }
                .to_owned(),
        },
        enclosure: Enclosure {
            virtual_machine: (sysctl.number("kern.hv_vmm_present") == Some(1.0))
                .then(|| "hypervisor".to_owned()),
            ..Enclosure::default()
        },
        ..Fingerprint::default()
    };
    if let Some(metal) = profile.metal() {
        fingerprint.stacks.insert("metal".to_owned(), metal);
    }
    fingerprint
}

/// How a Mac is doing.
pub fn state(host: &dyn Host) -> HostState {
    HostState {
        power: host.run("pmset", &["-g", "batt"]).and_then(|text| power_source(&text)),
        cpu_speed_limit_percent: host.run("pmset", &["-g", "therm"]).and_then(|text| speed_limit(&text)),
        load_average: host
            .run("sysctl", &["-n", "vm.loadavg"])
            .and_then(|text| text.split_whitespace().nth(1)?.replace(',', ".").parse().ok()),
        ..HostState::default()
    }
}

/// `sysctl` answers, one `name: value` a line.
struct Sysctl(String);

impl Sysctl {
    fn ask(host: &dyn Host) -> Sysctl {
        let names = ["hw", "machdep.cpu", "kern.osrelease", "kern.hv_vmm_present", "iogpu.wired_limit_mb"];
        // One name that a system does not know spoils the answer's status, so each is asked alone.
        Sysctl(names.iter().filter_map(|name| host.run("sysctl", &[name])).collect::<Vec<_>>().join("\n"))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.lines().find_map(|line| {
            let (key, value) = line.split_once(':').or_else(|| line.split_once('='))?;
            (key.trim() == name && !value.trim().is_empty()).then(|| value.trim().to_owned())
        })
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok()
    }

    fn cpu(&self) -> Cpu {
        let count = |name: &str| self.number(name).map(|value| value as u32);
        let kib = |name: &str| self.number(name).map(|bytes| (bytes / 1024.0) as u32);
        let cores = count("hw.physicalcpu").unwrap_or(0);
        let mut cpu = Cpu {
            model: self.text("machdep.cpu.brand_string").unwrap_or_default(),
            sockets: count("hw.packages").unwrap_or(1),
            cores,
            threads: count("hw.logicalcpu").unwrap_or(cores),
            max_clock_mhz: self.number("hw.cpufrequency_max").map(|hertz| hertz / 1e6),
            numa_nodes: 1,
            ..Cpu::default()
        };
        // Performance cores first, whose caches are the larger ones.
        for (level, names) in [
            ("1", ["hw.perflevel0.l1dcachesize", "hw.l1dcachesize"]),
            ("2", ["hw.perflevel0.l2cachesize", "hw.l2cachesize"]),
            ("3", ["hw.perflevel0.l3cachesize", "hw.l3cachesize"]),
        ] {
            if let Some(size) = names.iter().find_map(|name| kib(name)).filter(|size| *size > 0) {
                cpu.cache_kib.insert(level.to_owned(), size);
            }
        }
        for (name, feature) in [
            ("hw.optional.neon", "neon"),
            ("hw.optional.arm.FEAT_DotProd", "dotprod"),
            ("hw.optional.arm.FEAT_I8MM", "i8mm"),
            ("hw.optional.arm.FEAT_BF16", "bf16"),
            ("hw.optional.arm.FEAT_SME", "sme"),
            ("hw.optional.avx2_0", "avx2"),
        ] {
            if self.number(name) == Some(1.0) {
                cpu.features.push(feature.to_owned());
            }
        }
        cpu
    }
}

/// The part of `system_profiler -json` that we read.
#[derive(Debug, Default, Deserialize)]
struct Profile {
    #[serde(default, rename = "SPDisplaysDataType")]
    displays: Vec<Display>,
}

#[derive(Debug, Default, Deserialize)]
struct Display {
    #[serde(default)]
    sppci_model: String,
    #[serde(default)]
    sppci_cores: Option<String>,
    #[serde(default)]
    spdisplays_vendor: String,
    #[serde(default)]
    spdisplays_vram: Option<String>,
    #[serde(default, alias = "spdisplays_metal")]
    spdisplays_mtlgpufamilysupport: Option<String>,
}

impl Profile {
    fn ask(host: &dyn Host) -> Profile {
        host.run("system_profiler", &["SPDisplaysDataType", "-json"])
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default()
    }

    fn metal(&self) -> Option<String> {
        // `spdisplays_metal4`, `spdisplays_supported`
        let text = self.displays.iter().find_map(|display| display.spdisplays_mtlgpufamilysupport.clone())?;
        Some(text.trim_start_matches("spdisplays_").trim_start_matches("metal").to_owned())
    }

    fn gpus(&self, sysctl: &Sysctl) -> Vec<Gpu> {
        let mut gpus: Vec<Gpu> = self
            .displays
            .iter()
            .map(|display| {
                let apple =
                    display.spdisplays_vendor.contains("Apple") || display.sppci_model.starts_with("Apple");
                Gpu {
                    name: display.sppci_model.clone(),
                    maker: maker(&display.spdisplays_vendor, apple).to_owned(),
                    memory_gib: display.spdisplays_vram.as_deref().and_then(size_gib),
                    // What the user allowed by hand; without it, the estimator's rule says how much.
                    shared_memory_gib: sysctl
                        .number("iogpu.wired_limit_mb")
                        .filter(|mib| apple && *mib > 0.0)
                        .map(|mib| mib / 1024.0),
                    cores: display.sppci_cores.as_deref().and_then(|cores| cores.parse().ok()),
                    ..Gpu::default()
                }
            })
            .collect();
        // A session without a display (ssh into a Mac mini) may list none.
        let chip = sysctl.text("machdep.cpu.brand_string").unwrap_or_default();
        if gpus.is_empty() && chip.starts_with("Apple") {
            gpus.push(Gpu { name: chip, maker: "apple".to_owned(), ..Gpu::default() });
        }
        gpus
    }
}

fn maker(vendor: &str, apple: bool) -> &'static str {
    match vendor.to_ascii_lowercase() {
        _ if apple => "apple",
        v if v.contains("amd") || v.contains("ati") => "amd",
        v if v.contains("intel") => "intel",
        v if v.contains("nvidia") => "nvidia",
        _ => "",
    }
}

/// `8 GB`, `1536 MB`.
fn size_gib(text: &str) -> Option<f64> {
    let (value, unit) = text.trim().split_once(' ')?;
    let value: f64 = value.parse().ok()?;
    match unit {
        "GB" => Some(value),
        "MB" => Some(value / 1024.0),
        _ => None,
    }
}

/// Pages that a new program could have, of `vm_stat`.
fn available_gib(text: &str) -> Option<f64> {
    let page_bytes: f64 = text.split("page size of ").nth(1)?.split(' ').next()?.parse().ok()?;
    let pages = |name: &str| -> f64 {
        text.lines()
            .find_map(|line| {
                line.strip_prefix(name)?.trim_start_matches(':').trim().trim_end_matches('.').parse().ok()
            })
            .unwrap_or(0.0)
    };
    let free = pages("Pages free") + pages("Pages inactive") + pages("Pages speculative");
    Some(free * page_bytes / GIB)
}

fn power_source(text: &str) -> Option<PowerSource> {
    if text.contains("'Battery Power'") {
        Some(PowerSource::Battery)
    } else if text.contains("'AC Power'") {
        Some(PowerSource::Ac)
    } else {
        None
    }
}

/// `CPU_Speed_Limit = 80`; Apple Silicon says in words that nothing was recorded, which is no limit.
fn speed_limit(text: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "CPU_Speed_Limit").then(|| value.trim().parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::super::host::{Platform, recorded::Recorded};
    use super::*;

    fn m4_max() -> Recorded {
        Recorded::new(Platform::MacOs)
            .command(
                "sysctl hw",
                "hw.packages: 1\nhw.physicalcpu: 16\nhw.logicalcpu: 16\nhw.memsize: 137438953472\n\
                 hw.optional.arm64: 1\nhw.optional.neon: 1\nhw.optional.arm.FEAT_I8MM: 1\n\
                 hw.perflevel0.l1dcachesize: 131072\nhw.perflevel0.l2cachesize: 16777216\nhw.l2cachesize: 4194304\n",
            )
            .command("sysctl machdep.cpu", "machdep.cpu.brand_string: Apple M4 Max\n")
            .command("sysctl kern.osrelease", "kern.osrelease: 25.1.0\n")
            .command("sysctl kern.hv_vmm_present", "kern.hv_vmm_present: 0\n")
            .command("sysctl iogpu.wired_limit_mb", "iogpu.wired_limit_mb: 0\n")
            .command("sw_vers -productVersion", "26.1\n")
            .command(
                "system_profiler SPDisplaysDataType -json",
                r#"{"SPDisplaysDataType":[{"_name":"Apple M4 Max","spdisplays_mtlgpufamilysupport":"spdisplays_metal4",
                    "spdisplays_ndrvs":[{"_name":"Color LCD","_spdisplays_display-serial-number":"SECRET"}],
                    "spdisplays_vendor":"sppci_vendor_Apple","sppci_bus":"spdisplays_builtin","sppci_cores":"40",
                    "sppci_device_type":"spdisplays_gpu","sppci_model":"Apple M4 Max"}]}"#,
            )
            .command(
                "vm_stat",
                "Mach Virtual Memory Statistics: (page size of 16384 bytes)\nPages free:                  3211264.\n\
                 Pages active:                1500000.\nPages inactive:              1000000.\nPages speculative:            100000.\n",
            )
    }

    #[test]
    fn an_m4_max_with_forty_cores() {
        let fingerprint = fingerprint(&m4_max());
        assert_eq!(fingerprint.gpus[0].name, "Apple M4 Max");
        assert_eq!(fingerprint.gpus[0].cores, Some(40));
        assert_eq!(fingerprint.gpus[0].shared_memory_gib, None);
        assert_eq!(fingerprint.ram.total_gib, 128.0);
        assert!((fingerprint.ram.available_gib.unwrap() - 65.78).abs() < 0.01);
        assert_eq!(fingerprint.cpu.cores, 16);
        assert_eq!(fingerprint.cpu.cache_kib["2"], 16384);
        assert_eq!(fingerprint.cpu.features, ["neon", "i8mm"]);
        assert_eq!(fingerprint.os.name, "macOS 26.1");
        assert_eq!(fingerprint.stacks["metal"], "4");
        assert_eq!(fingerprint.enclosure, Enclosure::default());
    }

    #[test]
    fn a_raised_wired_limit_is_seen() {
        let host = m4_max().command("sysctl iogpu.wired_limit_mb", "iogpu.wired_limit_mb: 122880\n");
        assert_eq!(fingerprint(&host).gpus[0].shared_memory_gib, Some(120.0));
    }

    #[test]
    fn a_mac_without_a_display_still_has_its_chip() {
        let host =
            m4_max().command("system_profiler SPDisplaysDataType -json", r#"{"SPDisplaysDataType":[]}"#);
        assert_eq!(fingerprint(&host).gpus[0].name, "Apple M4 Max");
    }

    #[test]
    fn power_and_heat() {
        let battery = "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)\t81%; discharging;\n";
        assert_eq!(power_source(battery), Some(PowerSource::Battery));
        assert_eq!(power_source("Now drawing from 'AC Power'\n"), Some(PowerSource::Ac));
        let hot = "Note: No thermal warning level has been recorded\n\tCPU_Scheduler_Limit \t= 100\n\tCPU_Speed_Limit \t= 62\n";
        assert_eq!(speed_limit(hot), Some(62));
        assert_eq!(speed_limit("Note: No thermal warning level has been recorded\n"), None);
        let host = Recorded::new(Platform::MacOs).command("sysctl -n vm.loadavg", "{ 2,31 2.10 1.98 }\n");
        assert_eq!(state(&host).load_average, Some(2.31));
    }
}
