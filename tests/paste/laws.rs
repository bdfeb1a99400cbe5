//! Laws of reading: what was printed comes back, and no bytes do harm.

use data::paste::{Flag, MAX_BYTES, Reading, Run, Verdict, read};
use proptest::prelude::*;

use crate::{
    printers::{Counts, FORMS, Form, Measured, OTHERS, Speed, benchy_streams, kobolds_oldest},
    samples,
};

fn any_run() -> impl Strategy<Value = Measured> {
    // Speeds from a slow board to a fast card, lengths from a short chat to a long document.
    (64_u32..20_000, 32_u32..4_000, 1.5..300.0_f64, 1.0..400.0_f64, 1.0..60_000.0_f64).prop_map(
        |(prompt, output, ratio, decode_tps, load_ms)| {
            // Engines take times in microseconds. A prompt takes no less than a token.
            let micro = |ms: f64| (ms * 1e3).round() / 1e3;
            let output_ms = micro(f64::from(output) / decode_tps * 1e3);
            let prompt_ms = micro((f64::from(prompt) / decode_tps / ratio * 1e3).max(1e3 / decode_tps));
            Measured { prompt, output, prompt_ms, output_ms, load_ms: micro(load_ms) }
        },
    )
}

/// A speed as its tool rounds it.
fn rounded(speed: f64, form: &Form) -> f64 {
    form.decimals.map_or(speed, |decimals| format!("{speed:.decimals$}").parse().expect("a number"))
}

/// Equal within what printing a time to a hundredth of a millisecond takes away.
fn near(got: Option<f64>, want: Option<f64>, time_ms: f64) -> bool {
    match (got, want) {
        (Some(got), Some(want)) => (got - want).abs() <= want * (0.0051 / time_ms + 1e-9),
        (got, want) => got == want,
    }
}

fn expected(run: &Measured, form: &Form, speed: Speed, decode: bool) -> Option<f64> {
    let value = match (speed, decode) {
        (Speed::All, true) => run.decode_tps(),
        (Speed::All, false) => run.prefill_tps(),
        (Speed::ButFirst, _) => f64::from(run.output - 1) / run.output_ms * 1e3,
        (Speed::Absent, _) => return None,
    };
    Some(rounded(value, form))
}

