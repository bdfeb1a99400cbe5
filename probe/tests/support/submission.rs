//! A run that measured nothing, as it would be sent.

use data::fingerprint::{Fingerprint, HostState};
use data::submission::{BackendInfo, Calibration, Identity, ModelIdentity, Submission, WorkloadResult};

/// Of a model that is known by name only; `raw` are its raw timings.
pub fn unmeasured(raw: &str) -> Submission {
    Submission {
        suite: "suite-v1".into(),
        probe: "0.1.0".into(),
        measured_on: "2026-11-22".into(),
        backend: BackendInfo { name: "llama.cpp".into(), version: "b1".into(), ..BackendInfo::default() },
        model: ModelIdentity {
            reference: "m.gguf".into(),
            id: None,
            quant: Some("Q4_K_M".into()),
            digest: None,
            prefix_digest: None,
            size_bytes: None,
            params: None,
            tensor_bytes: None,
            identity: Identity::Unverified,
        },
        fingerprint: Fingerprint::default(),
        tag: None,
        before: HostState::default(),
        during: None,
        after: HostState::default(),
        calibration: Calibration::default(),
        workloads: vec![WorkloadResult::skipped("W3", 32_512, 1, "too long".into())],
        raw_timings_sha256: data::digest::digest(raw.as_bytes()),
    }
}
