//! Windows: one PowerShell call for CIM classes as JSON, else `wmic` for machines that still have it.

use std::collections::BTreeMap;

use data::fingerprint::{Cpu, Enclosure, Fingerprint, Gpu, HostState, Os, PowerSource};
use estimator::units::GIB;
use serde_json::Value;

use super::host::Host;
use super::ram::Modules;

/// The classes and those of their properties that we read. Serial numbers are not among them.
const CLASSES: &[(&str, &str)] = &[
    ("Win32_Processor", "Name,NumberOfCores,NumberOfLogicalProcessors,MaxClockSpeed,L2CacheSize,L3CacheSize"),
    ("Win32_PhysicalMemory", "BankLabel,DeviceLocator,Capacity,ConfiguredClockSpeed,SMBIOSMemoryType"),
    ("Win32_VideoController", "Name,AdapterRAM,DriverVersion,PNPDeviceID"),
    ("Win32_OperatingSystem", "Caption,Version,OSArchitecture,TotalVisibleMemorySize,FreePhysicalMemory"),
    ("Win32_ComputerSystem", "Manufacturer,Model"),
];

/// One row of a class: property to text.
type Row = BTreeMap<String, String>;

/// A Windows machine's fingerprint; NVIDIA cards are asked by their own tool.
pub fn fingerprint(host: &dyn Host) -> Fingerprint {
    let answers: BTreeMap<&str, Vec<Row>> =
        CLASSES.iter().map(|(class, fields)| (*class, ask(host, class, fields))).collect();
    let system = answers["Win32_OperatingSystem"].first().cloned().unwrap_or_default();
    let number = |row: &Row, key: &str| row.get(key).and_then(|text| text.parse::<f64>().ok());
    let mut fingerprint = Fingerprint {
        gpus: answers["Win32_VideoController"].iter().filter_map(gpu).collect(),
        cpu: cpu(&answers["Win32_Processor"]),
        os: Os {
            family: "windows".to_owned(),
            name: text(&system, "Caption"),
            kernel: text(&system, "Version"),
            architecture: if text(&system, "OSArchitecture").contains("ARM") { "aarch64" } else { "x86_64" }
                .to_owned(),
        },
        enclosure: enclosure(answers["Win32_ComputerSystem"].first()),
        ..Fingerprint::default()
    };
    let kib = |key: &str| number(&system, key).map(|kib| kib * 1024.0 / GIB);
    fingerprint.ram.total_gib = kib("TotalVisibleMemorySize").unwrap_or(0.0);
    fingerprint.ram.available_gib = kib("FreePhysicalMemory");
    let mut modules = Modules::default();
    for row in &answers["Win32_PhysicalMemory"] {
        modules.add(
            &text(row, "DeviceLocator"),
            &text(row, "BankLabel"),
            number(row, "ConfiguredClockSpeed").map(|speed| speed as u32),
            memory_kind(&text(row, "SMBIOSMemoryType")),
        );
    }
    modules.describe(&mut fingerprint.ram);
    fingerprint
}

/// Power source, as the battery's status says: 1 is discharging, 2 is on the wall; no battery, no answer.
pub fn state(host: &dyn Host) -> HostState {
    let battery = ask(host, "Win32_Battery", "BatteryStatus");
    let power = battery.first().map(|row| match text(row, "BatteryStatus").as_str() {
        "1" | "4" | "5" => PowerSource::Battery,
        _ => PowerSource::Ac,
    });
    HostState { power, ..HostState::default() }
}

fn text(row: &Row, key: &str) -> String {
    row.get(key).cloned().unwrap_or_default()
}

fn ask(host: &dyn Host, class: &str, fields: &str) -> Vec<Row> {
    let script = format!("Get-CimInstance {class} | Select-Object {fields} | ConvertTo-Json -Compress");
    host.run("powershell", &["-NoProfile", "-NonInteractive", "-Command", &script])
        .and_then(|text| parse_json(&text))
        .or_else(|| {
            let alias = format!("path {class} get {fields} /format:list");
            host.run("wmic", &alias.split(' ').collect::<Vec<_>>()).map(|text| parse_wmic(&text))
        })
        .unwrap_or_default()
}

