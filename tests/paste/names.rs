//! What the lines around the timings say of model and device, and what is kept of them.

use data::paste::{Reading, read};

const BLOCK: &str = "llama_perf_context_print: prompt eval time =     927.17 ms /    99 tokens (    9.37 ms per token,   106.78 tokens per second)\n\
    llama_perf_context_print:        eval time =   14085.85 ms /   178 runs   (   79.13 ms per token,    12.64 tokens per second)\n\
    llama_perf_context_print:       total time =   15699.49 ms /   277 tokens\n";

/// A table of llama-bench with these backends.
fn table(backends: &str) -> String {
    format!(
        "| model                          |       size |     params | backend    | ngl |            test |                  t/s |\n\
         | ------------------------------ | ---------: | ---------: | ---------- | --: | --------------: | -------------------: |\n\
         | qwen3moe 30B.A3B Q3_K - Medium |  13.70 GiB |    30.53 B | {backends} |  99 |           pp512 |        378.46 ± 1.43 |\n\
         | qwen3moe 30B.A3B Q3_K - Medium |  13.70 GiB |    30.53 B | {backends} |  99 |           tg128 |         11.09 ± 0.02 |\n"
    )
}

/// Device and backend of all runs; read again from what is kept, they are the same.
fn devices(text: &str) -> Vec<(Option<String>, Option<String>)> {
    let names = |reading: &Reading| -> Vec<(Option<String>, Option<String>)> {
        reading.runs.iter().map(|run| (run.device.clone(), run.backend.clone())).collect()
    };
    let reading = read(text.as_bytes());
    let found = names(&reading);
    assert!(!found.is_empty(), "{reading:#?}");
    for (run, names_of_run) in reading.runs.iter().zip(&found) {
        assert_eq!(names(&read(run.lines.as_bytes())).first(), Some(names_of_run), "{}", run.lines);
        assert!(!run.lines.contains("10.0.0.7"), "{}", run.lines);
    }
    found
}

fn some(device: &str, backend: &str) -> (Option<String>, Option<String>) {
    let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    (name(device), name(backend))
}

#[test]
fn the_only_device_is_the_runs() {
    let used = "llama_model_load_from_file_impl: using device ";
    for (lines, device, backend) in [
        (
            "  Device 0: NVIDIA GeForce RTX 3090, compute capability 8.6, VMM: yes\n",
            "NVIDIA GeForce RTX 3090",
            "",
        ),
        (
            "ggml_cuda_init: found 1 ROCm devices:\n  Device 0: AMD Instinct MI100, gfx908:sramecc+:xnack- (0x908), VMM: no, Wave Size: 64\n",
            "AMD Instinct MI100",
            "ROCm",
        ),
        (
            "ggml_vulkan: Found 1 Vulkan devices:\nggml_vulkan: 0 = AMD Radeon RX 7900 XTX (RADV NAVI31) (radv) | uma: 0 | fp16: 1\n",
            "AMD Radeon RX 7900 XTX",
            "Vulkan",
        ),
        (
            "ggml_metal_init: found device: Apple M1 Max\nggml_metal_init: picking default device: Apple M1 Max\nggml_metal_init: GPU name:   Apple M1 Max\n",
            "Apple M1 Max",
            "",
        ),
        (&format!("{used}Metal (Apple M4 Max) - 110100 MiB free\n"), "Apple M4 Max", "Metal"),
        (
            &format!("{used}SYCL0 (Intel(R) Arc(TM) A770 Graphics) (unknown id) - 15473 MiB free\n"),
            "Intel(R) Arc(TM) A770 Graphics",
            "SYCL",
        ),
        // Of two that were found, the one that was used.
        (
            &format!(
                "ggml_vulkan: Found 2 Vulkan devices:\nggml_vulkan: 0 = Intel(R) Graphics (ADL GT2) (Intel open-source Mesa driver) | uma: 1\nggml_vulkan: 1 = NVIDIA GeForce RTX 3060 (NVIDIA) | uma: 0\n{used}Vulkan1 (NVIDIA GeForce RTX 3060) - 12000 MiB free\n"
            ),
            "NVIDIA GeForce RTX 3060",
            "Vulkan",
        ),
        // Loaded twice, as llama.cpp does to see what fits.
        (
            &format!(
                "{used}CUDA0 (NVIDIA GeForce RTX 3090) - 1 MiB free\n{used}CUDA0 (NVIDIA GeForce RTX 3090) - 1 MiB free\n"
            ),
            "NVIDIA GeForce RTX 3090",
            "CUDA",
        ),
    ] {
        assert_eq!(devices(&format!("{lines}{BLOCK}")), [some(device, backend)], "{lines}");
    }
}

