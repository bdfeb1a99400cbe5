//! Spellings as tools print and people type them.

use proptest::prelude::*;

use crate::catalog::Catalog;
use crate::engine::Engine;
use crate::lookup::Lookup;
use crate::query::Params;
use crate::row::DeviceClass;

fn device(text: &str) -> String {
    Catalog::embedded().device(text).map_or_else(|lookup| lookup.to_string(), |row| row.id.clone())
}

fn model(text: &str) -> String {
    Catalog::embedded().model(text).map_or_else(|lookup| lookup.to_string(), |row| row.id.clone())
}

#[test]
fn devices_are_found_by_what_tools_print() {
    #[rustfmt::skip]
    let vectors = [
        // nvidia-smi, llama-bench, LocalScore
        ("NVIDIA GeForce RTX 4070 Ti", "rtx-4070-ti"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "rtx-4090-laptop"),
        ("NVIDIA A100-SXM4-80GB", "a100-sxm4-80gb"),
        ("NVIDIA A100 80GB PCIe", "a100-pcie-80gb"),
        ("NVIDIA H100 80GB HBM3", "h100-sxm5-80gb"),
        ("Tesla V100-SXM2-16GB", "v100-sxm2-16gb"),
        ("NVIDIA RTX 3500 Ada Generation Laptop GPU", "rtx-3500-ada-laptop"),
        ("NVIDIA GeForce GTX 1070 with Max-Q Design", "gtx-1070-max-q"),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "rtx-pro-6000-blackwell"),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "rtx-pro-6000-blackwell-max-q"),
        ("NVIDIA GB10", "dgx-spark"),
        // Vulkan, ROCm
        ("Radeon RX 7900 XTX (RADV NAVI31)", "rx-7900-xtx"),
        ("AMD Radeon RX 6800 XT (RADV NAVI21)", "rx-6800-xt"),
        ("AMD Radeon Graphics (RADV GFX1151)", "ryzen-ai-max-395"),
        ("Radeon 8060S Graphics (RADV GFX1151)", "ryzen-ai-max-395"),
        ("AMD RYZEN AI MAX+ 395 w/ Radeon 8060S", "ryzen-ai-max-395"),
        ("Intel(R) Arc(tm) A770 Graphics (DG2)", "arc-a770"),
        ("AMD Radeon RX 7900 XTX (radeonsi, navi31, LLVM 17.0.6, DRM 3.57)", "rx-7900-xtx"),
        // lspci
        ("NVIDIA Corporation GA102 [GeForce RTX 3090] (rev a1)", "rtx-3090"),
        ("Advanced Micro Devices, Inc. [AMD/ATI] Navi 31 [Radeon Pro W7900] (rev c8)", "pro-w7900"),
        // Metal, LocalScore
        ("Apple M4 Max 12P+4E+40GPU", "m4-max-40-core"),
        ("Apple M1 Max 32-Core GPU", "m1-max-32-core"),
        ("Apple M1 Ultra (48 GPU Core) 64GB", "m1-ultra-48-core"),
        // browsers
        ("ANGLE (NVIDIA, NVIDIA GeForce RTX 3060 Laptop GPU Direct3D11 vs_5_0 ps_5_0, D3D11)", "rtx-3060-laptop"),
        ("NVIDIA GeForce RTX 3080/PCIe/SSE2", "rtx-3080"),
        // processors
        ("AMD Ryzen 9 7950X 16-Core Processor (znver4)", "ryzen-9-7950x"),
        ("AMD Ryzen 7 5800H with Radeon Graphics", "ryzen-4000-5000-mobile"),
        ("AMD Ryzen 7 5800X 8-Core Processor", "ryzen-7-5800x"),
        ("Intel(R) Core(TM) i7-8700K CPU @ 3.70GHz", "core-i7-8700"),
        ("11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", "core-11th-gen-mobile-lpddr4x"),
        ("Intel(R) Xeon(R) CPU E5-2697 v2 @ 2.70GHz", "xeon-e5-2697-v2"),
        ("AMD EPYC 9454P 48-Core Processor", "epyc-9454"),
        ("AMD Ryzen 7 5700X3D 8-Core Processor (znver3)", "ryzen-7-5700x3d"),
        ("13th Gen Intel(R) Core(TM) i9-13900KS", "core-i9-13900"),
        ("13th Gen Intel(R) Core(TM) i9-13900HX", "core-i9-13900hx"),
        ("Intel(R) Xeon(R) Gold 6248R CPU @ 3.00GHz", "xeon-gold-6248r"),
        ("Intel(R) Xeon(R) Platinum 8480+", "xeon-platinum-8480"),
        ("AMD Ryzen Threadripper PRO 7995WX 96-Cores", "threadripper-pro-7995wx"),
        // A processor that has no row of its own is one of its family.
        ("Intel(R) Core(TM) i5-8305G CPU", "core-8th-9th-gen-desktop"),
        ("AMD Ryzen 5 PRO 5645 6-Core Processor", "ryzen-5000-desktop"),
        ("Raspberry Pi 5 Model B Rev 1.0", "raspberry-pi-5"),
    ];
    for (text, id) in vectors {
        assert_eq!(device(text), id, "{text}");
    }
}

