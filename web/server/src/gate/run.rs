//! A signed run, from bytes to a candidate.

use altcha::Payload;
use data::digest::{digest, unhex32};
use data::fingerprint::Gpu;
use data::machine;
use data::plausibility::PlausibilityRow;
use data::row::{QuantRow, Runtime};
use data::submission::{
    EvidenceClass, Identity, Reason, RunRequest, State, Submission, WorkloadResult, depth_bucket,
};
use data::{Catalog, Engine, envelope::Envelope};
use page::messages::EN;

use super::claim::{self, Outlook, Pairs, Subject};
use super::{
    Because, Candidate, Kind, Point, Refusal, Signer, believed, coherent, fields, proof, reason, strict,
};

/// What the gate needs beside the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// What estimates are made with.
    pub engine: &'a Engine<'static>,
    /// When a submission is doubted.
    pub rules: &'a PlausibilityRow,
    /// Secrets of the proofs of work.
    pub secret: &'a proof::Secret,
    /// The server's clock, milliseconds since 1970 (UTC).
    pub now_ms: i64,
    /// Whether nothing will be kept: then proof of work may be missing.
    pub dry: bool,
}

/// A body that may lack its proof of work.
pub(super) type Proof = Option<Payload>;

/// Reads the body of `POST /api/v1/runs`.
///
/// # Errors
/// Why it is not taken, in a sentence.
pub fn candidate(body: &[u8], around: &Around<'_>) -> Result<Candidate, Refusal> {
    let request: RunRequest<Proof> = read_request(body)?;
    let payload = open(&request.envelope)?;
    let digest = digest(&payload);
    let nonce = spend(around, request.pow.as_ref(), &digest)?;
    let run: Submission = strict::read(&payload, EN.gate.the_run, &[])?;
    fields::check(&run, around.engine.catalog, around.rules, around.now_ms)?;
    let signer = Signer {
        key: request.envelope.signatures[0].keyid.clone(),
        tag: run.tag.clone(),
        hardware: data::digest::digest(run.fingerprint.hardware_descriptor().as_bytes()),
        month: run.measured_on[..7].to_owned(),
    };
    let signatures = serde_json::to_string(&request.envelope.signatures)
        .map_err(|error| Refusal::new(Because::Malformed, error.to_string()))?;
    let mut candidate = Candidate {
        digest,
        payload,
        signatures,
        kind: Kind::Run,
        evidence: if model_digest(&run).is_empty() {
            EvidenceClass::Unverified
        } else {
            EvidenceClass::Signed
        },
        signer: Some(signer),
        nonce,
        measured_on: run.measured_on.clone(),
        suite: run.suite.clone(),
        subject: Subject::default(),
        raw_timings_sha256: run.raw_timings_sha256.clone(),
        said: String::new(),
        points: Vec::new(),
        reasons: Vec::new(),
        state: State::Accepted,
    };
    describe(&run, around, &mut candidate)?;
    Ok(candidate)
}

/// What identifies the model: a SHA-256 of its file, of its headers, or by its runtime. Empty where nothing does: the word
/// of a run that it was hashed is none, nor is a digest without the weights and bytes that whoever read the file has counted.
fn model_digest(run: &Submission) -> &str {
    let model = &run.model;
    let digest = model.digest.as_deref().filter(|digest| unhex32(digest).is_some());
    let is_read = match model.identity {
        Identity::File | Identity::Header => {
            model.params.is_some() && model.tensor_bytes.or(model.size_bytes).is_some()
        }
        Identity::Runtime => true,
        Identity::Unverified => false,
    };
    digest.filter(|_| is_read).unwrap_or_default()
}

fn read_request(body: &[u8]) -> Result<RunRequest<Proof>, Refusal> {
    // The payload is one long string of base64, which has its own limit; times and numbers of a solution are plain.
    strict::read(body, EN.gate.the_request, &["payload"])
}

