//! What each fit is made of: its terms with the guess before any data, and its effects.
//!
//! Priors are wide (a factor of 1.5 to 3 either way) and come from what the terms mean, not from the measurements:
//! software reaches most of a memory's peak, launching a kernel takes microseconds.

use data::constants::{Factor, Figure, Group, Term};

use crate::problem::Prior;

/// Terms and effects of one fit.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Terms with their priors.
    pub terms: Vec<(Term, Prior)>,
    /// Effects.
    pub factors: Vec<Factor>,
}

fn prior(value: f64, sd: f64) -> Prior {
    Prior { mean: libm::log(value), sd }
}

/// Factors whose levels mean the same on every device: a group's own values are drawn around those of all devices.
#[must_use]
pub fn shared(factor: Factor) -> bool {
    matches!(
        factor,
        Factor::Runtime
            | Factor::Family
            | Factor::BackendFamily
            | Factor::RuntimeFamily
            | Factor::Era
            | Factor::Origin
            | Factor::System
            | Factor::Routing
    )
}

/// How far a group's term may lie from that of all devices, in natural logs.
pub const GROUP_SD: f64 = 0.5;

/// The recipe of a figure on a group.
#[must_use]
pub fn recipe(figure: Figure, group: Group) -> Recipe {
    Recipe { terms: terms(figure), factors: factors(figure, group) }
}

fn terms(figure: Figure) -> Vec<(Term, Prior)> {
    match figure {
        Figure::Decode => vec![
            (Term::Weights, prior(1.25, 0.4)),
            (Term::Experts, prior(0.3, 1.0)),
            (Term::Cache, prior(1.8, 0.7)),
            (Term::UnfusedCache, prior(1.5, 1.0)),
            (Term::Step, prior(0.3, 1.0)),
            (Term::Layer, prior(0.05, 1.0)),
            (Term::ExpertLayer, prior(0.02, 1.0)),
            (Term::RecurrentLayer, prior(0.05, 1.0)),
            (Term::LatentLayer, prior(0.05, 1.0)),
        ],
        Figure::Prefill => vec![
            (Term::Compute, prior(2.5, 0.7)),
            (Term::Attention, prior(4.0, 1.0)),
            (Term::UnfusedAttention, prior(4.0, 1.0)),
            (Term::Saturation, prior(0.5, 1.0)),
            (Term::ExpertSaturation, prior(20.0, 1.0)),
            (Term::Weights, prior(1.0, 0.7)),
            (Term::Layer, prior(0.1, 1.0)),
            (Term::RecurrentLayer, prior(0.1, 1.0)),
        ],
        Figure::Streams => vec![(Term::Stream, prior(0.1, 1.0)), (Term::Compute, prior(5.0, 1.0))],
        Figure::Offload => vec![(Term::Host, prior(1.4, 0.5)), (Term::Crossing, prior(0.1, 1.0))],
        Figure::Exchange => vec![(Term::Crossing, prior(0.1, 1.0)), (Term::Link, prior(1.3, 0.5))],
    }
}

fn factors(figure: Figure, group: Group) -> Vec<Factor> {
    use Factor as F;
    let shared = [F::Runtime, F::Family, F::Era, F::Origin];
    let own: &[Factor] = match (figure, group) {
        (Figure::Decode | Figure::Prefill, Group::Any) => &[
            F::Group,
            F::Tier,
            F::Generation,
            F::Device,
            F::Backend,
            F::GenerationBackend,
            F::BackendFamily,
            F::System,
        ],
        (Figure::Decode | Figure::Prefill, Group::Apple) => {
            &[F::Tier, F::Generation, F::Device, F::Backend, F::GenerationFamily, F::Routing]
        }
        (Figure::Decode | Figure::Prefill, Group::Nvidia) => &[
            F::Memory,
            F::Generation,
            F::Device,
            F::Backend,
            F::GenerationBackend,
            F::GenerationFamily,
            F::System,
            F::Routing,
        ],
        (Figure::Decode | Figure::Prefill, Group::Amd | Group::Intel) => &[
            F::Memory,
            F::Generation,
            F::Device,
            F::Backend,
            F::GenerationBackend,
            F::BackendFamily,
            F::System,
        ],
        (Figure::Decode | Figure::Prefill, Group::Unified) => {
            &[F::Tier, F::Generation, F::Device, F::Backend, F::BackendFamily, F::Routing]
        }
        (Figure::Decode | Figure::Prefill, Group::Cpu | Group::Mobile) => {
            &[F::Vendor, F::Generation, F::Device, F::GenerationFamily, F::System]
        }
        (Figure::Streams, _) => return vec![F::Runtime, F::Device],
        (Figure::Offload | Figure::Exchange, _) => return vec![F::Runtime],
    };
    own.iter().chain(&shared).copied().collect()
}