#[test]
fn devices_are_found_by_what_people_type() {
    #[rustfmt::skip]
    let vectors = [
        ("4070ti", "rtx-4070-ti"), ("rtx4090", "rtx-4090"), ("RTX 4070 Ti Super", "rtx-4070-ti-super"),
        ("nvidia rtx 4070 ti 12gb", "rtx-4070-ti"), ("7900xtx", "rx-7900-xtx"), ("B580", "arc-b580"),
        ("RTX 4060 Ti 16GB", "rtx-4060-ti-16gb"), ("M4 Max 40-core GPU", "m4-max-40-core"),
        ("M4 Max 36GB", "m4-max-32-core"), ("strix halo", "ryzen-ai-max-395"), ("2x RTX 3090", "rtx-3090"),
        ("DGX Spark", "dgx-spark"), ("Tesla P40", "p40"), ("MI300X", "mi300x"), ("Pixel 8 Pro", "tensor-g3"),
        // The bare name is the card that was sold for years; the rare one says its size.
        ("RTX 3060", "rtx-3060-12gb"), ("RTX 3080", "rtx-3080"), ("RTX 3050", "rtx-3050-8gb"),
        ("i7-13700K", "core-i7-13700"), ("i5 12400f", "core-i5-12400"),
        ("ryzen 7 9800x3d", "ryzen-7-9800x3d"), ("E5-2680 v4", "xeon-e5-2680-v4"), ("W6800", "pro-w6800"),
        ("P104-100", "p104-100"), ("K80", "k80"), ("RTX 2080 Ti 22GB", "rtx-2080-ti"), ("Steam Deck", "steam-deck"),
        ("Arc B70", "arc-pro-b70"), ("Ryzen Z1 Extreme", "ryzen-7840u-lpddr5x"),
        // Made for laptops alone.
        ("RTX 4050", "rtx-4050-laptop"),
    ];
    for (text, id) in vectors {
        assert_eq!(device(text), id, "{text}");
    }
}

#[test]
fn names_of_several_devices_say_which() {
    let catalog = Catalog::embedded();
    let vectors: [(&str, &[&str]); 9] = [
        ("RTX 4060 Ti", &["rtx-4060-ti-16gb", "rtx-4060-ti-8gb"]),
        ("Apple M4 Max", &["m4-max-32-core", "m4-max-40-core"]),
        ("A100 80GB", &["a100-pcie-80gb", "a100-sxm4-80gb"]),
        ("AMD Radeon 780M", &["ryzen-7840hs-ddr5", "ryzen-7840u-lpddr5x"]),
        ("RTX 6000", &["quadro-rtx-6000", "rtx-6000-ada"]),
        ("AMD Radeon Graphics (RADV PHOENIX)", &["ryzen-7840hs-ddr5", "ryzen-7840u-lpddr5x"]),
        // lspci names all that a chip is sold as.
        ("Navi 31 [Radeon RX 7900 XT/7900 XTX/7900 GRE]", &["rx-7900-gre", "rx-7900-xt", "rx-7900-xtx"]),
        (
            "[AMD/ATI] Navi 21 [Radeon RX 6800/6800 XT / 6900 XT] (rev c1)",
            &["rx-6800", "rx-6800-xt", "rx-6900-xt"],
        ),
        ("Navi 48 [Radeon RX 9070/9070 XT/9070 GRE]", &["rx-9070", "rx-9070-gre", "rx-9070-xt"]),
    ];
    for (text, ids) in vectors {
        let Err(Lookup::Ambiguous { mut between }) = catalog.device(text) else { panic!("{text} is one") };
        between.sort();
        assert_eq!(between, ids, "{text}");
    }
}

#[test]
fn memory_beside_the_name_tells_versions_apart() {
    let catalog = Catalog::embedded();
    let id = |text, gib| catalog.device_with_memory(text, Some(gib)).expect(text).id.clone();
    assert_eq!(id("NVIDIA GeForce RTX 4060 Ti", 15.7), "rtx-4060-ti-16gb");
    assert_eq!(id("NVIDIA GeForce RTX 3050", 5.8), "rtx-3050-6gb");
    assert_eq!(id("Apple M3 Max", 64.0), "m3-max-40-core");
    // A size that fits none is a modded card or a tool's error: the name decides.
    assert_eq!(id("NVIDIA GeForce RTX 3090", 48.0), "rtx-3090");
}