fn check(reading: &Reading, run: &Measured, form: &Form) -> Result<(), TestCaseError> {
    let name = form.name;
    prop_assert_eq!(reading.runs.len(), 1, "{}: {:?}", name, reading);
    let read = &reading.runs[0];
    let wanted = if form.prefill == Speed::Absent { Verdict::DecodeOnly } else { Verdict::Accepted };
    prop_assert_eq!(reading.verdict, wanted, "{}: {:?}", name, reading);
    let exact = form.decimals.is_some();
    for (got, want, time_ms) in [
        (read.decode_tps, expected(run, form, form.decode, true), run.output_ms),
        (read.prefill_tps, expected(run, form, form.prefill, false), run.prompt_ms),
    ] {
        let same = if exact { got == want } else { near(got, want, time_ms) };
        prop_assert!(same, "{}: {:?}, not {:?}", name, got, want);
    }
    let output = (form.counts != Counts::None).then_some(u64::from(run.output));
    let prompt = (form.counts == Counts::Both).then_some(u64::from(run.prompt));
    prop_assert_eq!((read.prompt_tokens, read.output_tokens), (prompt, output), "{}", name);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Reading undoes printing, for every form.
    #[test]
    fn what_was_printed_is_read(run in any_run()) {
        for form in &FORMS {
            check(&read((form.print)(&run).as_bytes()), &run, form)?;
        }
    }

    /// What is kept reads as the whole did, for every form, and holds no path.
    #[test]
    fn what_is_kept_reads_the_same(run in any_run()) {
        for form in &FORMS {
            let whole = read((form.print)(&run).as_bytes());
            let kept = whole.timing_lines(0).unwrap_or_default().to_owned();
            prop_assert!(!kept.contains("secret"), "{}: {}", form.name, kept);
            check(&read(kept.as_bytes()), &run, form)?;
        }
    }

    /// Of several streams at once, the speed of one is a decode speed of that many, and that of all is none.
    #[test]
    fn speeds_of_streams_are_kept_apart(run in any_run(), streams in 2_u32..64) {
        let whole = read(benchy_streams(&run, streams).as_bytes());
        let kept = whole.timing_lines(0).unwrap_or_default().to_owned();
        for reading in [whole, read(kept.as_bytes())] {
            prop_assert_eq!((reading.verdict, reading.runs.len()), (Verdict::Flagged, 1), "{:?}", reading);
            let read = &reading.runs[0];
            let two = |rate: f64| format!("{rate:.2}").parse::<f64>().ok();
            prop_assert_eq!((read.decode_tps, read.prefill_tps), (two(run.decode_tps()), two(run.prefill_tps())));
            prop_assert_eq!(read.aggregate_tps, two(run.decode_tps() * f64::from(streams) * 0.97));
            prop_assert_eq!((read.streams, read.flags.contains(&Flag::Concurrent)), (Some(u64::from(streams)), true));
        }
    }

    /// Where koboldcpp printed no speed yet, it is that of the printed digits, and says that it was computed.
    #[test]
    fn kobolds_oldest_lines_give_what_their_digits_give(run in any_run()) {
        for (text, [prefill, decode]) in kobolds_oldest(&run) {
            let reading = read(text.as_bytes());
            let same = |got: Option<f64>, want: Option<f64>| match (got, want) {
                (Some(got), Some(want)) => (got - want).abs() <= want * 1e-9,
                (got, want) => got == want,
            };
            prop_assert_eq!(reading.runs.len(), 1, "{}{:?}", text, reading);
            let read = &reading.runs[0];
            prop_assert!(same(read.prefill_tps, prefill) && same(read.decode_tps, decode), "{}{:?}", text, reading);
            prop_assert!(read.flags.contains(&Flag::Computed));
            let kept = reading.timing_lines(0).unwrap_or_default();
            prop_assert_eq!(&self::read(kept.as_bytes()).runs[0].decode_tps, &read.decode_tps, "{}", kept);
        }
    }

    /// A speed of several streams, of a window of time, or with the prompt in it is never one of decoding.
    #[test]
    fn other_speeds_are_never_decode_speeds(run in any_run()) {
        for (name, print) in OTHERS {
            let reading = read(print(&run).as_bytes());
            prop_assert_eq!(reading.verdict, Verdict::Flagged, "{}: {:?}", name, reading);
            prop_assert!(reading.runs.iter().all(|run| run.decode_tps.is_none() && run.prefill_tps.is_none()), "{}", name);
            let kept = reading.timing_lines(0).unwrap_or_default();
            prop_assert_eq!(&read(kept.as_bytes()).runs[0].flags, &reading.runs[0].flags, "{}: {}", name, kept);
        }
    }

    /// Text changes on its way; its numbers do not.
    #[test]
    fn damage_on_the_way_changes_nothing(run in any_run(), form in 0..FORMS.len(), damage in 0..DAMAGES.len()) {
        let form = &FORMS[form];
        let text = (form.print)(&run);
        let damaged = DAMAGES[damage](&text);
        check(&read(&damaged), &run, form)?;
    }

    /// A changed count, time or speed does not pass: where a tool prints all three, they no longer agree.
    #[test]
    fn an_edited_speed_is_refused(run in any_run(), factor in 1.1..4.0_f64, form in 1_usize..10) {
        let form = &FORMS[form];
        let text = (form.print)(&run);
        let printed = format!("{:8.2} tokens per second", expected(&run, form, form.decode, true).expect("a speed"));
        let edited = format!("{:8.2} tokens per second", printed.trim().split(' ').next().and_then(|n| n.parse::<f64>().ok()).expect("a number") * factor);
        // The prompt line may show the same speed; the last is the output's.
        let at = text.rfind(&printed).expect("the speed of the output");
        let text = format!("{}{edited}{}", &text[..at], &text[at + printed.len()..]);
        let reading = read(text.as_bytes());
        prop_assert_eq!(reading.verdict, Verdict::Refused, "{}: {:?}", text, reading);
        prop_assert!(reading.runs.iter().all(|run| run.decode_tps.is_none()));
    }

    /// No bytes do harm, and every mark lies within them.
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        harmless(&bytes)?;
    }

    /// Nor do samples that were cut, mixed and overwritten.
    #[test]
    fn any_mixture_of_samples_is_read(
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..5),
        overwritten in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
    ) {
        let samples = samples::all();
        let mut bytes = Vec::new();
        for (which, from, to) in picks {
            let sample = &samples[which.index(samples.len())].1;
            let (from, to) = (from.index(sample.len() + 1), to.index(sample.len() + 1));
            bytes.extend_from_slice(&sample[from.min(to)..from.max(to)]);
        }
        for (at, byte) in overwritten {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        harmless(&bytes)?;
    }
}