/// The payload behind its one signature.
pub(super) fn open(envelope: &Envelope) -> Result<Vec<u8>, Refusal> {
    if envelope.signatures.len() != 1 {
        return Err(Refusal::new(Because::Signature, EN.gate.one_signature));
    }
    let payload = envelope.open().map_err(|error| Refusal::new(Because::Signature, sentence(&error)))?;
    if payload.len() > data::envelope::PAYLOAD_LIMIT_BYTES {
        let says =
            EN.gate.run_bytes(&payload.len().to_string(), &data::envelope::PAYLOAD_LIMIT_BYTES.to_string());
        return Err(Refusal::new(Because::TooLarge, says));
    }
    Ok(payload)
}

/// An error as a sentence.
pub(super) fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str().trim_end_matches('.')),
        None => text,
    }
}

/// The proof of work's nonce; of a dry run none is needed.
pub(super) fn spend(
    around: &Around<'_>,
    pow: Option<&Payload>,
    digest: &str,
) -> Result<Option<(String, i64)>, Refusal> {
    if around.dry && pow.is_none() {
        return Ok(None);
    }
    proof::check(around.secret, pow, digest, around.now_ms).map(Some)
}

/// Finds machine and model, and what is expected of each point.
fn describe(run: &Submission, around: &Around<'_>, candidate: &mut Candidate) -> Result<(), Refusal> {
    let (engine, rules) = (around.engine, around.rules);
    let believed = believed::machine(engine.catalog, &run.fingerprint, rules);
    let this = machine::in_catalog(engine.catalog, &believed.fingerprint);
    let gpu = run.fingerprint.gpus.first();
    let mut pairs = this.pairs.clone();
    let name = claim::slug(&run.backend.name);
    let runtime = Runtime::ALL.into_iter().find(|runtime| runtime.name() == name);
    if let Some(runtime) = runtime {
        pairs.push(("runtime", runtime.name().to_owned()));
    }
    // A machine that the runtime does not run on is the same machine all the same; nothing tells what drives it then.
    let without_runtime =
        || claim::machine(engine, &this.pairs).map(|(id, count, _)| (id, count, String::new()));
    let named = claim::machine(engine, &pairs).or_else(without_runtime);
    let unnamed = || claim::processor(engine, &pairs, &run.fingerprint.cpu).filter(|_| gpu.is_none());
    let is_unlisted = named.is_none();
    let found = named.or_else(unnamed);
    let power_share = this
        .pairs
        .iter()
        .find(|(name, _)| *name == "power")
        .and_then(|(_, share)| share.parse::<f64>().ok())
        .filter(|share| *share < data::medians::CAPPED_BELOW);
    let subject = &mut candidate.subject;
    subject.runtime = name;
    subject.runtime_version.clone_from(&run.backend.version);
    subject.memory_gib = gpu.and_then(|gpu| gpu.memory_gib);
    subject.power_share = power_share;
    subject.model_digest = model_digest(run).to_owned();
    subject.size_bytes = run.model.size_bytes;
    if subject.runtime.is_empty() {
        return Err(Refusal::new(Because::Claim, EN.gate.no_runtime));
    }
    let is_machine_known = found.is_some();
    (subject.device, subject.devices, subject.backend) = found.unwrap_or_else(|| {
        let name = gpu.map_or(run.fingerprint.cpu.model.as_str(), |gpu| gpu.name.as_str());
        (claim::slug(name), run.fingerprint.gpus.len().max(1) as u32, String::new())
    });
    if let Some(share) = power_share {
        subject.device = data::medians::capped(&subject.device, share);
    }

    let name = run.model.reference.rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix(".gguf").unwrap_or(name);
    let model = run.model.id.as_deref().map_or_else(
        || engine.catalog.model(name).ok(),
        |id| engine.catalog.models().iter().find(|row| row.id == id),
    );
    let quant: Option<&QuantRow> =
        run.model.quant.as_deref().and_then(|quant| engine.catalog.quant(quant).ok());
    subject.model = model.map_or_else(|| claim::slug(name), |row| row.id.clone());
    subject.quant = quant
        .map_or_else(|| claim::slug(run.model.quant.as_deref().unwrap_or_default()), |row| row.id.clone());
    if let Some(row) = model {
        claim::agrees(&run.model, row, quant, runtime.unwrap_or(Runtime::LlamaCpp), rules)?;
    }

    let mut offloaded = None;
    for result in run.workloads.iter().filter(|result| result.skipped.is_none()) {
        let outlook = match (model, quant) {
            (Some(model), Some(quant)) if is_machine_known => {
                claim::outlook(engine, &of_point(&pairs, result), model, quant)
            }
            _ => Ok(Outlook::default()),
        };
        let outlook = outlook.unwrap_or_else(|says| {
            not_estimated(candidate, says);
            Outlook::default()
        });
        offloaded = offloaded.or(outlook.offloaded);
        candidate.points.push(point(result, &outlook, rules.nearly));
        for (state, reason) in coherent::remarks(result, &outlook, rules) {
            candidate.lower(state, reason);
        }
        if let Some(reason) = uncounted(result) {
            candidate.lower(State::Flagged, reason);
        }
    }
    candidate.subject.offloaded = offloaded;
    unknowns(candidate, is_machine_known, model.is_some(), quant.is_some());
    if is_machine_known && is_unlisted {
        let says = EN.gate.unlisted_processor;
        candidate.reasons.push(reason("unlisted_processor", says));
    }
    // A card's key is everybody's; a processor without a row votes under its own name alone.
    if candidate.subject.offloaded == Some(true)
        && run.fingerprint.ram.read_gb_s.is_some()
        && !believed.is_backed
    {
        let says = EN.gate.unlisted_memory;
        candidate.lower(State::Flagged, reason("unlisted_memory", says));
    }
    // A processor's figures bear on what it answers itself, and on what a card leaves to it.
    if gpu.is_none() || candidate.subject.offloaded == Some(true) {
        cut_figures(&believed, candidate);
    }
    left_out(run, engine.catalog, rules, candidate);
    travelling(run, candidate);
    Ok(())
}

