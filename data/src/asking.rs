//! One machine and one job, asked about many models.

use alloc::vec::Vec;

use estimator::inverse::longest_context;
use estimator::{Constants, MAX_DEVICES, Setup, estimate};

use crate::answer::EvidenceByFigure;
use crate::constants::{DeviceFacts, Situation};
use crate::engine::{Brief, Engine};
use crate::query::{Job, Rig};
use crate::subject::Matter;

/// A machine and a job, laid out once: from model to model only what differs is written.
#[derive(Debug)]
pub struct Asking<'a> {
    engine: Engine<'a>,
    rig: &'a Rig<'a>,
    job: &'a Job,
    devices: Vec<DeviceFacts<'a>>,
    laid_out: Option<(Setup, Constants)>,
}

impl<'a> Asking<'a> {
    /// Nothing is computed before the first question.
    #[must_use]
    pub fn new(engine: &Engine<'a>, rig: &'a Rig<'a>, job: &'a Job) -> Self {
        let devices = rig.devices.iter().map(|d| DeviceFacts { row: d.row, device: &d.device }).collect();
        Asking { engine: *engine, rig, job, devices, laid_out: None }
    }

    /// The estimate alone.
    pub fn brief(&mut self, matter: &Matter) -> Brief {
        let (setup, constants, evidence) = self.about(matter);
        Brief { estimate: estimate(setup, constants), evidence }
    }

    /// The longest context with which it lies whole on the devices.
    pub fn longest_context(&mut self, matter: &Matter) -> Option<u32> {
        let (setup, constants, _) = self.about(matter);
        longest_context(setup, constants)
    }

    /// What the estimator is asked about a model, the constants that apply, and what they rest on.
    pub fn about(&mut self, matter: &Matter) -> (&Setup, &Constants, EvidenceByFigure) {
        let Asking { engine, rig, job, devices, laid_out } = self;
        let situation = Situation {
            memo: &rig.memo,
            devices,
            host: rig.host,
            backend: job.backend,
            runtime: job.runtime,
            group: matter.group,
            matrix_format: matter.matrix_format,
            bits_per_weight: matter.bits_per_weight,
            model: &matter.model,
            cache: job.cache,
            workload: job.workload,
        };
        let (setup, constants) = laid_out.get_or_insert_with(|| {
            let setup = Setup {
                machine: rig.machine(),
                model: matter.model,
                weights: matter.weights,
                cache: job.cache,
                workload: job.workload,
            };
            let constants = Constants {
                devices: [engine.fitted.device(&situation, &devices[0]).0; MAX_DEVICES],
                offload: engine.fitted.offload(),
                exchange: engine.fitted.exchange(),
                memory: engine.rules.memory(),
                runtime: engine.rules.runtime(job.runtime, &rig.first().device),
            };
            (setup, constants)
        });
        let evidence = engine.fitted.resolve(&situation, &mut constants.devices[..devices.len()]);
        setup.model = matter.model;
        setup.weights = matter.weights;
        (setup, constants, evidence)
    }
}
