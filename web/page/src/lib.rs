//! The pages of llm-speed: (view, query, messages) -> HTML, the same in server and browser.
//!
//! A view is plain data, handed in; a [`Query`] is the state of the page, all of it in the address; [`messages`] hold
//! every sentence. Templates place what they are given and compute nothing.
//!
//! Each page has two faces. `…_results` renders what stands inside `#results`: the browser swaps it in when the form
//! changes. `…_page` (feature `full`) renders the whole document around the same region: the server's answer, complete
//! without script. No page holds an inline script or a style attribute.

#[cfg(feature = "benchmarks")]
pub mod benchmarks;
mod card;
mod compare;
#[cfg(feature = "contribute")]
pub mod contribute;
mod device;
#[cfg(feature = "full")]
mod document;
#[cfg(feature = "full")]
pub mod embed;
mod figure;
mod figures;
#[cfg(feature = "gguf")]
mod file;
#[cfg(feature = "full")]
mod form;
pub mod gather;
mod home;
#[cfg(feature = "full")]
pub mod leaderboard;
mod listing;
#[cfg(feature = "full")]
pub mod measured;
pub mod messages;
mod model;
#[cfg(feature = "full")]
pub mod picture;
#[cfg(feature = "full")]
pub mod privacy;
#[cfg(feature = "full")]
pub mod profile;
mod query;
#[cfg(feature = "full")]
pub mod report;
#[cfg(feature = "full")]
mod text;
pub mod view;
mod words;

#[cfg(feature = "benchmarks")]
pub use benchmarks::results as benchmarks_results;
pub use compare::results as compare_results;
#[cfg(feature = "contribute")]
pub use contribute::{
    ContributeView, ReceiptView, receipt as contribute_receipt, results as contribute_results,
};
pub use device::results as device_results;
#[cfg(feature = "full")]
pub use document::{
    Site, compare_page, contribute_page, device_page, gguf_page, home_page, model_page, stylesheet,
};
#[cfg(feature = "gguf")]
pub use file::results as gguf_results;
#[cfg(feature = "full")]
pub use form::Choices;
pub use home::{results as home_results, suggestion};
pub use model::results as model_results;
pub use query::{Query, numbered};
#[cfg(feature = "full")]
pub use text::{ErrorView, MethodView, Table, about_page, error_page, method_page};
