//! The processor on Linux: `/proc/cpuinfo` and the cache and NUMA folders of `/sys`, `lscpu` for ARM's names.

use std::collections::BTreeSet;

use data::fingerprint::Cpu;

use super::host::Host;

/// The instruction sets that inference kernels choose between, as the kernel spells them.
const FEATURES: &[&str] = &[
    "avx",
    "avx2",
    "f16c",
    "fma",
    "avx_vnni",
    "avx512f",
    "avx512bw",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "asimddp",
    "asimdhp",
    "i8mm",
    "bf16",
    "sve",
    "sve2",
    "sme",
    "vxe2",
    "v",
];

/// The processor of this Linux machine.
pub fn cpu(host: &dyn Host) -> Cpu {
    let mut cpu = host.read("/proc/cpuinfo").map(|text| parse_cpuinfo(&text)).unwrap_or_default();
    if cpu.model.is_empty() {
        cpu.model = model_elsewhere(host).unwrap_or_default();
    }
    cpu.max_clock_mhz =
        host.number("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq").map(|khz| khz / 1000.0);
    cpu.cache_kib = caches(host);
    let nodes = host.list("/sys/devices/system/node").iter().filter(|name| is_numbered(name, "node")).count();
    cpu.numa_nodes = nodes.max(1) as u32;
    cpu
}

fn is_numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// ARM kernels list numbers instead of a name: `lscpu` translates them, small boards name themselves.
fn model_elsewhere(host: &dyn Host) -> Option<String> {
    let from_lscpu = host.run("lscpu", &[]).and_then(|text| {
        let names: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Model name:"))
            .map(str::trim)
            .filter(|name| !name.is_empty() && *name != "-")
            .collect();
        // Big and little cores are listed apart.
        (!names.is_empty()).then(|| names.into_iter().collect::<Vec<_>>().join(" + "))
    });
    from_lscpu
        .or_else(|| host.line("/proc/device-tree/model").map(|name| name.trim_end_matches('\0').to_owned()))
}

fn parse_cpuinfo(text: &str) -> Cpu {
    let mut cpu = Cpu { numa_nodes: 1, ..Cpu::default() };
    let mut sockets = BTreeSet::new();
    let mut cores = BTreeSet::new();
    let mut socket = 0u32;
    let mut features = BTreeSet::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match key.trim() {
            "processor" if value.bytes().all(|b| b.is_ascii_digit()) => cpu.threads += 1,
            "model name" | "cpu model" if cpu.model.is_empty() => cpu.model = value.to_owned(),
            "physical id" => {
                socket = value.parse().unwrap_or(0);
                sockets.insert(socket);
            }
            "core id" => {
                cores.insert((socket, value.parse::<u32>().unwrap_or(0)));
            }
            "flags" | "Features" if features.is_empty() => {
                let known: BTreeSet<&str> = value.split_whitespace().collect();
                features = FEATURES.iter().copied().filter(|feature| known.contains(feature)).collect();
            }
            _ => {}
        }
    }
    cpu.sockets = sockets.len().max(1) as u32;
    // Without topology (ARM, some virtual machines) every thread counts as a core.
    cpu.cores = if cores.is_empty() { cpu.threads } else { cores.len() as u32 };
    cpu.features =
        FEATURES.iter().filter(|feature| features.contains(*feature)).map(|f| (*f).to_owned()).collect();
    cpu
}

/// Data and unified caches of the first processor by level, in KiB.
fn caches(host: &dyn Host) -> std::collections::BTreeMap<String, u32> {
    let folder = "/sys/devices/system/cpu/cpu0/cache";
    host.list(folder)
        .iter()
        .filter(|name| is_numbered(name, "index"))
        .filter_map(|name| {
            let read = |file: &str| host.line(&format!("{folder}/{name}/{file}"));
            (read("type")? != "Instruction").then_some(())?;
            Some((read("level")?, size_kib(&read("size")?)?))
        })
        .collect()
}

