//! A run keeps its time, on fast machines and on slow ones.

use super::*;

/// A 4090's speed with an 8B model at 4 bits, and everything four times faster, the budget too: the same plan in a quarter
/// of the time. `cargo xtask bench probe` runs it at its own pace.
#[test]
#[ignore = "wants the machine for itself: the step \"pace\" of `cargo xtask test` runs it alone"]
fn at_the_pace_of_a_4090_all_but_the_largest_contexts_fit() -> Result<()> {
    let stage = Stage::new(Pace { prefill_tps: 4.0 * 8500.0, decode_tps: 4.0 * 125.0, ..Pace::default() })?;
    let begun = Instant::now();
    let output = stage.bench(&["--no-upload", "--budget", "28"])?;
    let (seconds, stderr) = (begun.elapsed().as_secs_f64(), utf8(&output.stderr));
    assert!(output.status.success(), "{stderr}");
    // Fingerprint and bandwidth come before the clock starts.
    assert!(seconds < 28.0 + 8.0, "{seconds:.1} s\n{stderr}");
    let run = stage.saved()?;
    for workload in ["W1", "W2", "W4", "W5"] {
        for found in of(&run, workload) {
            // Unoptimised and beside a busy neighbour, the probe itself may be the limit of sixteen such streams, and says so.
            let own_limit =
                found["skipped"].as_str().is_some_and(|reason| reason.contains("this program itself"));
            let excused = own_limit && found["streams"] == 16;
            assert!(found["skipped"].is_null() || excused, "{found:#}\n{stderr}");
        }
    }
    assert!(of(&run, "W3")[0]["skipped"].is_null(), "32k fits\n{stderr}");
    let rate = of(&run, "W1")[0]["decode_tps"].as_f64().context("a rate")?;
    assert!((430.0..505.0).contains(&rate), "{rate}");
    Ok(())
}

#[test]
fn a_slow_machine_leaves_out_what_it_cannot_do_in_time() -> Result<()> {
    let stage = Stage::new(Pace { prefill_tps: 2000.0, decode_tps: 100.0, ..Pace::default() })?;
    let begun = Instant::now();
    let output = stage.bench(&["--no-upload", "--budget", "10"])?;
    let stderr = utf8(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(begun.elapsed() < Duration::from_secs(10 + 6), "{:?}\n{stderr}", begun.elapsed());
    let run = stage.saved()?;
    assert!(of(&run, "W1")[0]["skipped"].is_null());
    let largest = of(&run, "W3")[2]["skipped"].as_str().context("128k takes over a minute")?;
    assert!(largest.contains("--full"), "{largest}");
    Ok(())
}

#[test]
fn one_slow_repeat_does_not_overrun_the_budget() -> Result<()> {
    let stage = Stage::new(Pace { prefill_tps: 1000.0, decode_tps: 10.0, ..Pace::default() })?;
    let begun = Instant::now();
    let output = stage.bench(&["--no-upload", "--budget", "4"])?;
    let stderr = utf8(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "nothing could be measured\n{stderr}");
    assert!(begun.elapsed() < Duration::from_secs(4 + 6), "{:?}\n{stderr}", begun.elapsed());
    let run = stage.saved()?;
    let reason = of(&run, "W1")[0]["skipped"].as_str().context("25 s do not fit 4")?;
    assert!(reason.contains("not done when the run's time was up"), "{reason}");
    Ok(())
}

#[test]
fn a_quick_run_is_quick() -> Result<()> {
    let stage = Stage::new(Pace::default())?;
    let begun = Instant::now();
    let output = stage.bench(&["--server", "http://127.0.0.1:9", "--quick", "--no-reasoning"])?;
    assert!(output.status.success(), "{}", utf8(&output.stderr));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(utf8(&output.stderr).contains("kept on this machine: a quick run"), "{}", utf8(&output.stderr));
    let run = stage.saved()?;
    let flags = of(&run, "W1")[0]["flags"].to_string();
    assert!(flags.contains("\"quick\"") && flags.contains("\"no_reasoning\""), "{flags}");
    let id = run["run_id"].as_str().context("an id")?;
    let sent = probe(&stage.home())?.args(["upload", id, "--server", "http://127.0.0.1:9"]).output()?;
    assert!(utf8(&sent.stderr).contains("is not sent: a quick run"), "{}", utf8(&sent.stderr));
    Ok(())
}
