//! What each fit is made of: its terms with the guess before any data, and its effects.
//!
//! Priors are wide (a factor of 1.5 to 3 either way) and come from what the terms mean, not from the measurements:
//! software reaches most of a memory's peak, launching a kernel takes microseconds.

use std::collections::BTreeMap;

use data::constants::{Factor, Figure, Group, Term};

use crate::problem::Prior;

/// An effect: what tells its levels apart, and which part of the time it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct On {
    /// What tells its levels apart.
    pub factor: Factor,
    /// The term that it changes; the whole time where there is none.
    pub term: Option<Term>,
}

/// Terms and effects of one fit.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Terms with their priors.
    pub terms: Vec<(Term, Prior)>,
    /// Effects.
    pub effects: Vec<On>,
}

/// A recipe for each group; [`Group::Any`] is for those without one of their own.
pub type Recipes = BTreeMap<Group, Recipe>;

impl Recipe {
    /// The same without one effect.
    #[must_use]
    pub fn without(&self, on: On) -> Recipe {
        let effects = self.effects.iter().copied().filter(|other| *other != on).collect();
        Recipe { terms: self.terms.clone(), effects }
    }
}

/// Whether an effect must pay out of sample to be kept. Devices, their generations and the programs are how the fit is
/// built: without them nothing would tell how far off an unknown one may be. What several streams add was measured on so
/// few devices that leaving one out would choose at random: there shrinkage alone decides.
#[must_use]
pub fn must_pay(on: On) -> bool {
    if matches!(on.term, Some(Term::Stream | Term::Compute)) {
        return false;
    }
    on.term.is_some()
        || !matches!(on.factor, Factor::Device | Factor::Generation | Factor::Runtime | Factor::Origin)
}

/// All recipes of a figure, every effect in them.
#[must_use]
pub fn recipes(figure: Figure) -> Recipes {
    Group::ALL.into_iter().map(|group| (group, recipe(figure, group))).collect()
}

fn prior(value: f64, sd: f64) -> Prior {
    Prior { mean: libm::log(value), sd }
}

/// Effects whose levels mean the same on every device: a group's own values are drawn around those of all devices.
#[must_use]
pub fn shared(on: On) -> bool {
    on.term.is_none()
        && matches!(
            on.factor,
            Factor::Runtime
                | Factor::Family
                | Factor::BackendFamily
                | Factor::RuntimeFamily
                | Factor::Era
                | Factor::BackendPeriod
                | Factor::Origin
                | Factor::System
        )
}

/// The recipe of a figure on a group.
#[must_use]
pub fn recipe(figure: Figure, group: Group) -> Recipe {
    let whole = factors(figure, group).into_iter().map(|factor| On { factor, term: None });
    let part = parts(figure, group).iter().map(|(factor, term)| On { factor: *factor, term: Some(*term) });
    Recipe { terms: terms(figure, group), effects: whole.chain(part).collect() }
}

/// Effects on one part of the time: backends and runtimes differ in how they read a deep cache and start kernels, and
/// classes in what a step costs them.
fn parts(figure: Figure, group: Group) -> &'static [(Factor, Term)] {
    use Factor as F;
    match (figure, group) {
        (Figure::Decode, Group::Any) => &[
            (F::Backend, Term::Cache),
            (F::BackendPeriod, Term::Cache),
            (F::Backend, Term::Layer),
            (F::Backend, Term::ExpertLayer),
            (F::Backend, Term::Host),
            (F::System, Term::Host),
            (F::System, Term::Layer),
            (F::Group, Term::Step),
            (F::Group, Term::Layer),
        ],
        (Figure::Prefill, Group::Any) => &[
            (F::Backend, Term::Attention),
            (F::BackendPeriod, Term::Attention),
            (F::Backend, Term::ExpertSaturation),
            (F::Backend, Term::Layer),
        ],
        (Figure::Prefill, Group::Apple | Group::Nvidia) => {
            &[(F::Backend, Term::Attention), (F::Generation, Term::Attention)]
        }
        (Figure::Decode, Group::Nvidia) => &[(F::System, Term::Host), (F::System, Term::Layer)],
        (Figure::Decode, Group::Apple) => {
            &[(F::Runtime, Term::Cache), (F::Runtime, Term::RecurrentLayer), (F::Backend, Term::Layer)]
        }
        // What one stream takes is known: only what further ones add is fitted here.
        (Figure::Streams, _) => &[
            (F::Group, Term::Stream),
            (F::Backend, Term::Stream),
            (F::Runtime, Term::Stream),
            (F::Runtime, Term::Compute),
            (F::Device, Term::Compute),
        ],
        _ => &[],
    }
}

