//! The system's clock is set in the middle of a run: durations do not follow it, and the run keeps the day on which it began.
#![cfg(target_os = "linux")]

#[path = "../../web/server/tests/support/faketime.rs"]
mod faketime;

use super::*;

#[test]
fn a_clock_that_jumps_changes_no_figure() -> Result<()> {
    let Some(library) = faketime::library("a clock that jumps") else { return Ok(()) };
    let pace = Pace { decode_tps: 200.0, ..Pace::default() };
    for offset in ["+40d", "-40d"] {
        let stage = Stage::new(pace.clone())?;
        let clock = stage.folder.path().join("clock");
        std::fs::write(&clock, "+0\n")?;
        let mut command = stage.command(&["--no-upload", "--workload", "W1,W4", "--repeat", "2"])?;
        command.env("LD_PRELOAD", &library).env("FAKETIME_TIMESTAMP_FILE", &clock);
        command.envs([("FAKETIME_NO_CACHE", "1"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")]);
        let today = probe::calendar::today();
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        until("a first workload", || finished(&stage.home()) >= 1)?;
        std::fs::write(&clock, format!("{offset}\n"))?;
        let output = child.wait_with_output()?;
        assert!(output.status.success(), "{offset}: {}", utf8(&output.stderr));
        let run = stage.saved()?;
        let payload: data::envelope::Envelope = serde_json::from_value(run["envelope"].clone())?;
        let signed: Value = serde_json::from_slice(&payload.open()?)?;
        let day = signed["measured_on"].as_str().context("a day")?;
        assert!(day == today || day == probe::calendar::today(), "{day}: the day it began");
        for found in
            of(&run, "W1").into_iter().chain(of(&run, "W4").into_iter().filter(|one| one["streams"] == 1))
        {
            let rate = found["decode_tps"].as_f64().with_context(|| format!("{offset}: {found:#}"))?;
            assert!((150.0..=205.0).contains(&rate), "{offset}: {rate}");
            let (wall_ms, ttft_ms) = (found["wall_ms"].as_f64(), found["ttft_ms"].as_f64());
            assert!(wall_ms.is_some_and(|ms| (1000.0..10_000.0).contains(&ms)), "{found:#}");
            assert!(ttft_ms.is_some_and(|ms| (0.0..5000.0).contains(&ms)), "{found:#}");
        }
    }
    Ok(())
}