/// `32K`, `32768K`, `1M`.
fn size_kib(text: &str) -> Option<u32> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let value: u32 = digits.parse().ok()?;
    match &text[digits.len()..] {
        "K" | "KB" => Some(value),
        "M" | "MB" => value.checked_mul(1024),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::host::{Platform, recorded::Recorded};
    use super::*;

    fn thread(processor: u32, socket: u32, core: u32) -> String {
        format!(
            "processor\t: {processor}\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 9354 32-Core Processor\n\
             physical id\t: {socket}\ncore id\t\t: {core}\ncpu MHz\t\t: 3250.0\n\
             flags\t\t: fpu sse2 avx avx2 fma f16c avx512f avx512_vnni hypervisor\n\n"
        )
    }

    #[test]
    fn two_sockets_with_two_threads_a_core() {
        let text: String = (0..8).map(|n| thread(n, n / 2 % 2, n / 4)).collect();
        let cpu = parse_cpuinfo(&text);
        assert_eq!((cpu.sockets, cpu.cores, cpu.threads), (2, 4, 8));
        assert_eq!(cpu.model, "AMD EPYC 9354 32-Core Processor");
        assert_eq!(cpu.features, ["avx", "avx2", "f16c", "fma", "avx512f", "avx512_vnni"]);
    }

    #[test]
    fn an_arm_board_is_named_by_lscpu() {
        let host = Recorded::new(Platform::Linux)
            .file(
                "/proc/cpuinfo",
                "processor\t: 0\nBogoMIPS\t: 48.00\nFeatures\t: fp asimd asimddp i8mm bf16\nCPU part\t: 0xd40\n\n\
                 processor\t: 1\nFeatures\t: fp asimd\n\nHardware\t: BCM2835\nSerial\t\t: 10000000deadbeef\n",
            )
            .command("lscpu ", "Architecture: aarch64\nVendor ID: ARM\n  Model name: Cortex-A76\n  Model name: Cortex-A55\n");
        let cpu = cpu(&host);
        assert_eq!(cpu.model, "Cortex-A55 + Cortex-A76");
        assert_eq!((cpu.cores, cpu.threads, cpu.sockets), (2, 2, 1));
        assert_eq!(cpu.features, ["asimd", "asimddp", "i8mm", "bf16"]);
        assert!(!format!("{cpu:?}").contains("deadbeef"));
    }

    #[test]
    fn caches_and_nodes_come_from_the_kernel() {
        let mut host = Recorded::new(Platform::Linux).file("/proc/cpuinfo", &thread(0, 0, 0));
        for (index, kind, level, size) in [
            (0, "Data", 1, "32K"),
            (1, "Instruction", 1, "64K"),
            (2, "Unified", 2, "1024K"),
            (3, "Unified", 3, "32M"),
        ] {
            let folder = format!("/sys/devices/system/cpu/cpu0/cache/index{index}");
            host = host
                .file(&format!("{folder}/type"), kind)
                .file(&format!("{folder}/level"), &level.to_string())
                .file(&format!("{folder}/size"), size);
        }
        let host = host
            .file("/sys/devices/system/node/node0/cpulist", "0-31")
            .file("/sys/devices/system/node/node1/cpulist", "32-63")
            .file("/sys/devices/system/node/online", "0-1")
            .file("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "3800000\n");
        let cpu = cpu(&host);
        let expected = [("1", 32), ("2", 1024), ("3", 32768)].map(|(level, kib)| (level.to_owned(), kib));
        assert_eq!(cpu.cache_kib, expected.into());
        assert_eq!(cpu.numa_nodes, 2);
        assert_eq!(cpu.max_clock_mhz, Some(3800.0));
    }

    #[test]
    fn nothing_to_read_is_an_unknown_processor() {
        let cpu = cpu(&Recorded::new(Platform::Linux));
        assert_eq!((cpu.model.as_str(), cpu.threads, cpu.numa_nodes), ("", 0, 1));
    }
}
