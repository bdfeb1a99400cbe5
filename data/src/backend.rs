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