/// One object for one row, a list for several, nothing for none.
fn parse_json(text: &str) -> Option<Vec<Row>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    let rows = match serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()? {
        Value::Array(rows) => rows,
        row => vec![row],
    };
    Some(
        rows.iter()
            .filter_map(Value::as_object)
            .map(|object| {
                let values = object.iter().filter_map(|(key, value)| match value {
                    Value::String(text) => Some((key.clone(), text.trim().to_owned())),
                    Value::Number(number) => Some((key.clone(), number.to_string())),
                    _ => None,
                });
                values.collect()
            })
            .collect(),
    )
}

/// `Key=Value` lines, rows apart by empty lines, each line ended by CR CR LF.
fn parse_wmic(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = Row::new();
    for line in text.lines().map(|line| line.trim_matches(['\r', ' '])) {
        // A key that was seen begins the next row: wmic's empty lines also stand between keys of some versions.
        if let Some((key, value)) = line.split_once('=') {
            if row.contains_key(key) {
                rows.push(std::mem::take(&mut row));
            }
            row.insert(key.to_owned(), value.trim().to_owned());
        }
    }
    if !row.is_empty() {
        rows.push(row);
    }
    rows
}

fn cpu(rows: &[Row]) -> Cpu {
    let sum = |key: &str| rows.iter().filter_map(|row| text(row, key).parse::<u32>().ok()).sum::<u32>();
    let first = rows.first().cloned().unwrap_or_default();
    let mut cpu = Cpu {
        model: text(&first, "Name"),
        sockets: rows.len() as u32,
        cores: sum("NumberOfCores"),
        threads: sum("NumberOfLogicalProcessors"),
        max_clock_mhz: text(&first, "MaxClockSpeed").parse().ok(),
        numa_nodes: rows.len().max(1) as u32,
        ..Cpu::default()
    };
    for (level, key) in [("2", "L2CacheSize"), ("3", "L3CacheSize")] {
        if let Some(kib) = text(&first, key).parse().ok().filter(|kib| *kib > 0) {
            cpu.cache_kib.insert(level.to_owned(), kib);
        }
    }
    cpu
}

/// A graphics row; the mirror drivers of remote desktops have no PCI number and are left out.
fn gpu(row: &Row) -> Option<Gpu> {
    let place = text(row, "PNPDeviceID").to_ascii_uppercase();
    let maker =
        [("VEN_10DE", "nvidia"), ("VEN_1002", "amd"), ("VEN_8086", "intel"), ("VEN_QCOM", "qualcomm")]
            .iter()
            .find(|(mark, _)| place.contains(mark))
            .map(|(_, maker)| *maker)?;
    // AdapterRAM is a 32-bit number: 4 GiB and more all read as just under 4.
    let memory = text(row, "AdapterRAM").parse::<f64>().ok().map(|bytes| bytes / GIB);
    Some(Gpu {
        name: text(row, "Name"),
        maker: maker.to_owned(),
        memory_gib: memory.filter(|gib| *gib > 0.0 && *gib < 3.9),
        driver: row.get("DriverVersion").cloned(),
        ..Gpu::default()
    })
}

/// SMBIOS numbers of memory kinds.
fn memory_kind(number: &str) -> Option<&'static str> {
    match number {
        "24" => Some("DDR3"),
        "26" => Some("DDR4"),
        "30" => Some("LPDDR4"),
        "34" => Some("DDR5"),
        "35" => Some("LPDDR5"),
        _ => None,
    }
}

fn enclosure(row: Option<&Row>) -> Enclosure {
    let board =
        row.map(|row| format!("{} {}", text(row, "Manufacturer"), text(row, "Model"))).unwrap_or_default();
    let virtual_machine = [
        ("Microsoft Corporation Virtual Machine", "hyper-v"),
        ("VMware", "vmware"),
        ("VirtualBox", "virtualbox"),
        ("QEMU", "kvm"),
        ("Amazon EC2", "ec2"),
        ("Google Compute Engine", "gce"),
    ]
    .iter()
    .find(|(mark, _)| board.contains(mark))
    .map(|(_, kind)| (*kind).to_owned());
    Enclosure { virtual_machine, ..Enclosure::default() }
}

#[cfg(test)]
mod tests {
    use super::super::host::{Platform, recorded::Recorded};
    use super::*;