#[test]
fn of_several_devices_none_is_the_runs() {
    let used = "llama_model_load_from_file_impl: using device ";
    for (lines, backend) in [
        (
            "ggml_cuda_init: found 2 CUDA devices:\n  Device 0: NVIDIA GeForce RTX 3090, compute capability 8.6, VMM: yes\n  Device 1: NVIDIA GeForce RTX 3090, compute capability 8.6, VMM: yes\n",
            "CUDA",
        ),
        // The second was cut off, or the first.
        (
            "ggml_cuda_init: found 2 CUDA devices:\n  Device 0: NVIDIA GeForce RTX 3090, compute capability 8.6, VMM: yes\n",
            "CUDA",
        ),
        ("  Device 1: NVIDIA GeForce RTX 3090, compute capability 8.6, VMM: yes\n", ""),
        (
            &format!(
                "{used}CUDA0 (NVIDIA GeForce RTX 3090) - 23307 MiB free\n{used}CUDA1 (NVIDIA GeForce RTX 3090) - 23307 MiB free\n"
            ),
            "CUDA",
        ),
        (
            &format!(
                "{used}CUDA0 (NVIDIA GeForce RTX 3090) - 23307 MiB free\n{used}Vulkan1 (AMD Radeon PRO W7900) - 23307 MiB free\n"
            ),
            "",
        ),
    ] {
        assert_eq!(devices(&format!("{lines}{BLOCK}")), [some("", backend)], "{lines}");
    }
    // Of another machine nothing is kept, least of all its address.
    let remote = format!(
        "{used}CUDA0 (NVIDIA GeForce RTX 3090) - 1 MiB free\n{used}RPC[10.0.0.7:50052] (RPC[10.0.0.7:50052]) - 1 MiB free\n{BLOCK}"
    );
    assert_eq!(devices(&remote)[0].0, None);
}

#[test]
fn a_table_is_of_the_devices_above_it() {
    let cuda = "ggml_cuda_init: GGML_CUDA_FORCE_MMQ:    no\nggml_cuda_init: found 1 CUDA devices:\n  Device 0: NVIDIA GeForce RTX 5070, compute capability 12.0, VMM: yes\nload_backend: loaded CUDA backend from /usr/lib/ggml-cuda.so\n";
    let two = cuda.replace("found 1", "found 2");
    let of = |text: &str| {
        devices(text).into_iter().map(|(device, _)| device.unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(of(&format!("{cuda}{}", table("CUDA"))), ["NVIDIA GeForce RTX 5070"]);
    assert_eq!(of(&format!("{cuda}{}", table("CUDA,BLAS"))), ["NVIDIA GeForce RTX 5070"]);
    // Of two, of another kind, of another machine as well.
    for text in [
        format!("{two}{}", table("CUDA")),
        format!("{cuda}{}", table("Vulkan")),
        format!("{cuda}{}", table("CUDA,RPC")),
    ] {
        assert_eq!(of(&text), [""], "{text}");
    }
    // The next table is of its own devices, even if none are told.
    let other = table("CUDA").replace("378.46", "478.46").replace("11.09", "21.09");
    assert_eq!(of(&format!("{cuda}{}\n{other}", table("CUDA"))), ["NVIDIA GeForce RTX 5070", ""]);
    // What another program used before is not what the table is of.
    let before = format!(
        "llama_model_load_from_file_impl: using device CUDA0 (NVIDIA GeForce RTX 3090) - 1 MiB free\n{BLOCK}"
    );
    assert_eq!(
        of(&format!("{before}{cuda}{}", table("CUDA"))),
        ["NVIDIA GeForce RTX 3090", "NVIDIA GeForce RTX 5070"]
    );
    let far = "something else\n".repeat(12);
    assert_eq!(of(&format!("{cuda}{far}{}", table("CUDA"))), [""]);
}

#[test]
fn a_command_names_the_model_where_the_loader_does_not() {
    let text = format!(
        "llama-cli -m /home/me/Llama-3.2-1B-Instruct-Q4_K_M.gguf\nllama_model_load_from_file_impl: using device CUDA0 (NVIDIA GeForce RTX 3090) - 1 MiB free\n{BLOCK}"
    );
    let run = &read(text.as_bytes()).runs[0];
    assert_eq!(run.model.as_deref(), Some("Llama-3.2-1B-Instruct"));
    assert_eq!(
        (run.quant.as_deref(), run.device.as_deref()),
        (Some("Q4_K_M"), Some("NVIDIA GeForce RTX 3090"))
    );
    assert!(!run.lines.contains("/home"), "{}", run.lines);
}

#[test]
fn a_benchmark_names_what_its_line_does_not() {
    let line = "Processing Prompt [BLAS] (16284 / 16284 tokens)\nGenerating (100 / 100 tokens)\nCtxLimit:16384/16384, Amt:100/100, Init:0.07s, Process:21.22s (1.3ms/T = 767.28T/s), Generate:23.24s (232.4ms/T = 4.30T/s), Total:44.46s (2.25T/s)\n";
    let result = "Backend: koboldcpp_cublas.dll\nLayers: 59\nModel: Cydonia-22B-v1.3.i1-IQ4_XS\nMaxCtx: 16384\nGenAmount: 100\n-----\nProcessingTime: 21.223s\nProcessingSpeed: 767.28T/s\nGenerationTime: 23.240s\nGenerationSpeed: 4.30T/s\nTotalTime: 44.463s\n";
    let reading = read(format!("{line}Benchmark Completed - v1.78 Results:\n======\n{result}").as_bytes());
    let again = read(reading.runs[0].lines.as_bytes());
    for reading in [reading, again] {
        assert_eq!(reading.runs.len(), 1, "{reading:#?}");
        let run = &reading.runs[0];
        let names = [&run.model, &run.quant, &run.backend].map(|name| name.as_deref().unwrap_or_default());
        assert_eq!(names, ["Cydonia-22B-v1.3.i1", "IQ4_XS", "cublas"]);
    }
}
