//! Whether the figures of a machine can be: its parts, how it was doing, and what its probe reaches by itself.

use data::fingerprint::{Gpu, HostState};
use data::submission::Submission;
use page::messages::EN;

/// Most of anything that a machine counts: cores, threads, sockets, programs.
const MOST: u32 = 1_000_000;
/// Entries of one list at most.
const LONGEST_LIST: usize = 256;
/// Largest memory that is believed, GiB.
const MEMORY_GIB: f64 = 65_536.0;
/// Most power that one device is believed to take, watts.
const POWER_W: f64 = 100_000.0;
/// Fastest memory that is believed, GB/s.
const BANDWIDTH_GB_S: f64 = 1e6;
/// Highest clock that is believed, MHz.
const CLOCK_MHZ: f64 = 100_000.0;
/// Most bytes or weights that a model is believed to have.
const MODEL: u64 = 1 << 50;

/// Checks what a run says of its machine.
///
/// # Errors
/// The first thing that cannot be, in a sentence.
pub fn check(run: &Submission) -> Result<(), String> {
    let machine = &run.fingerprint;
    for gpu in &machine.gpus {
        device(gpu)?;
    }
    let (cpu, ram, enclosure) = (&machine.cpu, &machine.ram, &machine.enclosure);
    for (name, count) in [
        ("cpu.sockets", cpu.sockets),
        ("cpu.cores", cpu.cores),
        ("cpu.threads", cpu.threads),
        ("cpu.numa_nodes", cpu.numa_nodes),
        ("ram.channels", ram.channels.unwrap_or(0)),
        ("ram.speed_mt_s", ram.speed_mt_s.unwrap_or(0)),
    ] {
        counted(name, count)?;
    }
    from_zero("cpu.max_clock_mhz", cpu.max_clock_mhz, CLOCK_MHZ)?;
    above_zero("ram.read_gb_s", ram.read_gb_s, BANDWIDTH_GB_S)?;
    above_zero("ram.triad_gb_s", ram.triad_gb_s, BANDWIDTH_GB_S)?;
    memory(Some(ram.total_gib))?;
    memory(ram.available_gib)?;
    memory(enclosure.memory_limit_gib)?;
    from_zero("enclosure.cpu_limit", enclosure.cpu_limit, f64::from(MOST))?;
    let lists = [machine.stacks.len(), cpu.cache_kib.len(), cpu.features.len()];
    if let Some(count) = lists.into_iter().find(|count| *count > LONGEST_LIST) {
        return Err(EN.gate.long_list(&count.to_string(), &LONGEST_LIST.to_string()));
    }
    for state in [&run.before, &run.after].into_iter().chain(&run.during) {
        how_it_was(state)?;
    }
    from_zero("calibration.latency_ms", Some(run.calibration.latency_ms), 1e9)?;
    from_zero("calibration.ceiling_tps", Some(run.calibration.ceiling_tps), 1e9)?;
    let model = &run.model;
    for (name, figure) in
        [("size_bytes", model.size_bytes), ("params", model.params), ("tensor_bytes", model.tensor_bytes)]
    {
        if let Some(figure) = figure.filter(|figure| *figure > MODEL) {
            return Err(EN.gate.model_figure(&figure.to_string(), &MODEL.to_string(), name));
        }
    }
    Ok(())
}

fn device(gpu: &Gpu) -> Result<(), String> {
    memory(gpu.memory_gib)?;
    memory(gpu.shared_memory_gib)?;
    above_zero("gpus.power_limit_w", gpu.power_limit_w, POWER_W)?;
    above_zero("gpus.power_limit_default_w", gpu.power_limit_default_w, POWER_W)?;
    counted("gpus.cores", gpu.cores.unwrap_or(0))
}

fn how_it_was(state: &HostState) -> Result<(), String> {
    from_zero("load_average", state.load_average, f64::from(MOST))?;
    counted("cpu_speed_limit_percent", state.cpu_speed_limit_percent.unwrap_or(0))?;
    if state.gpus.len() > LONGEST_LIST {
        return Err(EN.gate.long_state(&state.gpus.len().to_string(), &LONGEST_LIST.to_string()));
    }
    for gpu in &state.gpus {
        memory(gpu.memory_used_gib)?;
        from_zero("power_w", gpu.power_w, POWER_W)?;
        for (name, count) in [
            ("clock_mhz", gpu.clock_mhz),
            ("memory_clock_mhz", gpu.memory_clock_mhz),
            ("temperature_c", gpu.temperature_c),
            ("utilisation_percent", gpu.utilisation_percent),
            ("programs", gpu.programs),
        ] {
            counted(name, count.unwrap_or(0))?;
        }
        if gpu.throttle.len() > LONGEST_LIST {
            return Err(EN.gate.throttle(&gpu.throttle.len().to_string(), &LONGEST_LIST.to_string()));
        }
    }
    Ok(())
}

