//! Effects that were looked up once already.
//!
//! A list asks for thousands of setups on one machine, which differ in quantisation and model. Effects depend on few of their
//! facts, and looking one up means comparing names of levels, which took most of a list's time.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

use estimator::HardwareClass;

use super::{Effects, Facts, Figure, Fitted, Group, Part, Term};
use crate::backend::Backend;
use crate::row::Runtime;

/// How many terms there are; the power limit's is the last.
const TERMS: usize = Term::Power as usize + 1;

/// One figure of one device.
#[derive(Clone, Debug)]
pub(super) struct Figured {
    /// The effects that it is under.
    pub effects: Effects,
    constants: [f64; TERMS],
}

impl Figured {
    fn of(part: &Part, facts: &Facts<'_>) -> Self {
        let effects = part.effects_of(facts);
        let mut constants = [0.0; TERMS];
        for (term, constant) in &part.terms {
            constants[*term as usize] = constant * effects.slower(*term);
        }
        Figured { effects, constants }
    }

    /// A term's constant with its effects; 0 where the fit has no such term.
    pub fn term(&self, term: Term) -> f64 {
        self.constants[term as usize]
    }
}

/// The figures of one device.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Decode.
    pub decode: Figured,
    /// Prefill.
    pub prefill: Figured,
    /// What further streams add.
    pub streams: Figured,
}

impl Known {
    fn of(fitted: &Fitted, facts: &Facts<'_>) -> Self {
        let figured = |figure| Figured::of(part(fitted, figure, facts.group), facts);
        Known {
            decode: figured(Figure::Decode),
            prefill: figured(Figure::Prefill),
            streams: figured(Figure::Streams),
        }
    }
}

/// The fit of a figure on a device's group.
pub(super) fn part(fitted: &Fitted, figure: Figure, group: Group) -> &Part {
    fitted.part(figure, group).expect("refit writes a part for any device")
}

/// What a question's effects go by: the device's row by its place, its class, backend, runtime, quantisation family, and
/// whether there are routed experts.
pub(super) type Key = (usize, HardwareClass, Backend, Runtime, &'static str, bool);

/// Effects that were looked up for one machine. It holds for the constants that it was first used with.
#[derive(Clone, Debug, Default)]
pub struct Memo(RefCell<Vec<(Key, Rc<Known>)>>);

/// What is remembered is no part of what a machine is.
impl PartialEq for Memo {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Memo {
    /// The effects under `key`, which are those of `facts`.
    pub(super) fn effects<'f>(
        &self,
        fitted: &Fitted,
        key: Key,
        facts: impl FnOnce() -> Facts<'f>,
    ) -> Rc<Known> {
        let mut kept = self.0.borrow_mut();
        if let Some((_, known)) = kept.iter().find(|(other, _)| *other == key) {
            return Rc::clone(known);
        }
        let known = Rc::new(Known::of(fitted, &facts()));
        kept.push((key, Rc::clone(&known)));
        known
    }
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use super::Memo;
    use crate::Engine;
    use crate::query::{Params, Rig};
    use crate::subject::Subject;

    #[test]
    fn what_was_looked_up_before_changes_no_answer() {
        let engine = Engine::embedded();
        let machines =
            [("rtx-3090", "llama.cpp"), ("rtx-3090,rtx-4090", "vllm"), ("ryzen-ai-max-395", "ollama")];
        for (machine, runtime) in machines {
            let params = Params::read([("hardware", machine), ("runtime", runtime)]).expect("known names");
            let (rig, job) = engine.read(&params).expect("the catalogue has them");
            for model in engine.catalog.models().iter().step_by(7) {
                for quant in engine.catalog.quants() {
                    let subject = Subject::of_row(model, quant, job.runtime);
                    let afresh = Rig { memo: Memo::default(), ..rig.clone() };
                    assert_eq!(
                        engine.brief(&rig, &job, &subject),
                        engine.brief(&afresh, &job, &subject),
                        "{machine} {} {}",
                        model.id,
                        quant.id
                    );
                }
            }
        }
    }
}