fn harmless(bytes: &[u8]) -> Result<(), TestCaseError> {
    let reading = read(bytes);
    for run in &reading.runs {
        for mark in &run.spans {
            prop_assert!(mark.span.start < mark.span.end && mark.span.end <= bytes.len(), "{mark:?}");
        }
        for speed in [run.decode_tps, run.prefill_tps].into_iter().flatten() {
            prop_assert!(speed.is_finite() && speed > 0.0);
        }
    }
    prop_assert_eq!(reading.runs.is_empty(), reading.timing_lines(0).is_none());
    for (number, run) in reading.runs.iter().enumerate().filter(|_| reading.verdict != Verdict::Refused) {
        let kept = reading.timing_lines(number).unwrap_or_default();
        let again = read(kept.as_bytes());
        let values = |run: &Run| {
            (run.decode_tps, run.prefill_tps, run.prompt_tokens, run.output_tokens, run.flags.clone())
        };
        prop_assert_eq!(again.runs.iter().map(values).collect::<Vec<_>>(), [values(run)], "{}", kept);
    }
    Ok(())
}

/// What consoles, mail, editors and web pages do to text.
const DAMAGES: [fn(&str) -> Vec<u8>; 20] = [
    |text| text.replace('\n', "\r\n").into_bytes(),
    |text| text.replace('\n', "\r").into_bytes(),
    |text| format!("\u{feff}{text}").into_bytes(),
    |text| [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect(),
    |text| [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect(),
    |text| text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    |text| text.replace("  ", " \u{a0}").into_bytes(),
    |text| text.lines().map(|line| format!("\u{1b}[90m{line}\u{1b}[0m\n")).collect::<String>().into_bytes(),
    |text| text.lines().map(|line| format!("    {line}  \n")).collect::<String>().into_bytes(),
    |text| text.lines().map(|line| format!("> {line}\n")).collect::<String>().into_bytes(),
    |text| format!("Here is what I get:\n\n```\n{text}```\nIs that good?\n").into_bytes(),
    |text| format!("{text}\n{text}").into_bytes(),
    |text| text.lines().map(|line| format!("> > {line}\n")).collect::<String>().into_bytes(),
    |text| text.lines().map(|line| format!("- {line}\n")).collect::<String>().into_bytes(),
    |text| {
        text.lines()
            .filter(|line| !line.is_empty())
            .map(|line| format!("`{line}`\n"))
            .collect::<String>()
            .into_bytes()
    },
    |text| text.replace('_', "\\_").into_bytes(),
    |text| text.replace('\n', "\n\n").into_bytes(),
    |text| text.replace('\n', " \t\n").into_bytes(),
    |text| text.replace(" ± ", " Â± ").replace("µs", "Âµs").replace("Âµs", "µs").into_bytes(),
    |text| {
        (0..2_000)
            .map(|n| format!("[{n:05}] worker: job {n} took {n}.5 ms, {n} tokens\n"))
            .collect::<String>()
            .into_bytes()
            .into_iter()
            .chain(text.bytes())
            .collect()
    },
];

#[test]
fn a_paste_that_is_too_long_is_refused_with_a_sentence() {
    let reading = read(&vec![b' '; MAX_BYTES + 1]);
    assert_eq!(reading.verdict, Verdict::Refused);
    assert!(reading.says.contains("256 KiB"), "{}", reading.says);
}
