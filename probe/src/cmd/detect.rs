//! `detect`: the machine's fingerprint, as it would stand in a run.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use data::fingerprint::{Fingerprint, Gpu, HostState, PowerSource};
use serde::Serialize;

use super::runtimes::{Looked, Where, would_do};
use crate::detect::{self, bandwidth};
use crate::names::printable;

/// Show what this machine is, as it would stand in a result, and which runtimes are here.
#[derive(clap::Args)]
pub struct Detect {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Skip the measurement of the memory bandwidth, which takes about a second.
    #[arg(long)]
    no_bandwidth: bool,
    #[command(flatten)]
    place: Where,
}

/// What `detect --json` prints.
#[derive(Serialize)]
struct Found {
    fingerprint: Fingerprint,
    state: HostState,
    runtimes: Vec<RuntimeLine>,
}

/// One runtime that was looked for.
#[derive(Serialize)]
struct RuntimeLine {
    name: &'static str,
    version: Option<String>,
    /// Why it is not used.
    absent: Option<String>,
    /// What would bring it.
    hint: Option<&'static str>,
}

/// How long the bandwidth is measured.
pub const BANDWIDTH_BUDGET: Duration = Duration::from_secs(1);

pub fn run(arguments: &Detect, out: &mut dyn Write) -> Result<()> {
    let mut fingerprint = detect::this_machine();
    let state = detect::this_machine_now();
    if !arguments.no_bandwidth {
        let measured = bandwidth::measure(BANDWIDTH_BUDGET, detect::spare_memory_gib(&fingerprint));
        fingerprint.ram.read_gb_s = Some(round(measured.read_gb_s));
        fingerprint.ram.triad_gb_s = Some(round(measured.triad_gb_s));
    }
    let runtimes = runtimes(&arguments.place)?;
    if arguments.json {
        serde_json::to_writer_pretty(&mut *out, &Found { fingerprint, state, runtimes })?;
        writeln!(out)?;
        return Ok(());
    }
    write_fingerprint(&fingerprint, out)?;
    write_state(&state, out)?;
    for line in &runtimes {
        match (&line.version, &line.absent) {
            (Some(version), _) => writeln!(out, "Runtime  {} {}", line.name, printable(version))?,
            (None, reason) => {
                let reason = reason.as_deref().unwrap_or("unknown");
                writeln!(out, "         {} not detected; skip ({reason})", line.name)?;
            }
        }
    }
    if runtimes.iter().all(|line| line.version.is_none()) {
        writeln!(out, "No runtime is here; any of these would do:")?;
        for line in &runtimes {
            writeln!(out, "{}", would_do(line.name, line.hint.unwrap_or_default()))?;
        }
    }
    Ok(())
}

fn runtimes(place: &Where) -> Result<Vec<RuntimeLine>> {
    let line = |(driver, found): Looked| match found {
        Ok(runtime) => {
            RuntimeLine { name: driver.name(), version: Some(runtime.version()), absent: None, hint: None }
        }
        Err(absent) => RuntimeLine {
            name: driver.name(),
            version: None,
            absent: Some(absent.reason),
            hint: Some(absent.hint),
        },
    };
    Ok(place.look(None, Duration::ZERO)?.into_iter().map(line).collect())
}

