//! NVIDIA cards through the driver's own library: a hundred times quicker than starting `nvidia-smi`.

use data::fingerprint::{Gpu, GpuState};
use estimator::units::GIB;
use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};

use super::nvidia::throttle_reasons;

/// The driver's library, where it can be loaded.
pub struct Library(Nvml);

impl Library {
    /// Loads it; `None` on machines without the driver.
    pub fn load() -> Option<Library> {
        // A static program has a C library of its own, and a driver's library would bring a second one: `nvidia-smi` is
        // asked instead.
        if cfg!(all(target_os = "linux", target_feature = "crt-static")) {
            return None;
        }
        Nvml::init().ok().map(Library)
    }

    /// The CUDA version that the driver brings: `13.0`.
    pub fn cuda_version(&self) -> Option<String> {
        let version = self.0.sys_cuda_driver_version().ok()?;
        Some(format!("{}.{}", version / 1000, version % 1000 / 10))
    }

    /// The cards. Serial numbers and UUIDs are never asked for.
    pub fn gpus(&self) -> Vec<Gpu> {
        let driver = self.0.sys_driver_version().ok();
        (0..self.0.device_count().unwrap_or(0))
            .filter_map(|index| self.0.device_by_index(index).ok())
            .map(|device| Gpu {
                name: device.name().unwrap_or_else(|_| "NVIDIA GPU".to_owned()),
                maker: "nvidia".to_owned(),
                memory_gib: device.memory_info().ok().map(|memory| memory.total as f64 / GIB),
                driver: driver.clone(),
                vbios: device.vbios_version().ok(),
                pci_bus: device.pci_info().ok().map(|pci| pci.bus_id),
                power_limit_w: device.enforced_power_limit().ok().map(watts).filter(told),
                power_limit_default_w: device.power_management_limit_default().ok().map(watts).filter(told),
                architecture: device
                    .cuda_compute_capability()
                    .ok()
                    .map(|capability| format!("{}.{}", capability.major, capability.minor)),
                ..Gpu::default()
            })
            .collect()
    }

    /// How the cards are doing.
    pub fn states(&self) -> Vec<GpuState> {
        (0..self.0.device_count().unwrap_or(0))
            .filter_map(|index| self.0.device_by_index(index).ok())
            .map(|device| GpuState {
                clock_mhz: device.clock_info(Clock::SM).ok(),
                memory_clock_mhz: device.clock_info(Clock::Memory).ok(),
                temperature_c: device.temperature(TemperatureSensor::Gpu).ok(),
                utilisation_percent: device.utilization_rates().ok().map(|rates| rates.gpu),
                memory_used_gib: device.memory_info().ok().map(|memory| memory.used as f64 / GIB),
                power_w: device.power_usage().ok().map(watts),
                programs: device.running_compute_processes().ok().map(|processes| processes.len() as u32),
                throttle: device
                    .current_throttle_reasons()
                    .ok()
                    .map(|reasons| throttle_reasons(reasons.bits()))
                    .unwrap_or_default(),
            })
            .collect()
    }
}

/// A virtual card has no limit of its own, and says 0.
fn told(watts: &f64) -> bool {
    *watts > 0.0
}

fn watts(milliwatts: u32) -> f64 {
    f64::from(milliwatts) / 1000.0
}