fn terms(figure: Figure, group: Group) -> Vec<(Term, Prior)> {
    match figure {
        Figure::Decode if group == Group::Cpu => {
            let mut terms = terms(figure, Group::Any);
            terms.retain(|(term, _)| *term != Term::Host);
            terms.push((Term::Arithmetic, prior(3.0, 0.7)));
            terms.push((Term::Attention, prior(4.0, 1.0)));
            terms
        }
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
            (Term::Host, prior(2.0, 1.0)),
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
            (Term::Host, prior(2.0, 1.0)),
        ],
        Figure::Streams => vec![(Term::Stream, prior(0.1, 1.0)), (Term::Compute, prior(5.0, 1.0))],
        Figure::Offload => vec![(Term::Host, prior(0.1, 1.0)), (Term::Crossing, prior(0.1, 1.0))],
        Figure::Exchange => vec![
            (Term::Crossing, prior(0.1, 1.0)),
            (Term::AllReduce, prior(0.03, 1.0)),
            (Term::Link, prior(1.3, 0.5)),
        ],
    }
}

fn factors(figure: Figure, group: Group) -> Vec<Factor> {
    use Factor as F;
    let shared = [F::Runtime, F::Family, F::Era, F::Origin, F::System];
    let own: &[Factor] = match (figure, group) {
        // One latency of each kind is all that the engine tells.
        (Figure::Streams | Figure::Exchange, _) => return Vec::new(),
        (Figure::Offload, _) => return vec![F::Runtime],
        (_, Group::Apple) => &[F::Tier, F::Generation, F::Device, F::Backend, F::Routing],
        (_, Group::Nvidia) => &[
            F::Memory,
            F::Generation,
            F::Device,
            F::Backend,
            F::GenerationBackend,
            F::BackendPeriod,
            F::BackendFamily,
            F::GenerationFamily,
            F::Routing,
        ],
        (_, Group::Cpu | Group::Mobile) => {
            &[F::Vendor, F::Tier, F::Generation, F::Device, F::GenerationFamily]
        }
        _ => &[
            F::Group,
            F::Tier,
            F::Memory,
            F::Generation,
            F::Device,
            F::Backend,
            F::GenerationBackend,
            F::BackendFamily,
            F::GenerationFamily,
            F::Routing,
        ],
    };
    let further: &[Factor] = match (figure, group) {
        // Who writes the driver matters more than whether the memory is shared: GB10 is one of NVIDIA's cards to it.
        (Figure::Decode, Group::Any) => &[F::Vendor],
        (Figure::Decode, Group::Cpu) => &[F::VendorFamily],
        // How fast prompts are read changes with every release on AMD's and Intel's backends, decode hardly. A program that
        // was built once lacks the matrix units of later generations.
        (Figure::Prefill, Group::Any) => &[F::BackendPeriod, F::RuntimeGeneration],
        (Figure::Prefill, Group::Nvidia) => &[F::RuntimeGeneration],
        _ => &[],
    };
    // Of rows on processors only one program's state their system: its levels would tell that program from all others, by
    // the few machines that both were run on.
    let is_told = |factor: &Factor| *factor != F::System || group != Group::Cpu;
    own.iter().chain(&shared).chain(further).copied().filter(is_told).collect()
}
