//! koboldcpp, in the forms that its line has had.

use super::{Measured, llama::sum};

pub(super) fn line(m: &Measured) -> String {
    format!(
        "[12:00:01] CtxLimit:{}/16384, Amt:{}/{}, Init:0.00s, Process:{:.2}s ({:.2}T/s), Generate:{:.2}s ({:.2}T/s), Total:{:.2}s\n",
        m.prompt + m.output,
        m.output,
        m.output,
        m.prompt_ms / 1e3,
        m.prefill_tps(),
        m.output_ms / 1e3,
        m.decode_tps(),
        sum(m) / 1e3 + 0.01
    )
}

/// Counts before times, and of the output how much was asked for: 2026.
pub(super) fn line_2026(m: &Measured) -> String {
    format!(
        "[09:59:50] CtxLimit:{}/131072, Init:0.15s, Processed:{} in {:.2}s ({:.2}T/s), Generated:{}/{} in {:.2}s ({:.2}T/s), Total:{:.2}s\n",
        m.prompt + m.output,
        m.prompt,
        m.prompt_ms / 1e3,
        m.prefill_tps(),
        m.output,
        m.output + 14,
        m.output_ms / 1e3,
        m.decode_tps(),
        sum(m) / 1e3
    )
}

/// What koboldcpp shows while it works, up to the end.
fn progress(m: &Measured) -> String {
    format!(
        "Processing Prompt [BLAS] ({0} / {0} tokens)\nGenerating ({1} / {1} tokens)\n",
        m.prompt, m.output
    )
}

/// Milliseconds for a token and tokens in a second: 2024.
pub(super) fn line_2024(m: &Measured) -> String {
    let part = |ms: f64, count: u32| {
        format!("{:.2}s ({:.1}ms/T = {:.2}T/s)", ms / 1e3, ms / f64::from(count), f64::from(count) / ms * 1e3)
    };
    format!(
        "{}CtxLimit: {}/131072, Process:{}, Generate:{}, Total:{:.2}s ({:.2}T/s)\n",
        progress(m),
        m.prompt + m.output,
        part(m.prompt_ms, m.prompt),
        part(m.output_ms, m.output),
        sum(m) / 1e3,
        f64::from(m.output) / sum(m) * 1e3
    )
}

/// Its oldest lines print no speed: with the text, the prefill and the decode speed that their digits give.
pub(super) fn oldest(m: &Measured) -> [(String, [Option<f64>; 2]); 3] {
    let read = |digits: &str| digits.parse::<f64>().ok().filter(|value| *value > 0.0);
    let of = |decimals: usize, value: f64| format!("{value:.decimals$}");
    let counts = [m.prompt, m.output].map(f64::from);
    let times_s = [m.prompt_ms, m.output_ms].map(|ms| ms / 1e3);
    let all_s = sum(m) / 1e3;
    let per_token = |decimals: usize| [0, 1].map(|at| of(decimals, times_s[at] * 1e3 / counts[at]));
    let rates = |per_token: &[String; 2]| [0, 1].map(|at| read(&per_token[at]).map(|ms| 1e3 / ms));
    let (whole, tenths) = (per_token(0), per_token(1));
    let bare = times_s.map(|time| of(1, time));
    let by_time = [0, 1].map(|at| read(&bare[at]).map(|time| counts[at] / time));
    [
        (
            format!(
                "{}Time Taken - Processing:{}s, Generation:{}s, Total:{:.1}s\n",
                progress(m),
                bare[0],
                bare[1],
                all_s + 0.1
            ),
            by_time,
        ),
        (
            format!(
                "Time Taken - Processing:{:.1}s ({}ms/T), Generation:{:.1}s ({}ms/T), Total:{:.1}s (1.0T/s)\n",
                times_s[0], whole[0], times_s[1], whole[1], all_s
            ),
            rates(&whole),
        ),
        (
            format!(
                "ContextLimit: {}/131072, Processing:{:.2}s ({}ms/T), Generation:{:.2}s ({}ms/T), Total:{:.2}s (1.00T/s)\n",
                m.prompt + m.output,
                times_s[0],
                tenths[0],
                times_s[1],
                tenths[1],
                all_s
            ),
            rates(&tenths),
        ),
    ]
}

/// Context, tokens to come out, time and speed of the prompt, of the output, and the whole time: seconds with so many
/// decimals.
fn benchmarked(m: &Measured, decimals: usize) -> [String; 7] {
    let seconds = |ms: f64| format!("{:.decimals$}", ms / 1e3);
    let speed = |tps: f64| format!("{tps:.2}");
    [
        (m.prompt + m.output).to_string(),
        m.output.to_string(),
        seconds(m.prompt_ms),
        speed(m.prefill_tps()),
        seconds(m.output_ms),
        speed(m.decode_tps()),
        seconds(sum(m)),
    ]
}

pub(super) fn bench(m: &Measured) -> String {
    let [context, amount, prompt_s, prefill_tps, output_s, decode_tps, total_s] = benchmarked(m, 3);
    format!(
        "Benchmark Completed - v1.78 Results:\n======\nFlags: NoAVX2=False Threads=8\nTimestamp: 2024-12-14 20:41:03.368064+00:00\nBackend: koboldcpp_cublas.dll\nLayers: 59\nModel: Cydonia-22B-v1.3.i1-IQ4_XS\nMaxCtx: {context}\nGenAmount: {amount}\n-----\nProcessingTime: {prompt_s}s\nProcessingSpeed: {prefill_tps}T/s\nGenerationTime: {output_s}s\nGenerationSpeed: {decode_tps}T/s\nTotalTime: {total_s}s\nOutput:  1 1 1 1\n-----\n"
    )
}

pub(super) fn table(m: &Measured) -> String {
    format!(
        "Timestamp,Backend,Layers,Model,MaxCtx,GenAmount,ProcessingTime,ProcessingSpeed,GenerationTime,GenerationSpeed,TotalTime,Output\n2024-07-14 14:42:20.687625+00:00,koboldcpp_cublas.dll,81,Some-Model-70B,{},11111\n",
        benchmarked(m, 2).join(",")
    )
}
