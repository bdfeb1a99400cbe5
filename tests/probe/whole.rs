//! The model's file is read to identify it within the run's time, and never while something is measured.
#![cfg(target_os = "linux")]

use super::*;

/// A run of a short W1, of a model whose file has so many bytes: nulls, which take no place on the disk.
fn run(stage: &Stage, bytes: u64, budget: &str) -> Result<(Value, String)> {
    let mut command = stage.starting(&["--workload", "W1", "--repeat", "1", "--budget", budget])?;
    // To set it again would be a change of the file.
    if std::fs::metadata(file(stage))?.len() != bytes {
        std::fs::OpenOptions::new().write(true).open(file(stage))?.set_len(bytes)?;
    }
    let output = command.output()?;
    let stderr = utf8(&output.stderr);
    ensure!(output.status.success(), "{stderr}");
    let run = stage.saved()?;
    std::fs::remove_dir_all(stage.home().join("runs"))?;
    Ok((run, stderr))
}

fn file(stage: &Stage) -> PathBuf {
    stage.folder.path().join("only-here.gguf")
}

/// Bytes of a file that are read in a second here.
fn rate(stage: &Stage) -> Result<f64> {
    const BYTES: u64 = 64 << 20;
    let path = [stage.folder.path().join("rate")];
    std::fs::File::create(&path[0])?.set_len(BYTES)?;
    let mut reading = probe::model_file::Reading::begin(&path, stage.folder.path())?;
    let begun = Instant::now();
    reading.go_on(None)?;
    Ok(BYTES as f64 / begun.elapsed().as_secs_f64())
}

/// Where the first line with these words stands.
fn place(text: &str, words: &str) -> Result<usize> {
    let line = text.lines().position(|line| line.contains(words));
    line.with_context(|| format!("{words:?} is not in\n{text}"))
}

#[test]
fn the_rest_of_a_large_file_is_read_after_the_last_workload() -> Result<()> {
    let stage = Stage::new(Pace::default())?;
    // A second and a half: more than some hundredths of this time, and less than a third.
    let bytes = (1.5 * rate(&stage)?) as u64;
    let (first, stderr) = run(&stage, bytes, "20")?;
    let (planned, measured) = (place(&stderr, "then, reading the other ")?, place(&stderr, " repeat in ")?);
    let last = stderr.lines().position(|line| line.starts_with("reading ")).context("read at the end")?;
    assert!(planned < measured && measured < last, "{stderr}");
    let sums = Command::new("sha256sum").arg(file(&stage)).output()?;
    let digest = utf8(&sums.stdout).split_whitespace().next().context("a digest")?.to_owned();
    assert_eq!(
        (&first["model"]["digest"], &first["model"]["identity"]),
        (&digest.as_str().into(), &"file".into())
    );
    // The next run knows it from the beginning.
    let (second, stderr) = run(&stage, bytes, "20")?;
    assert!(!stderr.contains("reading "), "{stderr}");
    assert_eq!(second["model"], first["model"]);
    Ok(())
}

#[test]
fn a_file_that_takes_longer_than_there_is_time_leaves_the_run_unverified() -> Result<()> {
    let stage = Stage::new(Pace::default())?;
    let begun = Instant::now();
    let (run, stderr) = run(&stage, 256 << 30, "8")?;
    // To read it takes minutes.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}\n{stderr}", begun.elapsed());
    let planned = place(&stderr, "reading all of the model's file would take ")?;
    assert!(planned < place(&stderr, " repeat in ")?, "{stderr}");
    assert!(
        stderr.contains("note: the model's file was not read whole, so the run is unverified"),
        "{stderr}"
    );
    let model = &run["model"];
    assert_eq!((&model["identity"], &model["digest"]), (&"unverified".into(), &Value::Null), "{model:#}");
    let mut head = vec![0; 1 << 20];
    std::io::Read::read_exact(&mut std::fs::File::open(file(&stage))?, &mut head)?;
    assert_eq!(model["prefix_digest"], data::envelope::digest(&head));
    assert_eq!(model["size_bytes"], 256u64 << 30);
    Ok(())
}
