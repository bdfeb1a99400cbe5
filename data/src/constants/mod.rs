//! Fitted constants: what `calibrate refit` wrote, and how it is looked up.
//!
//! A [`Part`] is the fit of one figure on one group of devices: seconds are a sum of [`Term`]s, and speed is then
//! multiplied by `e^(sum of effects)`. Effects are nested (class, generation, device, each beside backend, runtime
//! and quantisation family) and shrunk towards zero as far as the data ask for it, so a device without measurements
//! gets its generation's value and a wider range.

mod facts;
mod memo;
mod part;
mod resolve;

pub use facts::{Facts, Reference, device_key, family, reference, tier};
pub use memo::Memo;
pub use part::{Effect, Factor, Figure, Fitted, Group, Level, Part, Provenance, Score, Term};
pub use resolve::{DeviceFacts, Effects, Situation, class, is_stacked, sustained};

impl Group {
    /// The group of a device of this class and maker, when it is driven by `backend`.
    #[must_use]
    pub fn of(class: estimator::HardwareClass, vendor: &str, backend: crate::backend::Backend) -> Group {
        use estimator::HardwareClass as Class;
        match class {
            Class::Cpu => Group::Cpu,
            _ if backend == crate::backend::Backend::Cpu => Group::Cpu,
            Class::Mobile => Group::Mobile,
            Class::Apple => Group::Apple,
            Class::Unified => Group::Unified,
            Class::DiscreteGpu => match vendor {
                "nvidia" => Group::Nvidia,
                "amd" => Group::Amd,
                "intel" => Group::Intel,
                _ => Group::Any,
            },
        }
    }
}

impl Fitted {
    /// The fit of `figure` on `group`, or on all devices together where that group has none.
    #[must_use]
    pub fn part(&self, figure: Figure, group: Group) -> Option<&Part> {
        let find = |group| self.parts.iter().find(|part| part.figure == figure && part.group == group);
        find(group).or_else(|| find(Group::Any))
    }
}
