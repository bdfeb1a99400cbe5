//! A run from the engine to the page: measured, sent, shown, counted, proven, disputed, taken back, and refitted with.

use house::forward::Forwarder;
use house::site::Site;
use probe::client::{Client, ClientError, Sent};
use probe::runs::SavedRun;

use super::*;

/// One household: its own installation behind its own address.
struct Household {
    home: TempDir,
    server: Forwarder,
}

impl Household {
    fn new(site: &Site, number: u32) -> Result<Household> {
        let server = Forwarder::start(&site.origin, &format!("198.51.100.{number}"))?;
        Ok(Household { home: tempfile::tempdir()?, server })
    }

    fn probe(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(site::program("llm-speed-probe")?);
        command.args(arguments).env("LLM_SPEED_HOME", self.home.path()).env("LLAMA_ARG_THREADS", "1");
        let output = command.env("LLM_SPEED_SERVER", &self.server.url).output().context("the probe runs")?;
        let (stdout, stderr) = (utf8(&output.stdout), utf8(&output.stderr));
        let kept = stderr.contains("kept on this machine");
        ensure!(output.status.success() && !kept, "{arguments:?}: {stdout}\n{stderr}");
        Ok(stdout)
    }

    /// Measures the model, with leave to send; the saved run and its page.
    fn bench(&self, model: &Path) -> Result<(SavedRun, String)> {
        self.probe(&["upload", "--automatic", "yes"])?;
        let server = site::llama_server()?;
        let told = self.probe(&[
            "bench",
            "--llama-cpp-path",
            text(&server),
            "--model",
            text(model),
            "--workload",
            "W1",
            "--repeat",
            "3",
        ])?;
        let page = told.lines().last().context("a last line")?.to_owned();
        ensure!(page.contains("/r/"), "{told}");
        let runs: Vec<_> = std::fs::read_dir(self.home.path().join("runs"))?.collect::<Result<_, _>>()?;
        let saved = serde_json::from_slice(&std::fs::read(runs[0].path())?)?;
        Ok((saved, page))
    }
}

fn get(site: &Site, path: &str) -> Result<String> {
    let mut answer = house::local_http().get(site.at(path)).call()?;
    let body = answer.body_mut().read_to_string()?;
    ensure!(answer.status() == 200, "{path}: {} {body}", answer.status());
    Ok(body)
}

fn path_of(page: &str) -> Result<&str> {
    Ok(&page[page.find("/r/").context("a page")?..])
}

/// A site of its own, four households before it, and what the first three of them have measured and sent.
struct Street {
    site: Site,
    houses: Vec<Household>,
    sent: Vec<(SavedRun, String)>,
}

impl Street {
    fn measured(model: &Path) -> Result<Street> {
        let site = Site::without_wasm_behind_a_proxy()?;
        let houses: Vec<Household> =
            (1..=4).map(|number| Household::new(&site, number)).collect::<Result<_>>()?;
        let mut sent = vec![houses[0].bench(model)?];
        let log = houses[0].probe(&["verify-log"])?;
        ensure!(log.contains("1 entries; from now on"), "{log}");
        for house in &houses[1..3] {
            sent.push(house.bench(model)?);
        }
        let log = houses[0].probe(&["verify-log"])?;
        ensure!(log.contains("3 entries and continues the 1"), "{log}");
        Ok(Street { site, houses, sent })
    }

    /// What each household measured: decode and prefill, tokens a second.
    fn speeds(&self) -> Result<[Vec<f64>; 2]> {
        let mut speeds = [Vec::new(), Vec::new()];
        for (saved, _) in &self.sent {
            let point = &saved.workloads[0];
            speeds[0].push(point.decode_tps.context("a speed of decode")?);
            speeds[1].push(point.prefill_tps.context("a speed of prefill")?);
        }
        Ok(speeds)
    }
}

