//! Pastes that make the reader look far, at full length: tests read them, and `cargo xtask bench paste` times them.

use data::paste::MAX_BYTES;

/// More runs than this are refused.
const MOST_RUNS: usize = 2048;

/// The worst inputs that we could think of, at full length.
pub(crate) fn worst() -> Vec<(&'static str, Vec<u8>)> {
    let fill = |unit: &str| unit.repeat(MAX_BYTES / unit.len()).into_bytes();
    // As many runs as are read of one paste, and lines up to its full length.
    let runs = |run: &dyn Fn(usize) -> String| {
        let mut text: String = (1..MOST_RUNS).map(run).collect();
        while text.len() + 2 <= MAX_BYTES {
            text.push_str("a\n");
        }
        text.into_bytes()
    };
    let line = "slot print_timing: id  0 | task 1 | ";
    vec![
        ("spaces after a key", [b"prompt eval time =".to_vec(), vec![b' '; MAX_BYTES - 18]].concat()),
        ("keys without values", fill("prompt eval time =\n")),
        ("keys and spaces", fill(&format!("eval time ={}\n", " ".repeat(300)))),
        ("opening braces", fill("{\"a\":")),
        ("opening braces on lines", fill("{\"a\":\n")),
        ("opening brackets", fill("[{")),
        ("brackets on lines", fill("[\n{\n")),
        ("quotes", fill("\"")),
        ("escaped quotes", fill("{\"\\\"")),
        ("open strings on lines", fill("{\"a\":\"b\n")),
        ("an object of one member", fill("{\"eval_duration\":1}\n")),
        ("members", fill("\"a\":1,")),
        ("ampersands", fill("&")),
        ("entities", fill("&#61;")),
        ("open tags", fill("<pre ")),
        ("escapes", fill("\u{1b}[")),
        ("titles", fill("\u{1b}]0;")),
        ("bars", fill("| ")),
        ("tabs", fill("\t")),
        ("rows", fill("| a Q4_0 | 1 GiB | pp512 | 1.00 ± 0.10 |\n")),
        ("different rows", (0..6_000).map(|n| format!("| a{n} Q4_0 | 1 | tg128 | 1.00 ± 0.10 |\n")).collect::<String>().into_bytes()[..MAX_BYTES - 30_000].to_vec()),
        ("blocks of Ollama", fill("eval rate:            25.00 tokens/s\n")),
        ("tasks", (0..1_700).map(|n| format!("slot print_timing: id {n} | task {n} | eval time =    1000.00 ms /    20 tokens (   50.00 ms per token,    20.00 tokens per second)\n")).collect::<String>().into_bytes()[..200_000].to_vec()),
        ("headers", fill(&format!("{line}\n"))),
        ("launches", (0..4_500).map(|n| format!("slot launch_slot_: id {n} | task {n} | processing task\n")).collect::<String>().into_bytes()),
        ("prompts of a chat", fill(">>> \n")),
        ("prompts and blocks", fill(">>> \neval rate:            25.00 tokens/s\n")),
        ("loaders", fill("print_info: file type = Q4_0\n")),
        ("commands", fill("$ ollama run a\n")),
        ("prefixes", fill("[a] ")),
        ("quoting", fill("> ")),
        ("digits", fill("9")),
        ("line breaks", fill("\n")),
        ("short lines", fill("a\n")),
        ("lines of six", fill("aaaaaa\n")),
        ("lines of a number", fill("12.345\n")),
        ("carriage returns", fill("\r")),
        ("broken numbers", fill("eval time = 1\n")),
        ("console width", fill(&format!("{}\n", "x".repeat(79)))),
        ("benchmarks of MLX", fill("Trial 1:  prompt_tps=1.0, generation_tps=1.0, peak_memory=1.0\n")),
        ("hidden characters", fill("\u{200b}")),
        ("full width", fill("\u{ff11}")),
        ("zero bytes", vec![0; MAX_BYTES]),
        ("no encoding", vec![0xff; MAX_BYTES]),
        ("marks of a difference", fill("+eval time = 1.00 ms /\n")),
        ("lines of a file", fill("out.log:prompt eval time =\n")),
        ("numbered lines", (1..9_000).map(|n| format!("{n}: eval time = 1.00 ms /\n")).collect::<String>().into_bytes()),
        ("dictionaries of Python", fill("{'eval_duration': ")),
        ("answers as Python shows them", fill("model='a' eval_count=1 \n")),
        ("lives of tasks", (0..1_800).map(|n| format!("slot launch_slot_: id {n} | task {n} | processing task\n")).chain((0..1_800).map(|n| format!("slot release: id {n} | task {n} | stop processing: n_past = 1\n"))).collect::<String>().into_bytes()),
        ("bars of MLX", fill("==========\nGeneration: 9 tokens, 1.000 tokens-per-sec\n")),
        ("statistics of LM Studio", fill("Prediction Stats:\n")),
        ("spreadsheets", fill("avg_ts;n_prompt;n_gen\n1,0;1;1\n")),
        ("bars of services", fill("a | ")),
        ("numbers and bars", fill("1|")),
        ("days of the week", fill("Mon ")),
        ("levels", fill("I ")),
        ("tags of logcat", fill("1:1:1 1-1/1 I/a: ")),
        ("blocks on one line", fill("eval time = 1000.00 ms / 20 runs ( 50.00 ms per token, 20.00 tokens per second) ")),
        ("rows in CSV", [b"avg_ts,n_prompt,n_gen,stddev_ts\n".to_vec(), fill("\"1\",\"1\",\"1\",\"1\"\n")[32..].to_vec()].concat()),
        ("rows in JSON lines", (1..4_200).map(|n| format!("{{\"model_type\":\"a\",\"n_prompt\":0,\"n_gen\":{n},\"avg_ts\":1.0}}\n")).collect::<String>().into_bytes()),
        ("answers of Ollama", (1..5_500).map(|n| format!("{{\"eval_count\":{n},\"eval_duration\":{n}0000000}}\n")).collect::<String>().into_bytes()),
        ("open rows", [b"| model | t/s |\n".to_vec(), fill("| a\n")[16..].to_vec()].concat()),
        ("lists and dictionaries", [b"{'".to_vec(), fill("a: 1\n")[4..].to_vec()].concat()),
        ("messages in JSON lines", fill("{\"msg\":\"a\"}\n")),
        ("framed lists", [b"{'".to_vec(), fill("| a: 1\n")[8..].to_vec()].concat()),
        ("numbered frames", (0..26_000).map(|n| format!("{n} |a\n")).collect::<String>().into_bytes()),
        ("open tags without an end", fill("<p")),
        ("angles", fill("<")),
        ("different prompts and blocks", (0..5_000).map(|n| format!(">>> \neval rate:            {}.{:02} tokens/s\n", 25 + n / 100, n % 100)).collect::<String>().into_bytes()),
        ("speeds of a chat", (0..5_200).map(|n| format!("[ Prompt: {n}.8 t/s | Generation: 14.4 t/s ]\n")).collect::<String>().into_bytes()),
        ("commands and blocks", (0..4_000).map(|n| format!("$ ollama run a{n}\neval rate:            25.00 tokens/s\n")).collect::<String>().into_bytes()),
        ("loaders and speeds", (0..1_700).map(|n| format!("print_info: file type = Q4_0\nprint_info: general.name = a\nprint_info: file size = 1 GiB\n[ Prompt: {n}.8 t/s | Generation: 14.4 t/s ]\n")).collect::<String>().into_bytes()),
        ("rows under one header", [b"|model|test|t/s|params|\n".to_vec(), (0..14_000).map(|n| format!("|a|tg{n}|1.00||\n")).collect::<String>().into_bytes()].concat()),
        ("rows without a header", (0..14_000).map(|n| format!("|a|||b|tg{n}|1.00 |\n")).collect::<String>().into_bytes()[..MAX_BYTES - 2_000].to_vec()),
        ("rows without bars at their ends", [b"model|test|t/s|params\n".to_vec(), (0..14_000).map(|n| format!("a{n}|tg9|1.00|\n")).collect::<String>().into_bytes()].concat()),
        ("a header and rows that stay open", [b"| model | test | t/s |\n".to_vec(), fill("|a\n")[24..].to_vec()].concat()),
        ("rows of a batch, and lines", [b"|PP|TG|B|N_KV|T_PP s|S_PP t/s|T_TG s|S_TG t/s|T s|S t/s|\n".to_vec(), runs(&|n| format!("|9|{n}|1|9|1|9|1|{n}|2|9|\n"))[60..].to_vec()].concat()),
        ("speeds of a chat, and lines", runs(&|n| format!("[ Prompt: {}.{} t/s | Generation: 1.0 t/s ]\n", n / 10, n % 10))),
        ("rates of Ollama, and lines", runs(&|n| format!("eval rate:            {}.{:02} tokens/s\n", n / 100, n % 100))),
        ("times of llama.cpp, and lines", runs(&|n| format!("eval time = {n}.00 ms / {n} runs (1.00 ms per token)\n"))),
        ("rows in JSON lines, and lines", runs(&|n| format!("{{\"n_prompt\":0,\"n_gen\":99,\"avg_ts\":{n}}}\n"))),
        ("prompts of MLX, and lines", runs(&|n| format!("Prompt:{n} tokens-per-sec\n"))),
        ("speeds in JSON", (0..9_700).map(|n| format!("{{\"output_throughput\":{n}}}\n")).collect::<String>().into_bytes()),
        ("windows of vLLM", (0..2_040).map(|n| format!("Engine 000: Avg prompt throughput: {n} tokens/s, Avg generation throughput: {n} tokens/s\n")).collect::<String>().into_bytes()),
        ("lines in UTF-16", [vec![0xff, 0xfe], fill("a\0\n\0")[2..].to_vec()].concat()),
        ("entities of entities", fill("&amp;lt;")),
    ]
}
