//! What several of the cross-house tests share.

pub mod files;
pub mod site;
pub mod webdriver;
