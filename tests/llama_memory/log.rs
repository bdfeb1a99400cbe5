//! The sizes in what llama.cpp logs while it loads a model.

use anyhow::{Context, Result, ensure};

/// Sizes in MiB, as printed.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// Of the tensors, from the first to the last.
    pub weights_mib: f64,
    /// Of the key-value caches: one, or one with and one without windows.
    pub cache_mib: Vec<f64>,
    /// Of the recurrent state.
    pub state_mib: Vec<f64>,
    /// Of the compute buffer.
    pub compute_mib: f64,
}

/// Words of the lines that matter.
const KEPT: [&str; 9] = [
    "build_info",
    "file type",
    "file size",
    "model buffer size",
    "llama_context:",
    "llama_kv_cache",
    "llama_memory_recurrent",
    "resolve_fused_ops: Flash",
    "sched_reserve:",
];

/// The lines of a log that say something about memory, without their times.
pub fn keep(text: &str) -> String {
    let lines = text.lines().filter(|line| KEPT.iter().any(|word| line.contains(word)));
    let timeless = lines.filter(|line| !line.contains(" took ")).map(|line| {
        // `0.00.038.195 I load_tensors: …`
        line.splitn(3, ' ').nth(2).unwrap_or(line).trim_end()
    });
    timeless.flat_map(|line| [line, "\n"]).collect()
}

impl Log {
    pub fn read(text: &str) -> Result<Self> {
        // weights are also copied into a layout for this CPU (CPU_REPACK): memory beside the file's, of this machine
        let weights = sizes(text, "model buffer size", |line| !line.contains("REPACK"));
        let compute = sizes(text, "compute buffer size", |_| true);
        ensure!(weights.len() == 1 && compute.len() == 1, "one device was expected: {weights:?} {compute:?}");
        Ok(Log {
            weights_mib: weights[0],
            cache_mib: sizes(text, "KV buffer size", |_| true),
            state_mib: sizes(text, "RS buffer size", |_| true),
            compute_mib: *compute.first().context("no compute buffer")?,
        })
    }
}

fn sizes(text: &str, words: &str, wanted: impl Fn(&str) -> bool) -> Vec<f64> {
    let size = |line: &str| {
        let (_, size) = line.split_once(words)?.1.split_once('=')?;
        size.trim().strip_suffix("MiB")?.trim().parse().ok()
    };
    text.lines().filter(|line| wanted(line)).filter_map(size).collect()
}

#[test]
fn sizes_are_read_and_repacked_copies_left_out() {
    let text = "0.00.1 I load_tensors:   CPU_Mapped model buffer size =     2.02 MiB\n\
                0.00.2 I load_tensors:   CPU_REPACK model buffer size =     0.63 MiB\n\
                0.00.3 I llama_kv_cache:        CPU KV buffer size =     4.00 MiB\n\
                0.00.4 I llama_kv_cache:        CPU KV buffer size =     1.50 MiB\n\
                0.00.5 I sched_reserve:        CPU compute buffer size =     8.52 MiB\n\
                0.00.6 I sched_reserve: reserve took 0.79 ms, sched copies = 1\n";
    let log = Log { weights_mib: 2.02, cache_mib: vec![4.0, 1.5], state_mib: vec![], compute_mib: 8.52 };
    assert_eq!(Log::read(text).unwrap(), log);
    assert_eq!(Log::read(&keep(text)).unwrap(), log, "the kept lines say the same");
    assert!(!keep(text).contains("0.00.") && !keep(text).contains("took"));
    assert!(Log::read("nothing").is_err());
}
