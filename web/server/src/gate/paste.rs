//! Lines that a runtime printed, from bytes to a candidate: the same reader as in the browser decides.

use data::digest::digest;
use data::paste::{self, Run, Verdict};
use data::query::Params;
use data::row::Runtime;
use data::submission::{EvidenceClass, PASTE_LIMIT_BYTES, Paste, State, TextRequest, depth_bucket};
use page::messages::EN;

use super::claim::{self, Pairs, Subject};
use super::run::{Around, Proof, not_estimated, spend};
use super::{Because, Candidate, Kind, Point, Refusal, day, reason, strict};

/// Reads the body of `POST /api/v1/pastes`.
///
/// # Errors
/// Why it is not taken, in a sentence.
pub fn candidate(body: &[u8], around: &Around<'_>) -> Result<Candidate, Refusal> {
    let request: TextRequest<Proof> = strict::read(body, EN.gate.the_request, &["text"])?;
    if request.text.len() > PASTE_LIMIT_BYTES {
        let says = EN.gate.paste_bytes(&request.text.len().to_string(), &PASTE_LIMIT_BYTES.to_string());
        return Err(Refusal::new(Because::TooLarge, says));
    }
    let digest = digest(request.text.as_bytes());
    let nonce = spend(around, request.pow.as_ref(), &digest)?;
    let sent: Paste = strict::read(request.text.as_bytes(), EN.gate.the_paste, &["lines"])?;
    let reading = paste::read(sent.lines.as_bytes());
    if reading.verdict == Verdict::Refused {
        return Err(Refusal::new(Because::Claim, reading.says));
    }
    let [run] = &reading.runs[..] else {
        let says = EN.gate.several_runs(&reading.runs.len().to_string());
        return Err(Refusal::new(Because::Claim, says));
    };
    if let Some(why) = run.unsent() {
        return Err(Refusal::new(Because::Claim, why));
    }
    if run.lines.trim_end() != sent.lines.trim_end() {
        let says = EN.gate.not_timings;
        return Err(Refusal::new(Because::Claim, says));
    }
    let mut candidate = Candidate {
        digest,
        payload: request.text.into_bytes(),
        signatures: String::new(),
        kind: Kind::Paste,
        evidence: EvidenceClass::Pasted,
        signer: None,
        nonce,
        measured_on: day::of_ms(around.now_ms),
        suite: String::new(),
        subject: Subject::default(),
        raw_timings_sha256: String::new(),
        said: String::new(),
        points: Vec::new(),
        reasons: vec![reason("pasted", EN.gate.pasted)],
        state: State::Accepted,
    };
    describe(&sent, run, around, &mut candidate)?;
    candidate.said = said(&candidate.subject, &run.lines);
    for flag in &run.flags {
        let remark = reason(flag.word(), flag.sentence());
        if flag.asks() {
            candidate.lower(State::Flagged, remark);
        } else {
            candidate.reasons.push(remark);
        }
    }
    Ok(candidate)
}

/// What a paste says, in one digest: another space, or another name of the same machine, makes no other report.
fn said(subject: &Subject, lines: &str) -> String {
    let words: Vec<&str> = lines.split_whitespace().collect();
    let Subject { device, memory_gib, model, quant, runtime, .. } = subject;
    digest(format!("{device}|{memory_gib:?}|{model}|{quant}|{runtime}|{}", words.join(" ")).as_bytes())
}

fn describe(sent: &Paste, run: &Run, around: &Around<'_>, candidate: &mut Candidate) -> Result<(), Refusal> {
    let engine = around.engine;
    let mut pairs: Pairs = vec![("hardware", sent.hardware.clone())];
    if let Some(count) = sent.devices {
        pairs.push(("devices", count.to_string()));
    }
    if let Some(gib) = sent.memory_gib {
        pairs.push(("memory_gib", gib.to_string()));
    }
    if let Some(name) = sent.runtime.as_deref()
        && !Runtime::ALL.into_iter().any(|runtime| runtime.name() == name)
    {
        let known: Vec<&str> = Runtime::ALL.into_iter().map(Runtime::name).collect();
        let says = EN.gate.other_runtime(&known.join(", "), &format!("{name:?}"));
        return Err(Refusal::new(Because::Claim, says));
    }
    let runtime = run.runtime(sent.runtime.as_deref());
    pairs.extend(runtime.map(|runtime| ("runtime", runtime.name().to_owned())));
    let whole = |value: Option<u64>| value.and_then(|tokens| u32::try_from(tokens).ok()).unwrap_or(0);
    let (prompt, output) = (whole(run.prompt_tokens), whole(run.output_tokens));
    let before = whole(run.depth_tokens).saturating_add(whole(run.cached_tokens));
    let context = before.saturating_add(prompt).saturating_add(output / 2);
    let streams = whole(run.streams).max(1);
    pairs.push(("context", context.max(1).to_string()));
    pairs.push(("prompt", before.saturating_add(prompt).max(1).to_string()));
    if before > 0 && prompt > 0 {
        pairs.push(("cached", before.to_string()));
    }
    pairs.push(("streams", streams.to_string()));

    // The person chose device and model from a list, so a name that is unknown is a mistake to be told.
    let params = Params::read(pairs.iter().map(|(name, value)| (*name, value.as_str())));
    let problem = params.and_then(|params| engine.read(&params)).err();
    if let Some(error) = problem.and_then(|errors| errors.into_iter().next()) {
        return Err(Refusal::new(Because::Claim, error.to_string()));
    }
    let unknown = |what: &str, text: &str, lookup: &data::Lookup| {
        let near = match lookup.suggestions() {
            [] => EN.gate.listed(what),
            near => EN.gate.nearest(&near.join(", ")),
        };
        let says = lookup.at(what, text).message;
        Refusal::new(Because::Claim, format!("{what}: {says} {near}."))
    };
    let model = engine.catalog.model(&sent.model).map_err(|lookup| unknown("model", &sent.model, &lookup))?;
    let quant = engine.catalog.quant(&sent.quant).map_err(|lookup| unknown("quant", &sent.quant, &lookup))?;
    let found = claim::machine(engine, &pairs);
    let outlook = claim::outlook(engine, &pairs, model, quant).unwrap_or_else(|says| {
        not_estimated(candidate, says);
        claim::Outlook::default()
    });
    // Whatever the engine read above has a machine; figures of one's own are no device that could be sent.
    let Some((device, devices, backend)) = found else {
        let says = EN.gate.no_device;
        return Err(Refusal::new(Because::Claim, says));
    };
    candidate.subject = Subject {
        device,
        devices,
        backend,
        memory_gib: sent.memory_gib,
        model: model.id.clone(),
        quant: quant.id.clone(),
        runtime: runtime.map_or_else(|| claim::slug(run.tool.name()), |runtime| runtime.name().to_owned()),
        offloaded: outlook.offloaded,
        ..Subject::default()
    };
    candidate.points.push(Point {
        workload: String::new(),
        prompt_tokens: prompt,
        cached_tokens: before,
        output_tokens: output,
        streams,
        speculative: run.flags.contains(&paste::Flag::Speculative),
        depth_tokens: depth_bucket(context),
        decode_tps: run.decode_tps,
        prefill_tps: run.prefill_tps,
        ttft_ms: None,
        apart: None,
        flags: run.flags.iter().map(|flag| flag.word()).collect::<Vec<_>>().join(" "),
        expected_decode: outlook.decode,
        expected_prefill: outlook.prefill.filter(|_| streams == 1 && prompt >= 64),
    });
    Ok(())
}
