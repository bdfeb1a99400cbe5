//! One machine and one job, asked about many models.

use alloc::vec::Vec;

use estimator::decode;
use estimator::inverse::{Needed, bandwidth_for, longest_context};
use estimator::{Constants, HardwareClass, MAX_DEVICES, Setup, estimate};

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

    /// The bandwidth that each device would need for a decode speed, all else as it is: constants are looked up anew at every
    /// bandwidth, since a processor's arithmetic gets no faster with its memory.
    #[must_use]
    pub fn bandwidth_for(&self, matter: &Matter, decode_tps: f64) -> Option<Needed> {
        let Asking { engine, rig, job, .. } = self;
        let mut faster = (*rig).clone();
        let widest = rig.devices.iter().map(|d| d.device.bandwidth_gb_s).fold(0.0, f64::max);
        bandwidth_for(widest, decode_tps, &mut |factor| {
            for (device, now) in faster.devices.iter_mut().zip(&rig.devices) {
                device.device.bandwidth_gb_s = now.device.bandwidth_gb_s * factor;
                // Whoever lives in the system's memory is its host, and there is no link to it.
                if now.device.class != HardwareClass::DiscreteGpu {
                    device.device.host_link_gb_s = device.device.bandwidth_gb_s;
                    faster.host.bandwidth_gb_s = device.device.bandwidth_gb_s;
                }
            }
            Asking::new(engine, &faster, job)
                .brief(matter)
                .estimate
                .speeds
                .map(|speeds| speeds.decode_tps.mid)
        })
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
            family: matter.family,
            matrix_format: matter.matrix_format,
            weight_flops_per_byte: decode::weight_flops_per_byte(&matter.model, &matter.weights),
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
                memory: engine.rules.rows.memory,
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

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use super::*;
    use crate::query::Params;
    use crate::subject::Subject;
    use alloc::format;
    use alloc::string::{String, ToString};

    fn asked<'c>(engine: &Engine<'c>, pairs: &[(&str, &str)]) -> (Rig<'c>, Job) {
        engine.read(&Params::read(pairs.iter().copied()).expect("known names")).expect("a machine")
    }

    fn speed(engine: &Engine<'_>, rig: &Rig<'_>, job: &Job, matter: &Matter) -> f64 {
        let speeds = Asking::new(engine, rig, job).brief(matter).estimate.speeds;
        speeds.map_or(0.0, |speeds| speeds.decode_tps.mid)
    }

    /// Each class, by devices that were measured and some that were not, alone and several, with streams and offload.
    #[test]
    fn a_machine_with_the_bandwidth_told_reaches_the_target_in_every_class() {
        let engine = Engine::embedded();
        let (mut reached, mut never) = (0, 0);
        for device in engine.catalog.devices().iter().step_by(3) {
            for (model, count, streams) in
                [("llama-3.1-8b", "1", "1"), ("gpt-oss-20b", "2", "4"), ("qwen3-30b-a3b", "1", "8")]
            {
                let pairs = [("hardware", device.id.as_str()), ("devices", count), ("streams", streams)];
                let (rig, job) = asked(&engine, &pairs);
                let model = engine.catalog.model(model).expect("a model");
                let quant = engine.catalog.quant("q4_k_m").expect("a quantisation");
                let matter = Subject::of_row(model, quant, job.runtime).matter();
                for target in [0.5, 12.0, 45.0, 600.0] {
                    let told = Asking::new(&engine, &rig, &job).bandwidth_for(&matter, target);
                    let now = rig.first().device.bandwidth_gb_s;
                    let at = |gb_s: f64| {
                        let mut other = rig.clone();
                        for device in &mut other.devices {
                            device.device.bandwidth_gb_s *= gb_s / now;
                            if device.device.class != HardwareClass::DiscreteGpu {
                                device.device.host_link_gb_s = device.device.bandwidth_gb_s;
                                other.host.bandwidth_gb_s = device.device.bandwidth_gb_s;
                            }
                        }
                        speed(&engine, &other, &job, &matter)
                    };
                    match told {
                        Some(Needed::Bandwidth(gb_s)) => {
                            reached += 1;
                            assert!(
                                at(gb_s) >= target * (1.0 - 1e-9),
                                "{} {pairs:?} {target}: {gb_s}",
                                model.id
                            );
                        }
                        Some(Needed::Never(most)) => {
                            never += 1;
                            assert!(
                                most < target && at(1e3 * now) <= most * (1.0 + 1e-9),
                                "{} {pairs:?}",
                                model.id
                            );
                        }
                        None => {
                            assert_eq!(speed(&engine, &rig, &job, &matter), 0.0, "{} {pairs:?}", model.id);
                        }
                    }
                }
            }
        }
        assert!(reached > 100 && never > 100, "{reached} reached, {never} never");
    }

    /// What is told can be typed in and gives that speed: `bandwidth_gb_s` belongs to machines that live in RAM.
    #[test]
    fn a_processor_with_the_bandwidth_told_answers_so_fast_or_none_does() {
        let engine = Engine::embedded();
        let processors = engine
            .catalog
            .devices()
            .iter()
            .filter(|row| matches!(row.class, HardwareClass::Cpu | HardwareClass::Mobile));
        let own = [("own".to_string(), "cpu"), ("own".to_string(), "mobile")];
        let machines: Vec<(String, &str)> = processors.map(|row| (row.id.clone(), "")).chain(own).collect();
        let (mut reached, mut never) = (0, 0);
        for (id, class) in machines {
            let given = |bandwidth: Option<f64>| {
                let mut pairs = alloc::vec![("model".to_string(), "llama-3.1-8b".to_string())];
                pairs.push(("quant".into(), "q4_k_m".into()));
                pairs.push(("target_tps".into(), "30".into()));
                if class.is_empty() {
                    pairs.push(("hardware".into(), id.clone()));
                } else {
                    pairs.push(("class".into(), class.into()));
                    pairs.push(("memory_gib".into(), "32".into()));
                }
                if let Some(gb_s) = bandwidth.or((!class.is_empty()).then_some(60.0)) {
                    pairs.push(("bandwidth_gb_s".into(), format!("{gb_s}")));
                }
                let params = Params::read(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
                let params = params.expect("known names");
                let (rig, job) = engine.read(&params).expect("a machine");
                let chosen = engine.choose(&params, &rig, &job).expect("a model");
                engine.answer(&rig, &job, &chosen)
            };
            let inverse = given(None).inverse;
            match (inverse.bandwidth_needed_gb_s, inverse.no_bandwidth) {
                (Some(gb_s), None) => {
                    reached += 1;
                    let speed = given(Some(gb_s)).decode_tps.expect("it runs").mid;
                    assert!((speed / 30.0 - 1.0).abs() < 1e-4, "{id} {class}: {speed} at {gb_s} GB/s");
                }
                (None, Some(why)) => {
                    never += 1;
                    assert!(why.contains("30 tok/s") && why.contains("No bandwidth"), "{why}");
                    assert!(given(Some(1e6)).decode_tps.expect("it runs").mid < 30.0, "{id} {class}");
                }
                other => assert!(
                    other == (None, None) && given(None).decode_tps.is_none(),
                    "{id} {class}: {other:?}"
                ),
            }
        }
        assert!(reached > 5 && never > 5, "{reached} reached, {never} never");
    }
}