/// To a tenth: the measurement repeats no better.
pub fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn write_fingerprint(fingerprint: &Fingerprint, out: &mut dyn Write) -> Result<()> {
    if fingerprint.gpus.is_empty() {
        writeln!(out, "GPU      none found")?;
    }
    for gpu in &fingerprint.gpus {
        writeln!(out, "GPU      {}", gpu_line(gpu))?;
    }
    let cpu = &fingerprint.cpu;
    let model = if cpu.model.is_empty() { "unknown processor" } else { &cpu.model };
    let sockets = if cpu.sockets > 1 { format!("{} sockets, ", cpu.sockets) } else { String::new() };
    writeln!(out, "CPU      {model}, {sockets}{} cores, {} threads", cpu.cores, cpu.threads)?;
    if !cpu.features.is_empty() {
        writeln!(out, "         {}", cpu.features.join(" "))?;
    }
    let ram = &fingerprint.ram;
    let mut parts = vec![format!("{:.1} GiB", ram.total_gib)];
    if let Some(kind) = &ram.kind {
        parts.push(kind.clone());
    }
    if let Some(channels) = ram.channels {
        parts.push(format!("{channels} channels"));
    }
    if let Some(speed) = ram.speed_mt_s {
        parts.push(format!("{speed} MT/s"));
    }
    writeln!(out, "RAM      {}", parts.join(", "))?;
    if let (Some(read), Some(triad)) = (ram.read_gb_s, ram.triad_gb_s) {
        writeln!(out, "         reads {read:.1} GB/s, triad {triad:.1} GB/s (measured, all cores)")?;
    }
    let os = &fingerprint.os;
    writeln!(out, "System   {}, {}, {}", os.name, os.kernel, os.architecture)?;
    for (name, version) in &fingerprint.stacks {
        writeln!(out, "         {name} {version}")?;
    }
    let enclosure = &fingerprint.enclosure;
    let mut parts: Vec<String> =
        [&enclosure.virtual_machine, &enclosure.container].into_iter().flatten().cloned().collect();
    if let Some(limit) = enclosure.cpu_limit {
        parts.push(format!("limited to {limit:.1} processors"));
    }
    if let Some(limit) = enclosure.memory_limit_gib {
        parts.push(format!("limited to {limit:.1} GiB"));
    }
    if !parts.is_empty() {
        writeln!(out, "Inside   {}", parts.join(", "))?;
    }
    Ok(())
}

fn gpu_line(gpu: &Gpu) -> String {
    let mut parts = vec![gpu.name.clone()];
    if let Some(memory) = gpu.memory_gib {
        parts.push(format!("{memory:.1} GiB"));
    }
    if let Some(memory) = gpu.shared_memory_gib {
        parts.push(format!("{memory:.1} GiB shared"));
    }
    if let Some(cores) = gpu.cores {
        parts.push(format!("{cores} cores"));
    }
    match (gpu.power_limit_w, gpu.power_limit_default_w) {
        (Some(now), Some(stock)) if (now - stock).abs() >= 1.0 => {
            parts.push(format!("{now:.0} W of {stock:.0} W"));
        }
        (Some(now), _) => parts.push(format!("{now:.0} W")),
        _ => {}
    }
    if let Some(driver) = &gpu.driver {
        parts.push(format!("driver {driver}"));
    }
    parts.join(", ")
}

fn write_state(state: &HostState, out: &mut dyn Write) -> Result<()> {
    let mut parts = Vec::new();
    match state.power {
        Some(PowerSource::Ac) => parts.push("on mains".to_owned()),
        Some(PowerSource::Battery) => parts.push("on battery".to_owned()),
        None => {}
    }
    if let Some(governor) = &state.governor {
        parts.push(format!("governor {governor}"));
    }
    if let Some(load) = state.load_average {
        parts.push(format!("load {load:.2}"));
    }
    if !parts.is_empty() {
        writeln!(out, "Now      {}", parts.join(", "))?;
    }
    for flag in state.flags() {
        writeln!(out, "         slower than it could be: {}", flag.replace('_', " "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capped_card_says_so() {
        let gpu = Gpu {
            name: "NVIDIA GeForce RTX 3090".into(),
            memory_gib: Some(24.0),
            power_limit_w: Some(250.0),
            power_limit_default_w: Some(350.0),
            ..Gpu::default()
        };
        assert_eq!(gpu_line(&gpu), "NVIDIA GeForce RTX 3090, 24.0 GiB, 250 W of 350 W");
    }

    #[test]
    fn this_machine_in_text_and_json() {
        let print = |json| {
            let mut out = Vec::new();
            run(&Detect { json, no_bandwidth: true, place: Where::default() }, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert!(print(false).contains("\nRAM      "));
        let found: serde_json::Value = serde_json::from_str(&print(true)).unwrap();
        assert!(found["fingerprint"]["cpu"]["threads"].as_u64() >= Some(1));
    }
}
