//! The tools' own print statements, as far as we read them: numbers in, text out.
//!
//! Each is written after the form of its tool, so that reading what it prints must give the numbers back.

#[path = "printers/bench.rs"]
mod bench;
#[path = "printers/kobold.rs"]
mod kobold;
#[path = "printers/llama.rs"]
mod llama;
#[path = "printers/others.rs"]
mod others;

/// What a run measured.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub prompt: u32,
    pub output: u32,
    pub prompt_ms: f64,
    pub output_ms: f64,
    pub load_ms: f64,
}

impl Measured {
    pub fn prefill_tps(&self) -> f64 {
        f64::from(self.prompt) / self.prompt_ms * 1e3
    }

    pub fn decode_tps(&self) -> f64 {
        f64::from(self.output) / self.output_ms * 1e3
    }

    /// Prompt and answer in tokens, both times in seconds, and both together.
    pub fn both(&self) -> (u32, [f64; 3]) {
        let [prompt_s, output_s] = [self.prompt_ms / 1e3, self.output_ms / 1e3];
        (self.prompt + self.output, [prompt_s, output_s, prompt_s + output_s])
    }
}

/// What a tool does with what it measured.
type Print = fn(&Measured) -> String;

/// A form, and what its rules make of the measured numbers.
pub(crate) struct Form {
    pub name: &'static str,
    pub print: Print,
    /// Digits after the point; `None` where the tool prints counts and times only.
    pub decimals: Option<usize>,
    pub decode: Speed,
    pub prefill: Speed,
    pub counts: Counts,
}

/// How a form comes by a speed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Speed {
    /// Count over time.
    All,
    /// The first token is free.
    ButFirst,
    /// It has none.
    Absent,
}

/// Which counts a form prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Counts {
    Both,
    Output,
    None,
}

const BOTH: (Speed, Speed, Counts) = (Speed::All, Speed::All, Counts::Both);

const fn form(
    name: &'static str,
    print: fn(&Measured) -> String,
    decimals: Option<usize>,
    (decode, prefill, counts): (Speed, Speed, Counts),
) -> Form {
    Form { name, print, decimals, decode, prefill, counts }
}