fn memory(gib: Option<f64>) -> Result<(), String> {
    match gib.filter(|gib| !(0.0..=MEMORY_GIB).contains(gib)) {
        None => Ok(()),
        Some(gib) => Err(EN.gate.memory_gib(&gib.to_string())),
    }
}

fn counted(name: &str, count: u32) -> Result<(), String> {
    if count <= MOST { Ok(()) } else { Err(EN.gate.counted(&count.to_string(), &MOST.to_string(), name)) }
}

fn from_zero(name: &str, value: Option<f64>, most: f64) -> Result<(), String> {
    match value.filter(|value| !(0.0..=most).contains(value)) {
        None => Ok(()),
        Some(value) => Err(EN.gate.between(&most.to_string(), name, &value.to_string())),
    }
}

/// A figure that is left out where nothing tells it, and never 0.
fn above_zero(name: &str, value: Option<f64>, most: f64) -> Result<(), String> {
    match value.filter(|value| !(*value > 0.0 && *value <= most)) {
        None => Ok(()),
        Some(value) => Err(EN.gate.above_zero(&most.to_string(), name, &value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use data::fingerprint::GpuState;

    use super::*;

    fn run() -> Submission {
        let text = r#"{"suite":"s","probe":"p","measured_on":"d","backend":{"name":"b","version":"v"},
            "model":{"ref":"m","identity":"unverified"},
            "fingerprint":{"gpus":[{"name":"g","maker":"nvidia","memory_gib":24.0,"power_limit_w":350.0}],
                "cpu":{"model":"c","sockets":1,"cores":8,"threads":16,"numa_nodes":1},"ram":{"total_gib":64.0},
                "os":{"family":"linux","name":"n","kernel":"k","architecture":"x86_64"},"enclosure":{}},
            "before":{},"after":{},"calibration":{"latency_ms":0.1,"ceiling_tps":1000.0},"workloads":[],
            "raw_timings_sha256":"r"}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_machine_that_cannot_be_is_told() {
        assert_eq!(check(&run()), Ok(()));
        let says = |change: &dyn Fn(&mut Submission)| {
            let mut told = run();
            change(&mut told);
            check(&told).unwrap_err()
        };
        let power = says(&|r| r.fingerprint.gpus[0].power_limit_w = Some(0.0));
        assert_eq!(power, "gpus.power_limit_w is 0; it lies above 0 and up to 100000, or is left out.");
        assert!(says(&|r| r.fingerprint.gpus[0].power_limit_default_w = Some(-350.0)).contains("above 0"));
        let memory = says(&|r| r.fingerprint.gpus[0].memory_gib = Some(-1.0));
        assert_eq!(memory, "A memory of -1 GiB is not believed.");
        let cores = says(&|r| r.fingerprint.gpus[0].cores = Some(u32::MAX));
        assert_eq!(cores, "gpus.cores is 4294967295; no machine has more than 1000000.");
        assert!(says(&|r| r.fingerprint.ram.read_gb_s = Some(1e300)).contains("read_gb_s"));
        assert!(says(&|r| r.fingerprint.ram.total_gib = 1e9).contains("memory"));
        assert!(says(&|r| r.fingerprint.cpu.cores = u32::MAX).contains("cpu.cores"));
        assert!(says(&|r| r.calibration.latency_ms = -1.0).contains("latency_ms"));
        let weights = says(&|r| r.model.params = Some(u64::MAX));
        assert_eq!(weights, "model.params is 18446744073709551615; no model has more than 1125899906842624.");
        assert!(says(&|r| r.after.load_average = Some(-2.0)).contains("load_average"));
        assert!(
            says(&|r| r.before.gpus = vec![GpuState { power_w: Some(-1.0), ..GpuState::default() }])
                .contains("power_w")
        );
    }
}
