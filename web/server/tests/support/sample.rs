//! Runs as a probe would sign them, for tests.

use data::Engine;
use data::envelope::{self, Envelope};
use data::fingerprint::{Fingerprint, Gpu, HostState, Ram};
use data::query::Params;
use data::submission::{
    BackendInfo, Calibration, Identity, ModelIdentity, Submission, Turn, Turns, WorkloadResult,
};

/// SHA-256 of the same model's file for everybody.
pub const FILE: &str = "7b064f5842bf9532c91456deda288a1b672397a54fa729aa665952863033557c";

/// What the estimator says of the sample's first workload, tokens a second.
pub fn estimated(hardware: &str) -> f64 {
    expected(hardware, 256, 128, 1)
}

/// What it says of the sample's model in another job.
fn expected(hardware: &str, context: u32, prompt: u32, streams: u32) -> f64 {
    let engine = Engine::embedded();
    let [context, prompt, streams] = [context, prompt, streams].map(|count| count.to_string());
    let pairs = [
        ("hardware", hardware),
        ("model", "llama-3.1-8b"),
        ("quant", "q4_k_m"),
        ("context", &context),
        ("prompt", &prompt),
        ("streams", &streams),
    ];
    let params = Params::read(pairs).unwrap();
    let (rig, job) = engine.read(&params).unwrap();
    let chosen = engine.choose(&params, &rig, &job).unwrap();
    engine.answer(&rig, &job, &chosen).decode_tps.unwrap().mid
}

/// A run of machine number `who` on an RTX 3090 with this decode speed.
pub fn run(who: u8, decode_tps: f64) -> Submission {
    let gpu = Gpu {
        name: "NVIDIA GeForce RTX 3090".into(),
        maker: "nvidia".into(),
        memory_gib: Some(24.0),
        power_limit_w: Some(350.0),
        power_limit_default_w: Some(350.0),
        ..Gpu::default()
    };
    // The processor tells machines with the same card apart.
    let mut fingerprint = Fingerprint { gpus: vec![gpu], ..Fingerprint::default() };
    fingerprint.cpu.model = format!("Test Processor {who}");
    fingerprint.ram = Ram { total_gib: 64.0, read_gb_s: Some(60.0), ..Ram::default() };
    Submission {
        suite: "suite-v1".into(),
        probe: "0.1.0".into(),
        measured_on: today(),
        backend: BackendInfo {
            name: "llama.cpp".into(),
            version: "b7000".into(),
            build: Some("CUDA: ARCHS=860, CPU: AVX2".into()),
            threads: Some(8),
            gpu_layers: Some(33),
            layers: Some(33),
        },
        model: ModelIdentity {
            reference: "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf".into(),
            id: None,
            quant: Some("Q4_K_M".into()),
            digest: Some(FILE.into()),
            prefix_digest: None,
            size_bytes: Some(4_920_734_272),
            params: Some(8_030_261_312),
            tensor_bytes: None,
            identity: Identity::File,
        },
        fingerprint,
        tag: Some(envelope::digest(&[who])),
        before: HostState::default(),
        during: None,
        after: HostState::default(),
        calibration: Calibration { latency_ms: 0.1, ceiling_tps: 100_000.0 },
        workloads: vec![WorkloadResult {
            skipped: None,
            ttft_ms: Some(40.0),
            decode_tps: Some(decode_tps),
            decode_tps_interval: Some([decode_tps * 0.99, decode_tps * 1.01]),
            decode_p50_latency_ms: Some(1000.0 / decode_tps),
            decode_p95_latency_ms: Some(1100.0 / decode_tps),
            prompt_tokens: Some(128),
            output_tokens: Some(256),
            wall_ms: Some(256.0 * 1000.0 / decode_tps + 40.0),
            prefix_cache_hit_rate: Some(0.0),
            repeats: 5,
            ..WorkloadResult::skipped("W1", 128, 1, String::new())
        }],
        raw_timings_sha256: envelope::digest(RAW.as_bytes()),
    }
}

/// A run of machine number `who` through all kinds of workload: W1, three depths of W3, four stream counts of W4, and the
/// trace. The deeper and the more at once, the slower; `factor` scales the whole.
pub fn full_run(who: u8, factor: f64) -> Submission {
    let mut run = run(who, estimated("rtx-3090") * factor);
    let point = |workload: &str, prompt: u32, streams: u32| {
        let decode_tps = factor * expected("rtx-3090", prompt + 128, prompt, streams);
        WorkloadResult {
            skipped: None,
            ttft_ms: Some(f64::from(prompt)),
            decode_tps: Some(decode_tps),
            aggregate_tps: (streams > 1).then(|| f64::from(streams) * decode_tps),
            prompt_tokens: Some(prompt),
            output_tokens: Some(256),
            wall_ms: Some(256_000.0 / decode_tps + f64::from(prompt)),
            prefix_cache_hit_rate: Some(0.0),
            repeats: 3,
            ..WorkloadResult::skipped(workload, prompt, streams, String::new())
        }
    };
    run.workloads.extend([32_512, 65_280].map(|prompt| point("W3", prompt, 1)));
    run.workloads.extend([1, 4, 8, 16].map(|streams| point("W4", 1024, streams)));
    let mut trace = point("W5", 16_128, 1);
    let turn =
        |n: u32| Turn { ttft_ms: Some(300.0 + 20.0 * f64::from(n)), wall_ms: 2400.0 + 50.0 * f64::from(n) };
    let timeline = (0..10).map(turn).collect();
    trace.turns = Some(Turns { count: 10, p50_ms: 2400.0, p95_ms: 5100.0, timeline });
    trace.output_tokens = Some(2560);
    trace.wall_ms = Some(27_000.0);
    trace.prefix_cache_hit_rate = Some(0.86);
    run.workloads.push(trace);
    run
}

/// The same run with 100 of each point's tokens as reasoning, 20 % slower than the answer after it.
pub fn reasoned(mut run: Submission) -> Submission {
    for point in &mut run.workloads {
        let (Some(decode_tps), Some(ttft_ms)) = (point.decode_tps, point.ttft_ms) else { continue };
        point.reasoning_tokens = Some(100);
        point.first_answer_ms = Some(ttft_ms + 100_000.0 / (0.8 * decode_tps));
        point.answer_tps = Some(decode_tps);
    }
    run
}

/// Raw timings whose digest every sample names.
pub const RAW: &str = "[]";

/// The key of machine number `who`.
pub fn seed(who: u8) -> [u8; 32] {
    [who.wrapping_add(1); 32]
}

/// The run, signed by its machine's key.
pub fn sealed(who: u8, run: &Submission) -> Envelope {
    envelope::seal(&serde_json::to_vec(run).unwrap(), &seed(who))
}

/// Today, as runs write it.
pub fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    server_day(since.as_millis() as i64)
}

fn server_day(at_ms: i64) -> String {
    // Days since 1970 to a date, by walking the years: slow and plain, so that it is no copy of what it tests.
    let mut days = at_ms / 86_400_000;
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    while days >= if leap(year) { 366 } else { 365 } {
        days -= if leap(year) { 366 } else { 365 };
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", days + 1)
}
