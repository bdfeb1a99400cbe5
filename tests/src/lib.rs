//! What several of the cross-house tests share.

pub mod files;
pub mod forward;
pub mod gguf_make;
pub mod hf_make;
pub mod pace;
#[path = "../../web/server/tests/support/pages.rs"]
pub mod pages;
pub mod reports;
pub mod site;
pub mod webdriver;

/// An HTTP client for this machine: no proxy between, and a status that says no is an answer like any other.
pub fn local_http() -> ureq::Agent {
    let patience = std::time::Duration::from_secs(180);
    ureq::Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .timeout_global(Some(patience))
        .build()
        .into()
}