#[test]
fn three_households_make_a_median_and_a_forger_does_not_move_it() -> Result<()> {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let model = site::engine_file("gemma-3-270m-q4_k_m.gguf")?;
    let Street { site, houses, sent } = undisturbed(
        || Street::measured(&model),
        |street| {
            let [decode, prefill] = street.speeds()?;
            Ok(spread(&decode).max(spread(&prefill)))
        },
        |street| Ok(format!("decode, prefill (tok/s): {:.1?}", street.speeds()?)),
    )?;

    // The page shows what was measured, and the log holds it.
    for (house, (saved, address)) in houses.iter().zip(&sent) {
        let html = get(&site, path_of(address)?)?;
        let decode = saved.workloads[0].decode_tps.context("a speed")?;
        let figure = format!("{decode:.0}");
        ensure!(html.contains(&figure), "{address} does not show {figure}");
        let body: Value =
            serde_json::from_str(&get(&site, &path_of(address)?.replace("/r/", "/api/v1/results/"))?)?;
        ensure!(body["sent"]["workloads"][0]["decode_tps"] == decode, "{body:#}");
        ensure!(body["state"] == "accepted", "{} {:#}", body["state"], body["reasons"]);
        let proof = house.probe(&["verify-run", &saved.run_id])?;
        ensure!(proof.contains("proven against its signed checkpoint"), "{proof}");
    }

    let median = |site: &Site| -> Result<Value> {
        let medians: Value = serde_json::from_str(&get(site, "/api/v1/medians")?)?;
        let cells = medians["cells"].as_array().cloned().unwrap_or_default();
        cells
            .into_iter()
            .find(|cell| cell["model"] == "gemma-3-270m")
            .with_context(|| format!("a cell of the model: {medians:#}"))
    };
    let before = median(&site)?;
    ensure!(before["count"] == 3 && before["decode_tps"].as_f64().is_some(), "{before:#}");

    // A fourth tells ten times the speed, signed as it should be.
    let mut forged = sent[0].0.verify()?;
    for point in &mut forged.workloads {
        point.decode_tps = point.decode_tps.map(|tps| tps * 10.0);
        point.decode_tps_interval = point.decode_tps_interval.map(|ends| ends.map(|tps| tps * 10.0));
    }
    forged.tag = Some("f".repeat(64));
    let forged = SavedRun::new("forged4567", &forged, sent[0].0.raw_timings.clone(), &[7; 32])?;
    match Client::new(Some(&houses[3].server.url))?.send(&forged) {
        Ok(Sent::Taken(receipt)) => {
            ensure!(matches!(receipt.state.name(), "flagged" | "held"), "{receipt:?}");
            ensure!(receipt.reasons.iter().any(|reason| reason.says.contains("times")), "{receipt:?}");
        }
        Ok(known) => anyhow::bail!("{known:?}"),
        Err(ClientError::Http(refusal)) => ensure!(!refusal.to_string().is_empty()),
        Err(other) => return Err(other.into()),
    }
    assert_eq!(median(&site)?, before, "the forger moved the median");

    // The raw timings give the same rates again, in public; then the submitter takes the run back, and it stays visible.
    let (saved, page) = &sent[2];
    let evidence = houses[2].probe(&["evidence", &saved.run_id])?;
    ensure!(evidence.contains("tok/s"), "{evidence}");
    let withdrawn = houses[2].probe(&["withdraw", &saved.run_id, "--why", "the machine was busy"])?;
    ensure!(withdrawn.starts_with("withdrawn"), "{withdrawn}");
    ensure!(get(&site, path_of(page)?)?.contains("the machine was busy"));
    ensure!(median(&site)?["count"] == 2);

    // What stands can be refitted with.
    let dump = get(&site, "/dump/results.jsonl")?;
    let file = houses[0].home.path().join("dump.jsonl");
    std::fs::write(&file, &dump)?;
    let read = calibrate::submissions::read(&file)?;
    ensure!(read.rows.len() >= 2, "{} rows of the dump\n{dump}", read.rows.len());
    Ok(())
}
