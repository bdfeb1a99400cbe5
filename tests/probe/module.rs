//! The module mlx_lm, whose server the probe starts: a stand-in for Python takes its place.
#![cfg(unix)]

use super::*;

/// A stage whose `python3` has mlx-lm 0.32.2, and a model's folder.
struct Python {
    stage: Stage,
    model: PathBuf,
}

impl Python {
    fn new() -> Result<Python> {
        let stage = Stage::new(Pace::default())?;
        let model = stage.folder.path().join("tiny-model");
        house::hf_make::write(TINY, &model)?;
        let (log, pace) = (stage.folder.path().join("asked"), site::program("pace")?);
        let lines = format!(
            "if [ \"$1\" = -c ]; then echo 0.32.2; exit; fi\necho \"$HF_HUB_OFFLINE $TRANSFORMERS_OFFLINE $*\" >> '{}'\nexec '{}' \"$@\"",
            log.display(),
            pace.display()
        );
        stage.script("python3", &lines)?;
        Ok(Python { stage, model })
    }

    fn bench(&self, model: &Path, arguments: &[&str]) -> Result<Command> {
        let mut command = probe(&self.stage.home())?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [self.stage.folder.path().to_owned()].into_iter().chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders)?);
        command.args(["bench", "--no-upload", "--backend", "mlx", "--model"]).arg(model).args(arguments);
        Ok(command)
    }
}

#[test]
fn the_server_of_the_module_is_started_offline_and_ended() -> Result<()> {
    let python = Python::new()?;
    let output =
        python.bench(&python.model, &["--workload", "W1,W4", "--repeat", "1", "--budget", "20"])?.output()?;
    let stderr = utf8(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let run = python.stage.saved()?;
    assert_eq!((&run["backend"]["name"], &run["backend"]["version"]), (&"mlx".into(), &"0.32.2".into()));
    assert_eq!((&run["model"]["ref"], &run["model"]["identity"]), (&"tiny-model".into(), &"header".into()));
    // Of more streams the first has ended before the last has read its prompt.
    let few = |found: &&Value| found["streams"].as_u64() <= Some(4);
    let found: Vec<&Value> =
        of(&run, "W1").into_iter().chain(of(&run, "W4").into_iter().filter(few)).collect();
    assert!(found.len() == 3 && found.iter().all(|found| found["skipped"].is_null()), "{run:#}");
    // One start for all, of that folder, and nothing is fetched.
    let asked = std::fs::read_to_string(python.stage.folder.path().join("asked"))?;
    let start = format!("1 1 -m mlx_lm server --model {} --host 127.0.0.1 --port ", python.model.display());
    assert!(asked.starts_with(&start) && asked.lines().count() == 1, "{asked}");
    assert!(running_with(&python.model).is_empty(), "{:?}", running_with(&python.model));
    Ok(())
}

#[test]
fn a_killed_run_leaves_no_server_of_the_module() -> Result<()> {
    let python = Python::new()?;
    let mut command = python.bench(&python.model, &["--workload", "W1,W4", "--full"])?;
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    until("a first workload", || finished(&python.stage.home()) >= 1)?;
    child.kill()?;
    child.wait()?;
    until("the server ends", || running_with(&python.model).is_empty())
}

#[test]
fn a_model_that_is_not_here_is_not_fetched() -> Result<()> {
    let python = Python::new()?;
    let output = python.bench(Path::new("nobody/no-such-model"), &[])?.output()?;
    let stderr = utf8(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("mlx-lm 0.32.2 is installed, its server (mlx_lm.server) does not run"),
        "{stderr}"
    );
    assert!(stderr.contains("there is no model nobody/no-such-model here"), "{stderr}");
    assert!(!python.stage.folder.path().join("asked").exists(), "nothing was started");
    Ok(())
}