#[test]
fn another_product_is_never_taken_for_its_neighbour() {
    for (text, never) in [
        ("RTX 4070 Ti", "rtx-4070"),
        ("Radeon RX 7900 GRE", "rx-7900-xt"),
        ("RTX 5090 Laptop GPU", "rtx-5090"),
        ("Apple A16", "a16"),
        ("Ryzen 7 5800U", "ryzen-5000-desktop"),
        ("RTX 4090 48GB", "rtx-4090"),
        ("Banana Pi", "raspberry-pi-5"),
    ] {
        assert_ne!(device(text), never, "{text}");
    }
    let unknown = Catalog::embedded().device("RTX 4095").expect_err("no such card");
    assert!(unknown.suggestions().contains(&"rtx-4090".to_owned()), "{unknown}");
}

#[test]
fn models_are_found_by_file_repository_tag_and_talk() {
    #[rustfmt::skip]
    let vectors = [
        ("llama 3.1 8b instruct", "llama-3.1-8b"),
        ("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", "llama-3.1-8b"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("llama3.1:8b-instruct-q4_K_M", "llama-3.1-8b"),
        ("qwen3:30b-a3b", "qwen3-30b-a3b"), ("qwen3:30b", "qwen3-30b-a3b"),
        ("unsloth/Qwen3-30B-A3B-GGUF", "qwen3-30b-a3b"),
        ("hf.co/bartowski/Qwen_Qwen3-30B-A3B-GGUF:Q4_K_M", "qwen3-30b-a3b"),
        ("qwen3moe 30B.A3B Q4_K - Medium", "qwen3-30b-a3b"), ("llama 7B mostly Q4_0", "llama-7b"),
        ("Qwen3-30B-A3B-Instruct-2507-UD-Q4_K_XL.gguf", "qwen3-30b-a3b-2507"),
        ("Qwen3-5-122B-A10B-UD-Q4_K_XL", "qwen3.5-122b-a10b"),
        ("gpt-oss:20b", "gpt-oss-20b"), ("gpt-oss-120b-mxfp4-00001-of-00003.gguf", "gpt-oss-120b"),
        ("gemma3:27b-it-qat", "gemma-3-27b"), ("google_gemma-3-1b-it-Q4_K_M", "gemma-3-1b"),
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", "qwen2.5-7b"), ("Qwen2.5-72B-Instruct-GPTQ-Int4", "qwen2.5-72b"),
        ("mlx-community/Qwen3-14B-4bit", "qwen3-14b"), ("nvidia/Gemma-4-26B-A4B-NVFP4", "gemma-4-26b-a4b"),
        ("TheBloke/Mistral-7B-Instruct-v0.2-GGUF", "mistral-7b-v0.2"),
        ("DeepSeek R1", "deepseek-r1"), ("deepseek-r1:14b", "deepseek-r1-distill-qwen-14b"),
        ("llama3.3:latest", "llama-3.3-70b"), ("phi4", "phi-4"), ("qwq", "qwq-32b"),
        ("Mixtral-8x7B-Instruct", "mixtral-8x7b-v0.1"), ("command-r+", "command-r-plus"),
    ];
    for (text, id) in vectors {
        assert_eq!(model(text), id, "{text}");
    }
}

#[test]
fn a_fine_tune_is_not_its_base_but_near_it() {
    let catalog = Catalog::embedded();
    for (text, base) in [
        ("Huihui-Qwen3-14B-abliterated-GGUF", "qwen3-14b"),
        ("Meta-Llama-3-8B-Instruct-abliterated", "llama-3-8b"),
    ] {
        let Err(Lookup::Unknown { near }) = catalog.model(text) else { panic!("{text} is {}", model(text)) };
        assert!(near.contains(&base.to_owned()), "{text}: {near:?}");
    }
    for text in ["llama3", "gpt-oss ?B MXFP4 MoE"] {
        assert!(matches!(catalog.model(text), Err(Lookup::Ambiguous { .. })), "{text}: {}", model(text));
    }
    let Err(unknown) = catalog.model("WizardLM-2 8x22B") else { panic!("it is not in the catalogue") };
    assert!(unknown.suggestions().iter().any(|id| id.starts_with("mixtral-8x22b")), "{unknown}");
    assert!(matches!(catalog.model("gpt-oss"), Err(Lookup::Ambiguous { .. })));
}

#[test]
fn quantisations_are_found_and_replaced() {
    let catalog = Catalog::embedded();
    #[rustfmt::skip]
    let vectors = [
        ("Q4_K_M", "q4_k_m"), ("q4_K_M", "q4_k_m"), ("Q4_K - Medium", "q4_k_m"), ("gguf-q4_k_m", "q4_k_m"),
        ("UD-Q4_K_XL", "ud-q4_k_xl"), ("Q4_K_XL", "ud-q4_k_xl"), ("4bit", "mlx-4bit"), ("4-bit", "mlx-4bit"),
        ("W4A16", "int4"), ("FP16", "f16"), ("bfloat16", "bf16"), ("AWQ-INT4", "awq"), ("exl3-6.0bpw-mcg", "exl3-6bpw"),
        ("EXL2 4.65 bpw", "exl2-4.5bpw"), ("fp8-dynamic", "fp8"), ("q6k", "q6_k"),
        ("IQ4XS", "iq4_xs"), ("q4km", "q4_k_m"), ("4.65bpw", "exl2-4.5bpw"), ("5.0 bpw", "exl2-5bpw"), ("MXFP4_MOE", "mxfp4"),
    ];
    for (text, id) in vectors {
        assert_eq!(catalog.quant(text).map(|row| row.id.clone()), Ok(id.to_owned()), "{text}");
    }
}

#[test]
fn what_a_runtime_does_not_load_is_replaced_by_the_nearest_in_quality_and_bits() {
    let engine = Engine::embedded();
    #[rustfmt::skip]
    let vectors = [
        ("rtx-3090", "llama.cpp", "awq", "q4_k_s"), ("rtx-3090", "ollama", "gptq-int4", "q4_k_s"),
        ("m4-max-40-core", "llama.cpp", "mlx-4bit", "q4_k_s"), ("m4-max-40-core", "llama.cpp", "int4", "q4_k_s"),
        ("m4-max-40-core", "llama.cpp", "nf4", "q4_k_s"), ("m4-max-40-core", "llama.cpp", "4bit", "q4_k_s"),
        ("rtx-3090", "vllm", "q4_k_m", "awq"), ("mi300x", "vllm", "q4_k_m", "awq"), ("rtx-3090", "vllm", "awq", "awq"),
        ("m4-max-40-core", "mlx", "q4_k_m", "mlx-4bit"), ("rtx-3090", "exllamav3", "q4_k_m", "exl3-4bpw"),
        ("rtx-3090", "llama.cpp", "q4_k_m", "q4_k_m"), ("rtx-3090", "llama.cpp", "fp8", "q8_0"),
        ("rtx-3090", "llama.cpp", "int8", "q8_0"), ("rtx-4090", "ollama", "exl3-6bpw", "q6_k"),
        ("rtx-5090", "ollama", "nvfp4", "q4_k_m"), ("rtx-3090", "ollama", "nvfp4", "q4_k_m"),
    ];
    for (hardware, runtime, asked, id) in vectors {
        let pairs = [("hardware", hardware), ("runtime", runtime), ("quant", asked), ("model", "qwen3-8b")];
        let params = Params::read(pairs).unwrap();
        let (rig, job) = engine.read(&params).unwrap();
        let chosen = engine.choose(&params, &rig, &job).unwrap();
        assert_eq!(chosen.quant.id, id, "{asked} under {runtime} on {hardware}");
    }
}

proptest! {
    /// Case, doubled blanks and blanks for hyphens never change what a device is called.
    #[test]
    fn spelling_does_not_depend_on_case_or_blanks(at in 0..Catalog::embedded().devices().len()) {
        let row = &Catalog::embedded().devices()[at];
        prop_assert_eq!(device(&row.name.to_uppercase()), row.id.clone());
        prop_assert_eq!(device(&row.name.to_lowercase()), row.id.clone());
    }

    /// Any text gets an answer, and never a panic; what is found is a row of the catalogue.
    #[test]
    fn any_text_gets_an_answer(text in "\\PC{0,60}") {
        let catalog = Catalog::embedded();
        for suggestion in catalog.device(&text).err().iter().flat_map(Lookup::suggestions) {
            prop_assert!(catalog.devices().iter().any(|row| row.id == *suggestion));
        }
        for suggestion in catalog.model(&text).err().iter().flat_map(Lookup::suggestions) {
            prop_assert!(catalog.models().iter().any(|row| row.id == *suggestion));
        }
        let _ = catalog.quant(&text);
    }

    /// A laptop card is never found without its being said, where a desktop card of that name exists.
    #[test]
    fn laptop_and_desktop_are_kept_apart(at in 0..Catalog::embedded().devices().len()) {
        let row = &Catalog::embedded().devices()[at];
        let laptop = format!("{} Laptop GPU", row.name);
        if row.class == DeviceClass::DiscreteGpu
            && !row.laptop
            && let Ok(found) = Catalog::embedded().device(&laptop)
        {
            prop_assert!(found.laptop, "{laptop} is {}", found.id);
        }
    }
}
