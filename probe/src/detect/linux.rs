//! What only Linux is asked: distribution, kernel, container, virtual machine, power and governor.

use data::fingerprint::{Enclosure, HostState, Os, PowerSource};
use estimator::units::GIB;

use super::host::Host;

/// Distribution and kernel.
pub fn os(host: &dyn Host) -> Os {
    let release =
        host.read("/etc/os-release").or_else(|| host.read("/usr/lib/os-release")).unwrap_or_default();
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .map_or("Linux", |name| name.trim_matches(['"', '\'']));
    Os {
        family: "linux".to_owned(),
        name: name.to_owned(),
        kernel: host.line("/proc/sys/kernel/osrelease").unwrap_or_default(),
        architecture: std::env::consts::ARCH.to_owned(),
    }
}

/// Container, virtual machine and the limits that a control group sets.
pub fn enclosure(host: &dyn Host) -> Enclosure {
    Enclosure {
        virtual_machine: virtual_machine(host),
        container: container(host),
        cpu_limit: cpu_limit(host),
        memory_limit_gib: memory_limit_gib(host),
    }
}

fn virtual_machine(host: &dyn Host) -> Option<String> {
    let version = host.read("/proc/version").unwrap_or_default();
    if version.to_ascii_lowercase().contains("microsoft") {
        return Some("wsl2".to_owned());
    }
    let read = |name: &str| host.line(&format!("/sys/class/dmi/id/{name}")).unwrap_or_default();
    let board = format!("{} {}", read("sys_vendor"), read("product_name"));
    const KNOWN: &[(&str, &str)] = &[
        ("VMware", "vmware"),
        ("VirtualBox", "virtualbox"),
        ("Microsoft Corporation Virtual Machine", "hyper-v"),
        ("Amazon EC2", "ec2"),
        ("Google Compute Engine", "gce"),
        ("Parallels", "parallels"),
        ("Xen", "xen"),
        ("QEMU", "kvm"),
        ("KVM", "kvm"),
    ];
    let named = KNOWN.iter().find(|(mark, _)| board.contains(mark)).map(|(_, kind)| (*kind).to_owned());
    named.or_else(|| {
        let text = host.read("/proc/cpuinfo")?;
        let flags = text.lines().find(|line| line.starts_with("flags"))?;
        flags.split_whitespace().any(|flag| flag == "hypervisor").then(|| "hypervisor".to_owned())
    })
}

fn container(host: &dyn Host) -> Option<String> {
    if host.read("/.dockerenv").is_some() {
        return Some("docker".to_owned());
    }
    if host.read("/run/.containerenv").is_some() {
        return Some("podman".to_owned());
    }
    if host.read("/run/systemd/container").is_some() {
        return host.line("/run/systemd/container");
    }
    let groups = host.read("/proc/1/cgroup").unwrap_or_default();
    ["kubepods", "docker", "libpod", "lxc", "containerd"]
        .iter()
        .find(|mark| groups.contains(*mark))
        .map(|mark| if *mark == "kubepods" { "kubernetes" } else { mark }.to_owned())
}

/// `max 100000` is no limit, `400000 100000` is four processors (cgroup 2); two files in cgroup 1.
fn cpu_limit(host: &dyn Host) -> Option<f64> {
    if let Some(line) = host.line("/sys/fs/cgroup/cpu.max") {
        let (quota, period) = line.split_once(' ')?;
        return Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?);
    }
    let quota = host.number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").filter(|quota| *quota > 0.0)?;
    Some(quota / host.number("/sys/fs/cgroup/cpu/cpu.cfs_period_us")?)
}

fn memory_limit_gib(host: &dyn Host) -> Option<f64> {
    let bytes = host
        .number("/sys/fs/cgroup/memory.max")
        .or_else(|| host.number("/sys/fs/cgroup/memory/memory.limit_in_bytes"))?;
    // cgroup 1 writes "no limit" as the largest page-aligned number.
    (bytes < 9e18).then_some(bytes / GIB)
}

/// Power, governor and load.
pub fn state(host: &dyn Host) -> HostState {
    let governor = |file: &str| host.line(&format!("/sys/devices/system/cpu/cpu0/cpufreq/{file}"));
    HostState {
        power: power(host),
        governor: governor("scaling_governor"),
        scaling_driver: governor("scaling_driver"),
        load_average: host.line("/proc/loadavg").and_then(|line| line.split(' ').next()?.parse().ok()),
        ..HostState::default()
    }
}

/// How often heat has slowed a processor's cores or packages since the kernel started; none where it does not count.
pub fn throttle_count(host: &dyn Host) -> Option<f64> {
    const ROOT: &str = "/sys/devices/system/cpu";
    let is_cpu = |name: &String| name.strip_prefix("cpu").is_some_and(|n| n.parse::<u32>().is_ok());
    let cpus = host.list(ROOT).into_iter().filter(is_cpu);
    let counts = cpus.flat_map(|cpu| {
        ["core_throttle_count", "package_throttle_count"]
            .map(|name| host.number(&format!("{ROOT}/{cpu}/thermal_throttle/{name}")))
    });
    counts.flatten().reduce(|sum, count| sum + count)
}

