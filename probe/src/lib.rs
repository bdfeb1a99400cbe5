//! llm-speed-probe: how fast is this machine? Measure it, or estimate it.
