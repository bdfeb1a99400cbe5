//! How the machine was doing while a run went on: heat and power limits show under load, not before it.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use data::fingerprint::{GpuState, HostState, PowerSource};

use crate::detect::{
    self,
    host::{Host, Machine, Platform},
    nvml,
};

/// Between two looks. Linux answers out of files and NVIDIA's library; elsewhere, and where the library cannot be loaded as in
/// a static build, a program is started for it, which costs more.
fn interval(platform: Platform, has_library: bool, has_nvidia: bool) -> Duration {
    let is_cheap = platform == Platform::Linux && (has_library || !has_nvidia);
    Duration::from_secs(if is_cheap { 3 } else { 15 })
}

/// Whether NVIDIA's driver is loaded, so that its program would be asked.
fn has_nvidia(host: &dyn Host) -> bool {
    host.read("/proc/driver/nvidia/version").is_some()
}

/// A thread that looks now and then.
pub struct Watch {
    stop: Sender<()>,
    thread: JoinHandle<Option<HostState>>,
}

impl Watch {
    /// Begins to look, the first time after a few seconds.
    pub fn start() -> Watch {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let library = nvml::Library::load();
            let every = interval(Platform::current(), library.is_some(), has_nvidia(&Machine));
            let mut seen: Option<HostState> = None;
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(every) {
                let now = detect::state(&Machine, library.as_ref());
                seen = Some(match seen.take() {
                    Some(before) => worse(before, now),
                    None => now,
                });
            }
            seen
        });
        Watch { stop, thread }
    }

    /// Stops looking: the worst of what was seen, or none where the run was too short for a look.
    pub fn end(self) -> Option<HostState> {
        drop(self.stop);
        // A look that broke has seen nothing; the run itself is none the worse.
        self.thread.join().ok().flatten()
    }
}

/// The worse of two states in each of their parts.
fn worse(one: HostState, other: HostState) -> HostState {
    let battery = [one.power, other.power].contains(&Some(PowerSource::Battery));
    let mut gpus = one.gpus;
    for (index, state) in other.gpus.into_iter().enumerate() {
        match gpus.get_mut(index) {
            Some(known) => *known = worse_gpu(std::mem::take(known), state),
            None => gpus.push(state),
        }
    }
    HostState {
        power: if battery { Some(PowerSource::Battery) } else { other.power.or(one.power) },
        governor: other.governor.or(one.governor),
        scaling_driver: other.scaling_driver.or(one.scaling_driver),
        cpu_speed_limit_percent: least(one.cpu_speed_limit_percent, other.cpu_speed_limit_percent),
        load_average: most(one.load_average, other.load_average),
        gpus,
    }
}

fn worse_gpu(one: GpuState, other: GpuState) -> GpuState {
    let mut throttle = one.throttle;
    for reason in other.throttle {
        if !throttle.contains(&reason) {
            throttle.push(reason);
        }
    }
    GpuState {
        clock_mhz: least(one.clock_mhz, other.clock_mhz),
        memory_clock_mhz: least(one.memory_clock_mhz, other.memory_clock_mhz),
        temperature_c: most(one.temperature_c, other.temperature_c),
        utilisation_percent: most(one.utilisation_percent, other.utilisation_percent),
        memory_used_gib: most(one.memory_used_gib, other.memory_used_gib),
        power_w: most(one.power_w, other.power_w),
        programs: most(one.programs, other.programs),
        throttle,
    }
}

fn most<T: PartialOrd>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other > one { other } else { one }),
        (one, other) => one.or(other),
    }
}

fn least<T: PartialOrd>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other < one { other } else { one }),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(clock_mhz: u32, temperature_c: u32, reason: &str) -> HostState {
        let gpu = GpuState {
            clock_mhz: Some(clock_mhz),
            temperature_c: Some(temperature_c),
            throttle: vec![reason.to_owned()],
            ..GpuState::default()
        };
        HostState { gpus: vec![gpu], load_average: Some(f64::from(clock_mhz)), ..HostState::default() }
    }

    #[test]
    fn the_worst_of_each_part_is_kept() {
        let battery =
            HostState { power: Some(PowerSource::Battery), ..state(1500, 83, "hw_thermal_slowdown") };
        let mains = HostState { power: Some(PowerSource::Ac), ..state(1800, 70, "sw_power_cap") };
        for seen in [worse(battery.clone(), mains.clone()), worse(mains, battery)] {
            assert_eq!(seen.power, Some(PowerSource::Battery));
            assert_eq!((seen.gpus[0].clock_mhz, seen.gpus[0].temperature_c), (Some(1500), Some(83)));
            assert_eq!(seen.flags(), ["on_battery", "gpu_thermal_limit", "gpu_power_limit"]);
            assert_eq!(seen.load_average, Some(1800.0));
        }
    }

    #[test]
    fn a_program_is_started_seldom() {
        let every = |platform, library, nvidia| interval(platform, library, nvidia).as_secs();
        assert_eq!((every(Platform::Linux, true, true), every(Platform::Linux, false, false)), (3, 3));
        assert_eq!((every(Platform::Linux, false, true), every(Platform::MacOs, true, false)), (15, 15));
    }

    #[test]
    fn a_watch_that_saw_nothing_says_so() {
        assert_eq!(Watch::start().end(), None);
    }
}