/// A machine that tells more of itself than is believed: where the catalogue or its channels say how much it may be, the speed
/// was checked against that; where nothing does, against what no processor has.
fn cut_figures(believed: &believed::Believed, candidate: &mut Candidate) {
    if believed.cut.is_empty() {
        return;
    }
    let cut = believed.cut.iter().map(|one| (*one).to_owned());
    let cut = cut.reduce(|one, other| EN.gate.both_cut(&one, &other)).unwrap_or_default();
    let (state, says) = if believed.is_backed {
        let says = EN.gate.machine_cut(&cut);
        (State::Accepted, says)
    } else {
        let says = EN.gate.machine_unbacked(&cut);
        (State::Flagged, says)
    };
    candidate.lower(state, reason("machine_figures", says));
}

/// What nobody can expect a speed of does not count, and says so once.
pub(super) fn not_estimated(candidate: &mut Candidate, says: String) {
    if !candidate.reasons.iter().any(|known| known.code == "not_estimated") {
        candidate.lower(State::Flagged, reason("not_estimated", says));
    }
}

/// A card that the catalogue does not know, beside a card or a processor that it knows: what ran on it is not in the estimate.
fn left_out(run: &Submission, catalog: &Catalog, rules: &PlausibilityRow, candidate: &mut Candidate) {
    let is_unknown = |gpu: &&Gpu| {
        gpu.memory_gib.is_some_and(|gib| gib >= rules.part_gib)
            && catalog.known_device(&gpu.name, gpu.memory_gib).is_none()
            && catalog.known_device(&gpu.name, None).is_none()
    };
    if let Some(gpu) = run.fingerprint.gpus.iter().find(is_unknown) {
        let says = EN.gate.unlisted_card(&gpu.name);
        candidate.lower(State::Flagged, reason("unlisted_card", says));
    }
}

/// What cannot be checked does not count, and says why.
fn unknowns(candidate: &mut Candidate, machine: bool, model: bool, quant: bool) {
    for (known, code, what) in [
        (machine, "unknown_device", EN.gate.unknown_device),
        (model, "unknown_model", EN.gate.unknown_model),
        (quant, "unknown_quant", EN.gate.unknown_quant),
    ] {
        if !known {
            let says = EN.gate.unknown(what);
            candidate.lower(State::Flagged, reason(code, says));
        }
    }
}

