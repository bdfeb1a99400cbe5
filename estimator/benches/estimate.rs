//! One estimate should take less than a microsecond.

#[path = "../tests/common/mod.rs"]
mod common;

use common::*;
use criterion::{Criterion, criterion_group, criterion_main};
use estimator::{HardwareClass, estimate};
use std::hint::black_box;

fn bench(c: &mut Criterion) {
    let constants = constants();
    let card = device(HardwareClass::DiscreteGpu, 24.0, 936.0, Some(71.0));
    let dense = setup(card, llama_8b(), 8192);
    let offloaded = setup(device(HardwareClass::DiscreteGpu, 8.0, 272.0, Some(40.0)), qwen_30b_a3b(), 8192);
    c.bench_function("whole", |b| b.iter(|| estimate(black_box(&dense), black_box(&constants))));
    c.bench_function("offloaded", |b| b.iter(|| estimate(black_box(&offloaded), black_box(&constants))));
}

criterion_group!(benches, bench);
criterion_main!(benches);
