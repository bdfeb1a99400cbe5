//! Measurements in, constants out.

#![warn(clippy::missing_errors_doc)]

pub mod chunks;
pub mod clean;
pub mod columns;
pub mod commands;
pub mod devices;
pub mod extra;
pub mod features;
pub mod fit;
pub mod fitting;
pub mod folds;
pub mod gates;
pub mod host;
pub mod models;
pub mod observation;
pub mod power;
pub mod predict;
pub mod problem;
pub mod processors;
pub mod quants;
pub mod recipe;
pub mod refit;
pub mod report;
pub mod row;
pub mod score;
pub mod select;
pub mod shrinkage;
pub mod solve;
pub mod standing;
pub mod submissions;
pub mod text;
pub mod validate;
pub mod votes;
