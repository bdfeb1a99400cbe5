//! Any bytes are read without a panic, every mark lies within them, and what is kept reads the same again.

#![no_main]

use data::paste::{Verdict, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let reading = read(bytes);
    for (number, run) in reading.runs.iter().enumerate() {
        for mark in &run.spans {
            assert!(mark.span.start < mark.span.end && mark.span.end <= bytes.len());
        }
        if reading.verdict == Verdict::Refused {
            continue;
        }
        let again = read(reading.timing_lines(number).unwrap_or_default().as_bytes());
        assert_eq!(again.runs.len(), 1);
        assert_eq!(again.runs[0].decode_tps, run.decode_tps);
        assert_eq!(again.runs[0].prefill_tps, run.prefill_tps);
    }
});
