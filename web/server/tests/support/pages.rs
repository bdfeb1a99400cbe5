//! The pages of the site, each with a query that shows what it can: one list for every test that goes through them.

/// A name for files and messages, and the address.
pub const PAGES: &[(&str, &str)] = &[
    ("home-empty", "/"),
    ("home", "/?hardware=rtx-3090&context=32k"),
    ("home-own", "/?class=discrete_gpu&bandwidth_gb_s=500&memory_gib=12&compute_f16_tflops=40"),
    ("home-wrong", "/?hardware=rtx+9999"),
    ("device", "/d/rtx-3090"),
    ("model", "/m/qwen3-30b-a3b?hardware=rtx-3090&context=32k"),
    ("compare", "/compare?hardware1=rtx-3090&model1=llama-3.1-8b&hardware2=m4-max&model2=llama-3.1-8b"),
    ("benchmarks", "/benchmarks"),
    ("benchmarks-asked", "/benchmarks?backend=cuda&quant=Q4_K_M&sort=ratio"),
    ("any-model", "/gguf"),
    ("contribute", "/contribute"),
    ("embed", "/embed?hardware=rtx-3090&model=qwen3-30b-a3b"),
    ("embedded", "/embed/rtx-3090/qwen3-30b-a3b?quant=q4_k_m"),
    ("leaderboard", "/leaderboard"),
    ("privacy", "/privacy"),
    ("methodology", "/methodology"),
    ("about", "/about"),
    ("not-found", "/no-such-page"),
];
