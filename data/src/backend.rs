//! The software that drives a device.

use serde::{Deserialize, Serialize};

/// The software that drives a device, which kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// NVIDIA's.
    Cuda,
    /// AMD's.
    Rocm,
    /// The one that every GPU has.
    Vulkan,
    /// Apple's.
    Metal,
    /// Intel's.
    Sycl,
    /// No GPU at all.
    Cpu,
}

impl Backend {
    /// All of them.
    pub const ALL: [Backend; 6] =
        [Backend::Cuda, Backend::Rocm, Backend::Vulkan, Backend::Metal, Backend::Sycl, Backend::Cpu];

    /// The name people type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Backend::Cuda => "cuda",
            Backend::Rocm => "rocm",
            Backend::Vulkan => "vulkan",
            Backend::Metal => "metal",
            Backend::Sycl => "sycl",
            Backend::Cpu => "cpu",
        }
    }

    /// From any of the names that tools print.
    #[must_use]
    pub fn from_name(text: &str) -> Option<Backend> {
        let text = text.trim();
        let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(text));
        match () {
            () if is(&["cuda"]) => Some(Backend::Cuda),
            () if is(&["rocm", "hip"]) => Some(Backend::Rocm),
            () if is(&["vulkan"]) => Some(Backend::Vulkan),
            () if is(&["metal", "mtl", "mlx"]) => Some(Backend::Metal),
            () if is(&["sycl", "oneapi", "ipex-llm", "level-zero"]) => Some(Backend::Sycl),
            () if is(&["cpu", "blas", "none"]) => Some(Backend::Cpu),
            () => None,
        }
    }

    /// What people mostly run on a device of this maker and class.
    #[must_use]
    pub fn usual(vendor: &str, class: estimator::HardwareClass, generation: Option<&str>) -> Backend {
        use estimator::HardwareClass::{Apple, Cpu, Mobile};
        match (class, vendor) {
            (Cpu | Mobile, _) | (_, "qualcomm") => Backend::Cpu,
            (Apple, _) => Backend::Metal,
            (_, "nvidia") => Backend::Cuda,
            // ROCm dropped the older GCN cards; Vulkan drives all of them.
            (_, "amd") if generation.is_some_and(|g| g.starts_with("gcn4") || g.starts_with("rdna1")) => {
                Backend::Vulkan
            }
            (_, "amd") => Backend::Rocm,
            _ => Backend::Vulkan,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back() {
        for backend in Backend::ALL {
            assert_eq!(Backend::from_name(&backend.name().to_uppercase()), Some(backend));
        }
        assert_eq!(Backend::from_name("HIP"), Some(Backend::Rocm));
        assert_eq!(Backend::from_name("abacus"), None);
    }
}
