//! A site with reports in it: made-up machines that measured, signed and sent, as a probe does.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use data::envelope::{self, CLAIM_TYPE};
use data::submission::{MachineClaim, SignedRequest};
use serde_json::{Value, json};

use crate::files::{FileServer, Served};
use crate::pages::PAGES;
use crate::site::Site;

#[path = "../../web/server/tests/support/sample.rs"]
pub mod sample;

/// What the server must be started with: each machine has a network address of its own, told as by a proxy.
const FLAGS: &[&str] = &["--trusted-proxies", "1", "--submissions-per-hour", "300", "--work", "1"];

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

/// Who signed in.
pub const SOMEBODY: &str = "Octo-Cat";

/// A site with reports, one of them of somebody who signed in.
pub struct Reported {
    /// The site.
    pub site: Site,
    /// Every page of it, with those of one result and of its owner: a name for files and messages, and the address.
    pub pages: Vec<(String, String)>,
    _identity: FileServer,
}

/// Starts a site, as this does it with arguments, and fills it.
pub fn open(start: fn(&[&str]) -> Result<Site>) -> Result<Reported> {
    let token = json!({"access_token": "gho_secret", "token_type": "bearer", "scope": "read:user"});
    let files = [
        ("/login/oauth/access_token", token),
        ("/user", json!({"id": 7, "login": SOMEBODY, "email": "private@example.org"})),
    ];
    let files = files.map(|(path, answer)| (path.to_owned(), Served::open(answer.to_string())));
    let identity = FileServer::start(BTreeMap::from(files))?;
    let user = format!("{}/user", identity.origin);
    let signs_in =
        ["--identity-client-id", "ours", "--identity-url", &identity.origin, "--identity-user-url", &user];
    let site = start(&[FLAGS, &signs_in].concat())?;
    let pages = pages(&site)?;
    Ok(Reported { site, pages, _identity: identity })
}

/// Signs somebody in, and shows that the first machine is his, by the result that it sent.
fn sign_in(site: &Site, result: &str) -> Result<()> {
    let http = crate::local_http();
    let form =
        "client_id=any&device_code=any&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
    let answer = http
        .post(site.at("/api/v1/login/oauth/access_token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .send(form)?
        .body_mut()
        .read_json::<Value>()?;
    let token = answer["access_token"].as_str().with_context(|| format!("no token: {answer}"))?;
    let at_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let claim = MachineClaim { result: result.into(), profile: SOMEBODY.into(), at_ms };
    let envelope = envelope::seal_as(CLAIM_TYPE, &serde_json::to_vec(&claim)?, &sample::seed(1));
    let mut claimed = http
        .post(site.at("/api/v1/profile/machines"))
        .header("authorization", format!("Bearer {token}"))
        .send_json(SignedRequest { envelope })?;
    ensure!(claimed.status() == 200, "{}", claimed.body_mut().read_to_string()?);
    Ok(())
}

fn pages(site: &Site) -> Result<Vec<(String, String)>> {
    let ids = fill(site, 5)?;
    sign_in(site, &ids[0])?;
    let fixed = PAGES.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned()));
    let more = [
        ("result", format!("/r/{}", ids[0])),
        ("model-measured", "/m/llama-3.1-8b?hardware=rtx-3090".to_owned()),
        ("profile", format!("/u/{SOMEBODY}")),
        ("contributors", "/contributors".to_owned()),
    ];
    Ok(fixed.chain(more.map(|(name, path)| (name.to_owned(), path))).collect())
}
