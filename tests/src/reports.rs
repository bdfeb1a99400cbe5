//! A site with reports in it: made-up machines that measured, signed and sent, as a probe does.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::pages::PAGES;
use crate::site::Site;

#[path = "../../web/server/tests/support/sample.rs"]
pub mod sample;

/// What the server must be started with: each machine has a network address of its own, told as by a proxy.
pub const FLAGS: &[&str] = &["--trusted-proxies", "1", "--submissions-per-hour", "300", "--work", "1"];

/// Full runs of this many machines, each a little faster than the one before; their ids.
pub fn fill(site: &Site, machines: u8) -> Result<Vec<String>> {
    (1..=machines).map(|who| send(site, who, &sample::full_run(who, 0.94 + 0.012 * f64::from(who)))).collect()
}

/// Sends one run; its id.
fn send(site: &Site, who: u8, run: &data::submission::Submission) -> Result<String> {
    let http = crate::local_http();
    let payload = serde_json::to_vec(run)?;
    let digest = data::digest::digest(&payload);
    let challenge: altcha::Challenge =
        http.get(site.at(&format!("/api/v1/challenge?digest={digest}"))).call()?.body_mut().read_json()?;
    let solution = altcha::solve_challenge(altcha::SolveChallengeOptions::new(&challenge))?;
    let solution = solution.context("the proof of work was not solved in time")?;
    let body = json!({
        "envelope": sample::sealed(who, run),
        "pow": altcha::Payload { challenge, solution },
    });
    let sent = http.post(site.at("/api/v1/runs")).header("x-forwarded-for", format!("192.0.2.{who}"));
    let receipt: Value = sent.send_json(&body)?.body_mut().read_json()?;
    ensure!(receipt["state"] == "accepted", "{receipt}");
    Ok(receipt["id"].as_str().context("a receipt without an id")?.to_owned())
}

/// Every page of a site that is filled by this, with the page of one result.
pub fn pages(site: &Site) -> Result<Vec<(String, String)>> {
    let ids = fill(site, 5)?;
    let fixed = PAGES.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned()));
    let more = [
        ("result", format!("/r/{}", ids[0])),
        ("model-measured", "/m/llama-3.1-8b?hardware=rtx-3090".to_owned()),
    ];
    Ok(fixed.chain(more.map(|(name, path)| (name.to_owned(), path))).collect())
}
