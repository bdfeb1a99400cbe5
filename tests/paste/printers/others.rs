//! The other runtimes.

use std::fmt::Write;

use super::{Measured, llama::sum};

/// A duration as Go prints it, from nanoseconds.
pub(super) fn go(nanos: u64) -> String {
    let trimmed = |whole: u64, part: u64, digits: usize| {
        let text = format!("{whole}.{part:0digits$}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match nanos {
        0..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => trimmed(nanos / 1_000, nanos % 1_000, 3) + "µs",
        1_000_000..1_000_000_000 => trimmed(nanos / 1_000_000, nanos % 1_000_000, 6) + "ms",
        _ => {
            let (seconds, part) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let mut text = String::new();
            if hours > 0 {
                let _ = write!(text, "{hours}h");
            }
            if seconds >= 60 {
                let _ = write!(text, "{minutes}m");
            }
            text + &trimmed(seconds % 60, part, 9) + "s"
        }
    }
}

pub(super) fn nanos(ms: f64) -> u64 {
    (ms * 1e6).round() as u64
}

pub(super) fn ollama(m: &Measured) -> String {
    let (prompt, output) = (nanos(m.prompt_ms), nanos(m.output_ms));
    let total = prompt + output + nanos(m.load_ms);
    let rate = |count: u32, time: u64| f64::from(count) / (time as f64 / 1e9);
    format!(
        "total duration:       {}\nload duration:        {}\nprompt eval count:    {} token(s)\nprompt eval duration: {}\nprompt eval rate:     {:.2} tokens/s\neval count:           {} token(s)\neval duration:        {}\neval rate:            {:.2} tokens/s\n",
        go(total),
        go(nanos(m.load_ms)),
        m.prompt,
        go(prompt),
        rate(m.prompt, prompt),
        m.output,
        go(output),
        rate(m.output, output)
    )
}

pub(super) fn ollama_json(m: &Measured) -> String {
    format!(
        "{{\"model\":\"mistral\",\"created_at\":\"2024-01-23T20:23:02Z\",\"response\":\"x\",\"done\":true,\"done_reason\":\"stop\",\"context\":[1,2],\"total_duration\":{},\"load_duration\":{},\"prompt_eval_count\":{},\"prompt_eval_duration\":{},\"eval_count\":{},\"eval_duration\":{}}}\n",
        nanos(m.prompt_ms + m.output_ms + m.load_ms),
        nanos(m.load_ms),
        m.prompt,
        nanos(m.prompt_ms),
        m.output,
        nanos(m.output_ms)
    )
}

pub(super) fn mlx_generate(m: &Measured) -> String {
    format!(
        "==========\nSome answer.\n==========\nPrompt: {} tokens, {:.3} tokens-per-sec\nGeneration: {} tokens, {:.3} tokens-per-sec\nPeak memory: 0.277 GB\n",
        m.prompt,
        m.prefill_tps(),
        m.output,
        m.decode_tps()
    )
}

pub(super) fn mlx_benchmark(m: &Measured) -> String {
    let speeds =
        format!("prompt_tps={:.3}, generation_tps={:.3}, peak_memory=1.603", m.prefill_tps(), m.decode_tps());
    format!(
        "Running warmup..\nTiming with prompt_tokens={}, generation_tokens={}, batch_size=1.\nTrial 1:  {speeds}, total_time=3.236\nTrial 2:  {speeds}, total_time=3.241\nAverages: {speeds}\n",
        m.prompt, m.output
    )
}

pub(super) fn tabby(m: &Measured) -> String {
    format!(
        "2026-09-10 15:01:39.976 INFO:     Metrics (ID: ba98857171f843819f1002589743de29): {} tokens generated in {:.2} seconds (Queue: 0.0 s, Process: 0 cached tokens and {} new tokens at {:.2} T/s, Generate: {:.2} T/s, Context: {} tokens)\n",
        m.output,
        sum(m) / 1e3,
        m.prompt,
        m.prefill_tps(),
        m.decode_tps(),
        m.prompt
    )
}

pub(super) fn lm_studio(m: &Measured) -> String {
    format!(
        "{{\n  \"usage\": {{\n    \"prompt_tokens\": {},\n    \"completion_tokens\": {}\n  }},\n  \"stats\": {{\n    \"tokens_per_second\": {},\n    \"time_to_first_token\": 0.111,\n    \"generation_time\": {},\n    \"stop_reason\": \"eosFound\"\n  }},\n  \"model_info\": {{\"arch\": \"granite\", \"quant\": \"Q4_K_M\"}}\n}}\n",
        m.prompt,
        m.output,
        m.decode_tps(),
        m.output_ms / 1e3
    )
}

pub(super) fn lm_studio_v1(m: &Measured) -> String {
    format!(
        "{{\n  \"model_instance_id\": \"ibm/granite-4-micro\",\n  \"output\": [{{\"type\": \"message\", \"content\": \"50 tok/sec\"}}],\n  \"stats\": {{\n    \"input_tokens\": {},\n    \"total_output_tokens\": {},\n    \"reasoning_output_tokens\": 0,\n    \"tokens_per_second\": {},\n    \"time_to_first_token_seconds\": 1.088\n  }}\n}}\n",
        m.prompt,
        m.output,
        m.decode_tps()
    )
}

pub(super) fn lm_studio_chat(m: &Measured) -> String {
    format!(
        "{:.2} tok/sec\n•\n{} tokens\n•\n0.11s to first token\n•\nStop reason: EOS Token Found\n",
        m.decode_tps(),
        m.output
    )
}

pub(super) fn exllama_example(m: &Measured) -> String {
    format!(
        "Prompt processed in {:.2} seconds, {} tokens, {:.2} tokens/second\nResponse generated in {:.2} seconds, {} tokens, {:.2} tokens/second\n",
        m.prompt_ms / 1e3,
        m.prompt,
        m.prefill_tps(),
        m.output_ms / 1e3,
        m.output,
        m.decode_tps()
    )
}

pub(super) fn exllama_chat(m: &Measured) -> String {
    format!(
        "(Context: {} tokens, response: {} tokens, {:.2} tokens/second)\n",
        m.prompt,
        m.output,
        m.decode_tps()
    )
}

pub(super) fn exllama_measured(m: &Measured) -> String {
    format!(
        " -- Measuring token speed...\n ** Position     1 + {:>3} tokens: {:>9.4} t/s\n",
        m.output,
        m.decode_tps()
    )
}

pub(super) fn sglang_batch(m: &Measured) -> String {
    format!(
        "Benchmark ...\nPrefill. latency: {:.5} s, throughput: {:9.2} token/s\nDecode 0. Batch size: 1, latency: 0.00695 s, throughput:    143.88 token/s\nDecode.  median latency: {:.5} s, median throughput: {:9.2} token/s\nTotal. latency:  0.126 s, throughput:    556.05 token/s\n",
        m.prompt_ms / 1e3,
        m.prefill_tps(),
        1.0 / m.decode_tps(),
        m.decode_tps()
    )
}

pub(super) fn tensorrt(m: &Measured) -> String {
    format!(
        "[BENCHMARK] model_name llama_13b world_size 2 precision float16 batch_size 1 input_length {} output_length {} tokens_per_sec {:.2} generation_time(ms) {:.3} generation_tokens_per_second {:.3}\n",
        m.prompt,
        m.output,
        f64::from(m.output) / sum(m) * 1e3,
        m.output_ms,
        m.decode_tps()
    )
}

pub(super) fn vllm_log(m: &Measured) -> String {
    format!(
        "(APIServer pid=158) INFO 09-02 13:08:10 [loggers.py:123] Engine 000: Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: {:.1} tokens/s, Running: 10 reqs, Waiting: 0 reqs, GPU KV cache usage: 4.1%, Prefix cache hit rate: 53.7%\n",
        m.decode_tps()
    )
}

pub(super) fn vllm_serve(m: &Measured) -> String {
    format!(
        "============ Serving Benchmark Result ============\nSuccessful requests:                     940       \nBenchmark duration (s):                  {:<10.2}\nTotal input tokens:                      {:<10}\nTotal generated tokens:                  {:<10}\nRequest throughput (req/s):              1.17      \nOutput token throughput (tok/s):         {:<10.2}\nTotal Token throughput (tok/s):          481.39    \nMean TTFT (ms):                          204.56    \n",
        m.output_ms / 1e3,
        m.prompt,
        m.output,
        m.decode_tps()
    )
}

pub(super) fn vllm_throughput(m: &Measured) -> String {
    format!(
        "Throughput: 7.15 requests/s, {:.2} total tokens/s, {:.2} output tokens/s\n",
        m.decode_tps() * 2.0,
        m.decode_tps()
    )
}

pub(super) fn sglang_log(m: &Measured) -> String {
    format!(
        "[2026-04-05 20:02:51 TP0] Decode batch, #running-req: 32, #token: 11179, token usage: 0.08, cuda graph: True, gen throughput (token/s): {:.2}, #queue-req: 0\n",
        m.decode_tps()
    )
}

pub(super) fn mlx_batched(m: &Measured) -> String {
    format!(
        "[batch_generate] Prompt: {} tokens, {:.3} tokens-per-sec\n[batch_generate] Generation: {} tokens, {:.3} tokens-per-sec\n[batch_generate] Peak memory: 1.234 GB\n",
        m.prompt,
        m.prefill_tps(),
        m.output,
        m.decode_tps()
    )
}

pub(super) fn mlx_benchmark_batched(m: &Measured) -> String {
    format!(
        "Timing with prompt_tokens={}, generation_tokens={}, batch_size=4.\nAverages: prompt_tps={:.3}, generation_tps={:.3}, peak_memory=1.603\n",
        m.prompt,
        m.output,
        m.prefill_tps(),
        m.decode_tps()
    )
}

pub(super) fn textgen(m: &Measured) -> String {
    let rate = f64::from(m.output) / sum(m) * 1e3;
    format!(
        "00:28:06-600105 INFO     Output generated in {:.2} seconds ({rate:.2} tokens/s, {} tokens, context {}, seed 1777440417)\n",
        sum(m) / 1e3,
        m.output,
        m.prompt
    )
}

pub(super) fn lms_stats(m: &Measured) -> String {
    format!(
        "Some answer.\n\nPrediction Stats:\n  Stop Reason: eosFound\n  Tokens/Second: {:.2}\n  Time to First Token: 0.110s\n  Prompt Tokens: {}\n  Predicted Tokens: {}\n  Total Tokens: {}\n",
        m.decode_tps(),
        m.prompt,
        m.output,
        m.prompt + m.output
    )
}

pub(super) fn tabby_usage(m: &Measured) -> String {
    format!(
        "{{\"id\":\"chatcmpl-1\",\"choices\":[],\"model\":\"m\",\"usage\":{{\"prompt_tokens\":{},\"prompt_time\":{},\"prompt_tokens_per_sec\":{},\"completion_tokens\":{},\"completion_time\":{},\"completion_tokens_per_sec\":{},\"total_tokens\":{},\"total_time\":{}}}}}\n",
        m.prompt,
        m.prompt_ms / 1e3,
        m.prefill_tps(),
        m.output,
        m.output_ms / 1e3,
        m.decode_tps(),
        m.prompt + m.output,
        sum(m) / 1e3 + 0.1
    )
}

/// The members of Ollama's last object, as another program shows them.
fn ollama_members(m: &Measured) -> [(&'static str, u64); 6] {
    [
        ("total_duration", nanos(m.prompt_ms + m.output_ms + m.load_ms)),
        ("load_duration", nanos(m.load_ms)),
        ("prompt_eval_count", u64::from(m.prompt)),
        ("prompt_eval_duration", nanos(m.prompt_ms)),
        ("eval_count", u64::from(m.output)),
        ("eval_duration", nanos(m.output_ms)),
    ]
}

pub(super) fn ollama_repr(m: &Measured) -> String {
    let members: String = ollama_members(m).map(|(key, value)| format!(" {key}={value}")).concat();
    format!(
        "model='m' created_at='2025-01-01T00:00:00Z' done=True done_reason='stop'{members} message=Message(role='assistant', content='eval_count=9')\n"
    )
}

pub(super) fn ollama_dict(m: &Measured) -> String {
    let members: String = ollama_members(m).map(|(key, value)| format!(", '{key}': {value}")).concat();
    format!(
        "{{'model': 'm', 'message': {{'role': 'assistant', 'content': \"it's\"}}, 'done': True{members}}}\n"
    )
}

pub(super) fn ollama_list(m: &Measured) -> String {
    let members: String = ollama_members(m).map(|(key, value)| format!("{key:<20} : {value}\n")).concat();
    format!(
        "\nmodel                : m\ncreated_at           : 2025-01-01T00:00:00Z\nresponse             : It is: blue\ndone                 : True\n{members}\n"
    )
}

pub(super) fn vllm_metrics(m: &Measured) -> String {
    let rate = f64::from(m.output - 1) / m.output_ms * 1e3;
    format!(
        "{{\"model\":\"m\",\"choices\":[],\"usage\":{{\"prompt_tokens\":{},\"completion_tokens\":{}}},\"metrics\":{{\"time_to_first_token_ms\":{},\"generation_time_ms\":{},\"mean_itl_ms\":{},\"tokens_per_second\":{rate}}}}}\n",
        m.prompt,
        m.output,
        m.prompt_ms,
        m.output_ms,
        1e3 / rate
    )
}

pub(super) fn ktransformers(m: &Measured) -> String {
    format!(
        "prompt eval count:    {} token(s)\nprompt eval duration: {}s\nprompt eval rate:     {:.9} tokens/s\neval count:           {} token(s)\neval duration:        {}s\neval rate:            {:.9} tokens/s\n",
        m.prompt,
        m.prompt_ms / 1e3,
        m.prefill_tps(),
        m.output,
        m.output_ms / 1e3,
        m.decode_tps()
    )
}
