//! The pages and the API of llm-speed: one process, one database, every asset inside.
//!
//! ```text
//! request → log → headers → deliver → limits → handler (api, pages, assets, health)
//!                              │                   │
//!                 bytes on the wire ← Representation or Problem          store (SQL) below them
//! ```
//!
//! Handlers know no SQL and write no bytes: they return a [`representation::Representation`] or a
//! [`problem::Problem`], and [`deliver`] makes of it what the client asked for. The store knows no HTTP.

pub mod api;
pub mod app;
pub mod args;
pub mod assets;
pub mod benchmarks;
pub mod board;
pub mod client;
pub mod commands;
pub mod deliver;
pub mod dump;
pub mod encoding;
pub mod gate;
pub mod headers;
pub mod health;
pub mod identity;
pub mod kept;
pub mod lean;
pub mod limits;
pub mod log;
pub mod manifest;
pub mod measured;
pub mod medians;
pub mod metrics;
pub mod names;
pub mod origin;
pub mod pages;
pub mod patience;
pub mod pictures;
pub mod private;
pub mod problem;
pub mod query_string;
pub mod representation;
pub mod serve;
pub mod shelf;
pub mod store;
pub mod submit;
pub mod table;
pub mod update;

pub use app::{App, router, under_rules};
pub use args::Args;
pub use limits::Limits;
pub use serve::{Ended, address, asked_to_stop, serve};