/// On battery when a battery discharges; from the wall when one does not, or a mains supply says so.
fn power(host: &dyn Host) -> Option<PowerSource> {
    let root = "/sys/class/power_supply";
    let mut found = None;
    for name in host.list(root) {
        let read = |file: &str| host.line(&format!("{root}/{name}/{file}")).unwrap_or_default();
        // A mouse's battery is of scope "Device".
        if read("scope") == "Device" {
            continue;
        }
        match read("type").as_str() {
            "Battery" if read("status") == "Discharging" => return Some(PowerSource::Battery),
            "Battery" => found = Some(PowerSource::Ac),
            "Mains" if read("online") == "1" => found = Some(PowerSource::Ac),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::host::{Platform, recorded::Recorded};
    use super::*;

    fn linux() -> Recorded {
        Recorded::new(Platform::Linux)
    }

    #[test]
    fn distribution_and_kernel() {
        let host = linux()
            .file("/etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n")
            .file("/proc/sys/kernel/osrelease", "6.1.0-28-amd64\n");
        let os = os(&host);
        assert_eq!(
            (os.name.as_str(), os.kernel.as_str()),
            ("Debian GNU/Linux 12 (bookworm)", "6.1.0-28-amd64")
        );
    }

    #[test]
    fn enclosures() {
        let vendor = "/sys/class/dmi/id/sys_vendor";
        let product = "/sys/class/dmi/id/product_name";
        let machines: &[(Recorded, Option<&str>, Option<&str>)] = &[
            (linux(), None, None),
            (
                linux().file("/proc/version", "Linux version 5.15.167.4-microsoft-standard-WSL2"),
                Some("wsl2"),
                None,
            ),
            (
                linux().file(vendor, "QEMU").file(product, "Standard PC").file("/.dockerenv", ""),
                Some("kvm"),
                Some("docker"),
            ),
            (
                linux()
                    .file(vendor, "Microsoft Corporation")
                    .file(product, "Virtual Machine")
                    .file("/proc/1/cgroup", "0::/kubepods.slice/kubepods-besteffort.slice\n"),
                Some("hyper-v"),
                Some("kubernetes"),
            ),
            // A laptop by the same maker is a machine of its own.
            (linux().file(vendor, "Microsoft Corporation").file(product, "Surface Laptop 7"), None, None),
            (linux().file("/proc/cpuinfo", "flags\t\t: fpu avx2 hypervisor\n"), Some("hypervisor"), None),
        ];
        for (host, machine, container) in machines {
            let found = enclosure(host);
            assert_eq!(found.virtual_machine.as_deref(), *machine);
            assert_eq!(found.container.as_deref(), *container);
        }
    }

    #[test]
    fn control_groups_of_both_versions() {
        let two = linux()
            .file("/sys/fs/cgroup/cpu.max", "400000 100000\n")
            .file("/sys/fs/cgroup/memory.max", "8589934592\n");
        assert_eq!((enclosure(&two).cpu_limit, enclosure(&two).memory_limit_gib), (Some(4.0), Some(8.0)));
        let free =
            linux().file("/sys/fs/cgroup/cpu.max", "max 100000\n").file("/sys/fs/cgroup/memory.max", "max\n");
        assert_eq!((enclosure(&free).cpu_limit, enclosure(&free).memory_limit_gib), (None, None));
        let one = linux()
            .file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
            .file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!((enclosure(&one).cpu_limit, enclosure(&one).memory_limit_gib), (None, None));
    }

    #[test]
    fn a_laptop_off_the_wall_with_a_wireless_mouse() {
        let supply = "/sys/class/power_supply";
        let laptop = linux()
            .file(&format!("{supply}/AC/type"), "Mains\n")
            .file(&format!("{supply}/AC/online"), "0\n")
            .file(&format!("{supply}/BAT0/type"), "Battery\n")
            .file(&format!("{supply}/BAT0/status"), "Discharging\n");
        assert_eq!(state(&laptop).power, Some(PowerSource::Battery));
        let mouse = linux()
            .file(&format!("{supply}/hidpp_battery_0/type"), "Battery\n")
            .file(&format!("{supply}/hidpp_battery_0/scope"), "Device\n")
            .file(&format!("{supply}/hidpp_battery_0/status"), "Discharging\n");
        assert_eq!(state(&mouse).power, None);
    }

    #[test]
    fn heat_is_counted_by_the_kernel() {
        let cpu = "/sys/devices/system/cpu";
        let host = linux()
            .file(&format!("{cpu}/cpu0/thermal_throttle/core_throttle_count"), "3\n")
            .file(&format!("{cpu}/cpu0/thermal_throttle/package_throttle_count"), "7\n")
            .file(&format!("{cpu}/cpu1/thermal_throttle/core_throttle_count"), "0\n")
            .file(&format!("{cpu}/cpufreq/policy0"), "");
        assert_eq!(throttle_count(&host), Some(10.0));
        assert_eq!(throttle_count(&linux()), None);
    }

    #[test]
    fn governor_and_load() {
        let host = linux()
            .file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n")
            .file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver", "intel_pstate\n")
            .file("/proc/loadavg", "1.52 0.80 0.33 2/311 4242\n");
        let state = state(&host);
        assert_eq!(state.load_average, Some(1.52));
        assert!(state.flags().is_empty(), "intel_pstate's powersave is the ordinary governor");
    }
}
