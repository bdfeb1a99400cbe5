#![no_std]
#![doc = include_str!("../METHODOLOGY.md")]

pub mod cache;
pub mod constants;
pub mod decode;
pub mod estimate;
pub mod hardware;
pub mod inverse;
pub mod model;
pub mod placement;
pub mod prefill;
pub mod setup;
pub mod units;
pub mod weights;

pub use cache::{CacheLayout, CacheType, CacheTypes};
pub use constants::{
    Constants, DecodeConstants, DeviceConstants, ExchangeConstants, Offload, OffloadConstants,
    PrefillConstants, RuntimeRules, Spread,
};
pub use estimate::{Bound, Estimate, Range, Rooflines, Speeds, estimate, rooflines};
pub use hardware::{
    Compute, ComputeFormat, Device, HardwareClass, Host, MAX_DEVICES, Machine, MemoryRules, Split,
};
pub use model::{Experts, LayerGroup, LayerKind, Layers, MAX_LAYER_GROUPS, Model};
pub use placement::{BufferRules, Footprint, Placement, Spill};
pub use setup::{Setup, Workload};
pub use weights::{BitsPerWeight, Weights};
