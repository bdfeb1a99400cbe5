//! What llama-server says of itself while it starts: threads, build, and the layers that it put on GPUs.
//!
//! ```text
//! system_info: n_threads = 8 (n_threads_batch = 8) / 16 | CUDA : ARCHS = 860 | USE_GRAPHS = 1 | CPU : SSE3 = 1 | AVX2 = 1 |
//! load_tensors: offloaded 33/33 layers to GPU
//! llama threadpool init, n_threads = 2
//! ```

use crate::driver::Running;

/// Longest description of a build that is kept: more features than any build has.
const LONGEST_BUILD: usize = 400;

/// Takes over what a line of its log says.
pub(super) fn learn(line: &str, running: &mut Running) {
    if let Some((_, rest)) = line.split_once("offloaded ")
        && let Some((on_gpus, rest)) = rest.split_once('/')
        && let Some((all, _)) = rest.split_once(" layers to GPU")
        && let (Ok(on_gpus), Ok(all)) = (on_gpus.parse(), all.parse())
    {
        (running.gpu_layers, running.layers) = (Some(on_gpus), Some(all));
    }
    let is_info = line.contains("system_info: ");
    if !is_info && !line.contains("threadpool init, ") {
        return;
    }
    if let Some((_, rest)) = line.split_once("n_threads = ") {
        let digits = rest.split(|sign: char| !sign.is_ascii_digit()).next();
        running.threads = digits.and_then(|digits| digits.parse().ok()).or(running.threads);
    }
    if let Some((_, features)) = line.split_once('|').filter(|_| is_info) {
        running.build = build(features).or(running.build.take());
    }
}

/// `CUDA : ARCHS = 860 | CPU : AVX2 = 1 | ` as `CUDA: ARCHS=860, CPU: AVX2`; none of what has another form.
fn build(features: &str) -> Option<String> {
    let plain = |feature: &str| feature.replace(" : ", ": ").replace(" = 1", "").replace(" = ", "=");
    // What is off is left out, as newer versions do.
    let is_on = |feature: &&str| !feature.is_empty() && !feature.ends_with(" = 0");
    let words: Vec<String> = features.split('|').map(str::trim).filter(is_on).map(plain).collect();
    let text = words.join(", ");
    let is_feature = |sign: char| sign.is_ascii_alphanumeric() || " ,:=_-+.;".contains(sign);
    (!text.is_empty() && text.len() <= LONGEST_BUILD && text.chars().all(is_feature)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> Running {
        let mut running = Running::default();
        lines.iter().for_each(|line| learn(line, &mut running));
        running
    }

    #[test]
    fn a_log_tells_threads_layers_and_build() {
        let running = said(&[
            "system_info: n_threads = 8 (n_threads_batch = 8) / 16 | CUDA : ARCHS = 860 | USE_GRAPHS = 1 | CPU : SSE3 = 1 | AVX512 = 0 | AVX2 = 1 | ",
            "load_tensors: offloading 32 repeating layers to GPU",
            "0.01.232.978 I load_tensors: offloaded 33/33 layers to GPU",
        ]);
        assert_eq!(running.build.as_deref(), Some("CUDA: ARCHS=860, USE_GRAPHS, CPU: SSE3, AVX2"));
        assert_eq!((running.threads, running.gpu_layers, running.layers), (Some(8), Some(33), Some(33)));
        let quiet = said(&["0.01.232.978 I cmn          init: llama threadpool init, n_threads = 2"]);
        assert_eq!(quiet, Running { threads: Some(2), ..Running::default() });
    }

    #[test]
    fn what_is_said_in_another_form_stays_unknown() {
        for line in [
            "offloaded many/33 layers to GPU",
            "the model said: n_threads = 4",
            "system_info: none",
            "system_info: n_threads = x | /home/alice/build = 1 | ",
        ] {
            assert_eq!(said(&[line]), Running::default(), "{line}");
        }
    }
}