    fn desktop() -> Recorded {
        let cim =
            |class: &str| format!("powershell -NoProfile -NonInteractive -Command Get-CimInstance {class} ");
        Recorded::new(Platform::Windows)
            .command(
                &cim("Win32_Processor"),
                r#"{"Name":"AMD Ryzen 7 7800X3D 8-Core Processor           ","NumberOfCores":8,"NumberOfLogicalProcessors":16,"MaxClockSpeed":4201,"L2CacheSize":8192,"L3CacheSize":98304}"#,
            )
            .command(
                &cim("Win32_PhysicalMemory"),
                r#"[{"BankLabel":"P0 CHANNEL A","DeviceLocator":"DIMM 1","Capacity":17179869184,"ConfiguredClockSpeed":6000,"SMBIOSMemoryType":34},
                    {"BankLabel":"P0 CHANNEL B","DeviceLocator":"DIMM 1","Capacity":17179869184,"ConfiguredClockSpeed":6000,"SMBIOSMemoryType":34}]"#,
            )
            .command(
                &cim("Win32_VideoController"),
                r#"[{"Name":"AMD Radeon RX 7900 XTX","AdapterRAM":4293918720,"DriverVersion":"31.0.24019.1006","PNPDeviceID":"PCI\\VEN_1002&DEV_744C&SUBSYS_E471"},
                    {"Name":"Microsoft Remote Display Adapter","AdapterRAM":null,"DriverVersion":"10.0","PNPDeviceID":"SWD\\REMOTEDISPLAYENUM"}]"#,
            )
            .command(
                &cim("Win32_OperatingSystem"),
                r#"{"Caption":"Microsoft Windows 11 Pro","Version":"10.0.26100","OSArchitecture":"64-bit","TotalVisibleMemorySize":33446232,"FreePhysicalMemory":20971520}"#,
            )
            .command(&cim("Win32_ComputerSystem"), r#"{"Manufacturer":"ASUS","Model":"System Product Name"}"#)
    }

    #[test]
    fn a_desktop_by_cim() {
        let fingerprint = fingerprint(&desktop());
        assert_eq!(fingerprint.cpu.model, "AMD Ryzen 7 7800X3D 8-Core Processor");
        assert_eq!((fingerprint.cpu.cores, fingerprint.cpu.threads), (8, 16));
        assert_eq!(fingerprint.cpu.cache_kib["3"], 98304);
        assert_eq!(fingerprint.gpus.len(), 1);
        assert_eq!(fingerprint.gpus[0].name, "AMD Radeon RX 7900 XTX");
        assert_eq!(fingerprint.gpus[0].memory_gib, None, "a 32-bit size says nothing of a 24 GiB card");
        assert_eq!(fingerprint.ram.nominal_gb_s(), Some(96.0));
        assert!((fingerprint.ram.total_gib - 31.9).abs() < 0.01);
        assert_eq!(fingerprint.os.kernel, "10.0.26100");
        assert_eq!(fingerprint.enclosure.virtual_machine, None);
    }

    #[test]
    fn an_old_machine_by_wmic() {
        let host = Recorded::new(Platform::Windows).command(
            "wmic path Win32_Processor",
            "\r\r\n\r\r\nL3CacheSize=20480\r\r\nMaxClockSpeed=2300\r\r\nName=Intel(R) Xeon(R) CPU E5-2650 v3\r\r\nNumberOfCores=10\r\r\n\
             NumberOfLogicalProcessors=20\r\r\n\r\r\n\r\r\nL3CacheSize=20480\r\r\nMaxClockSpeed=2300\r\r\nName=Intel(R) Xeon(R) CPU E5-2650 v3\r\r\n\
             NumberOfCores=10\r\r\nNumberOfLogicalProcessors=20\r\r\n",
        );
        let cpu = fingerprint(&host).cpu;
        assert_eq!((cpu.sockets, cpu.cores, cpu.threads), (2, 20, 40));
        assert_eq!(cpu.model, "Intel(R) Xeon(R) CPU E5-2650 v3");
    }

    #[test]
    fn battery_status() {
        let ask = "powershell -NoProfile -NonInteractive -Command Get-CimInstance Win32_Battery ";
        let on = |answer: &str| state(&Recorded::new(Platform::Windows).command(ask, answer)).power;
        assert_eq!(on(r#"{"BatteryStatus":1}"#), Some(PowerSource::Battery));
        assert_eq!(on(r#"{"BatteryStatus":2}"#), Some(PowerSource::Ac));
        assert_eq!(on(""), None);
    }

    #[test]
    fn an_empty_machine_is_no_panic() {
        let fingerprint = fingerprint(&Recorded::new(Platform::Windows));
        assert_eq!(fingerprint.gpus, []);
        assert_eq!(parse_json("not json"), None);
    }
}