/// All forms that give a decode or a prefill speed of one stream.
pub(crate) const FORMS: [Form; 52] = [
    form("llama_print_timings without rates", llama::timings_2023_05, None, BOTH),
    form("llama_print_timings", llama::timings_2023, Some(2), BOTH),
    form("llama_perf_context_print", llama::perf, Some(2), BOTH),
    form("common_perf_print", llama::common_perf, Some(2), BOTH),
    form("print_timings of the first server", llama::server_2023, Some(2), BOTH),
    form("print_timings in JSON", llama::server_2024_json, Some(2), BOTH),
    form("print_timings of ik_llama.cpp", llama::ik_server, Some(2), BOTH),
    form("slot print_timing under a header", llama::slot_header, Some(2), BOTH),
    form("slot print_timing on every line", llama::slot_lines, Some(2), BOTH),
    form(
        "slot print_timing, first token free",
        llama::slot_lines_2026,
        Some(2),
        (Speed::ButFirst, Speed::All, Counts::Both),
    ),
    form("llama-server JSON", llama::server_json, None, BOTH),
    form("llama-cli", llama::cli, Some(1), (Speed::All, Speed::All, Counts::None)),
    form("ollama --verbose", others::ollama, Some(2), BOTH),
    form("ollama JSON", others::ollama_json, None, BOTH),
    form("llama-bench markdown", bench::bench_md, Some(2), BOTH),
    form("llama-bench markdown of 2023", bench::bench_md_2023, Some(2), BOTH),
    form("llama-bench CSV", bench::bench_csv, Some(6), BOTH),
    form("llama-bench JSON", bench::bench_json, Some(6), BOTH),
    form("llama-bench SQL", bench::bench_sql, Some(6), BOTH),
    form("llama-batched-bench", bench::batched, Some(2), BOTH),
    form("llama-sweep-bench", bench::sweep, Some(2), BOTH),
    form("mlx_lm.generate", others::mlx_generate, Some(3), BOTH),
    form("mlx_lm.benchmark", others::mlx_benchmark, Some(3), BOTH),
    form("TabbyAPI", others::tabby, Some(2), BOTH),
    form("koboldcpp", kobold::line, Some(2), (Speed::All, Speed::All, Counts::Output)),
    form("llama-bench JSON lines", bench::bench_jsonl, Some(6), BOTH),
    form("llama-batched-bench JSON lines", bench::batched_jsonl, Some(6), BOTH),
    form("llama-sweep-bench without bars at its ends", bench::sweep_narrow, Some(2), BOTH),
    form("llama-benchy", bench::benchy, Some(2), BOTH),
    form("koboldcpp --benchmark", kobold::bench, Some(2), BOTH),
    form("the table of koboldcpp --benchmark", kobold::table, Some(2), BOTH),
    form("exllamav2 examples", others::exllama_example, Some(2), BOTH),
    form("sglang.bench_one_batch", others::sglang_batch, Some(2), (Speed::All, Speed::All, Counts::None)),
    form("exllamav2 chat", others::exllama_chat, Some(2), (Speed::All, Speed::Absent, Counts::Output)),
    form(
        "exllamav2 test_inference.py",
        others::exllama_measured,
        Some(4),
        (Speed::All, Speed::Absent, Counts::Output),
    ),
    form("TensorRT-LLM benchmark.py", others::tensorrt, Some(3), (Speed::All, Speed::Absent, Counts::Both)),
    form("LM Studio REST v1", others::lm_studio_v1, None, (Speed::All, Speed::Absent, Counts::Both)),
    form("LM Studio's window", others::lm_studio_chat, Some(2), (Speed::All, Speed::Absent, Counts::Output)),
    form("LM Studio REST v0", others::lm_studio, None, (Speed::All, Speed::Absent, Counts::Both)),
    form("lms chat --stats", others::lms_stats, Some(2), (Speed::All, Speed::Absent, Counts::Both)),
    form("llama-benchy JSON", bench::benchy_json, None, BOTH),
    form("llama-benchy CSV", bench::benchy_csv, None, BOTH),
    form("the usage of TabbyAPI", others::tabby_usage, None, BOTH),
    form("ollama for Python", others::ollama_repr, None, BOTH),
    form("ollama for Python, as a dictionary", others::ollama_dict, None, BOTH),
    form("ollama JSON in PowerShell", others::ollama_list, None, BOTH),
    form("vLLM request metrics", others::vllm_metrics, None, (Speed::ButFirst, Speed::Absent, Counts::Both)),
    form("ktransformers", others::ktransformers, Some(9), BOTH),
    form("koboldcpp of 2024", kobold::line_2024, Some(2), BOTH),
    form("koboldcpp of 2026", kobold::line_2026, Some(2), BOTH),
    form("llama-bench of ik_llama.cpp", bench::ik_bench, Some(2), BOTH),
    form("llama_print_timings of ik_llama.cpp", llama::ik_library, Some(2), BOTH),
];

/// Forms whose speed is of more than one stream, or of more than the output.
pub(crate) const OTHERS: [(&str, Print); 11] = [
    ("vLLM log", others::vllm_log),
    ("vllm bench serve", others::vllm_serve),
    ("vllm bench throughput", others::vllm_throughput),
    ("SGLang log", others::sglang_log),
    ("mlx_lm batch_generate", others::mlx_batched),
    ("mlx_lm.benchmark of a batch", others::mlx_benchmark_batched),
    ("text-generation-webui", others::textgen),
    ("llama-parallel", llama::parallel),
    ("the examples of llama.cpp", llama::example),
    ("llama-batched-bench of a batch", bench::batched_four),
    ("llama-bench of prompt and output", bench::bench_blend),
];

/// llama-benchy's table of so many streams.
pub(crate) fn benchy_streams(run: &Measured, streams: u32) -> String {
    bench::benchy_streams(run, streams)
}

/// koboldcpp's oldest lines, each with the prefill and the decode speed that its digits give.
pub(crate) fn kobolds_oldest(run: &Measured) -> [(String, [Option<f64>; 2]); 3] {
    kobold::oldest(run)
}