/// What a point says of itself that keeps it from counting. The probe sends no such run; another program may.
fn uncounted(result: &WorkloadResult) -> Option<Reason> {
    let has = |word: &str| result.flags.iter().any(|flag| flag == word);
    if has("remote") {
        return Some(reason("remote", EN.gate.remote));
    }
    has("quick").then(|| reason("quick", EN.gate.quick))
}

/// Remarks of the probe that travel with the result; they take nothing from it.
fn travelling(run: &Submission, candidate: &mut Candidate) {
    for flag in run
        .before
        .flags()
        .into_iter()
        .chain(run.during.iter().flat_map(data::fingerprint::HostState::flags))
        .chain(run.after.flags())
    {
        if candidate.reasons.iter().any(|known| known.code == flag) {
            continue;
        }
        let says = match flag {
            "on_battery" => EN.gate.on_battery,
            "powersave_governor" => EN.gate.powersave,
            "cpu_thermal_limit" => EN.gate.cpu_thermal,
            "gpu_thermal_limit" => EN.gate.gpu_thermal,
            _ => EN.gate.gpu_power,
        };
        candidate.reasons.push(reason(flag, says));
    }
    if candidate.evidence == EvidenceClass::Unverified {
        candidate.reasons.push(reason("model_by_name", EN.gate.model_by_name));
    }
    if candidate.signer.as_ref().is_some_and(|signer| signer.tag.is_none()) {
        candidate.reasons.push(reason("anonymous", EN.gate.anonymous));
    }
}

fn of_point(machine: &Pairs, result: &WorkloadResult) -> Pairs {
    let mut pairs = machine.clone();
    let prompt = result.prompt_tokens.unwrap_or(result.target_prompt_tokens).max(1);
    pairs.push(("context", context(result).max(1).to_string()));
    pairs.push(("prompt", prompt.to_string()));
    pairs.push(("streams", result.streams.to_string()));
    let cached = cached(result);
    if cached > 0 && cached < prompt {
        pairs.push(("cached", cached.to_string()));
    }
    pairs
}

/// Prompt tokens that came out of a cache.
fn cached(result: &WorkloadResult) -> u32 {
    let prompt = result.prompt_tokens.unwrap_or(result.target_prompt_tokens);
    (f64::from(prompt) * result.prefix_cache_hit_rate.unwrap_or(0.0)).round() as u32
}

/// Tokens in the cache half-way through the answer.
fn context(result: &WorkloadResult) -> u32 {
    result.prompt_tokens.unwrap_or(result.target_prompt_tokens) + result.output_tokens.unwrap_or(0) / 2
}

/// `nearly` is how far apart the speed of the whole and those of its parts may lie.
fn point(result: &WorkloadResult, outlook: &Outlook, nearly: f64) -> Point {
    let agrees = |part_tps: f64| {
        result.decode_tps.is_some_and(|whole_tps| (1.0 / nearly..=nearly).contains(&(part_tps / whole_tps)))
    };
    let cached_tokens = cached(result);
    Point {
        workload: result.workload.clone(),
        prompt_tokens: result
            .prompt_tokens
            .unwrap_or(result.target_prompt_tokens)
            .saturating_sub(cached_tokens),
        cached_tokens,
        output_tokens: result.output_tokens.unwrap_or(0),
        streams: result.streams,
        speculative: result.flags.iter().any(|flag| flag == "speculative"),
        depth_tokens: depth_bucket(context(result)),
        decode_tps: result.decode_tps,
        prefill_tps: result.prefill_tps,
        ttft_ms: result.ttft_ms,
        apart: result.apart().filter(|apart| agrees(apart.reasoning_tps) && agrees(apart.answer_tps)),
        flags: result.flags.join(" "),
        expected_decode: outlook.decode,
        // Several prompts at once share the machine in a way that is not estimated.
        expected_prefill: outlook.prefill.filter(|_| result.streams == 1),
    }
}
