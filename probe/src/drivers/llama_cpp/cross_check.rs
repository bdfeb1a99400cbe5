//! llama-bench on the same file: what the runtime's own tool measures, beside our clock and the server's.

use std::ffi::OsString;
use std::path::Path;

use serde::Deserialize;

use crate::driver::{CrossCheck, DriverError};
use crate::process::output_of;

/// Tokens that stand in the context before the timed ones: W1's prompt.
const DEPTH: &str = "128";
const OUTPUT: &str = "64";

/// One line of its JSON; a run with `-p 0` has one.
#[derive(Deserialize)]
struct Row {
    n_gen: u32,
    avg_ts: f64,
}

/// Runs the llama-bench that lies beside this server; none where there is none.
pub(super) fn run(server: &Path, model: &Path) -> Option<Result<CrossCheck, DriverError>> {
    let name = if cfg!(windows) { "llama-bench.exe" } else { "llama-bench" };
    let program = server.with_file_name(name);
    program.is_file().then(|| {
        let mut arguments = vec![OsString::from("-m"), model.into()];
        arguments.extend(["-p", "0", "-n", OUTPUT, "-d", DEPTH, "-r", "1", "-o", "json"].map(OsString::from));
        read(&output_of(&program, &arguments)?)
    })
}

fn read(text: &str) -> Result<CrossCheck, DriverError> {
    let unreadable = |why: &dyn std::fmt::Display| DriverError::UnknownReply(format!("llama-bench: {why}"));
    let rows: Vec<Row> = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    let row = rows.iter().find(|row| row.n_gen > 0 && row.avg_ts > 0.0);
    let decode_tps = row.ok_or_else(|| unreadable(&"no rate of decode"))?.avg_ts;
    Ok(CrossCheck { program: "llama-bench", decode_tps })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_rate_of_decode_is_read() {
        let text = r#"[{"build_commit": "3f545bec", "n_prompt": 0, "n_gen": 64, "n_depth": 128,
            "avg_ns": 500000000, "avg_ts": 128.0, "stddev_ts": 0.0, "samples_ts": [128.0]}]"#;
        assert_eq!(read(text).unwrap().decode_tps, 128.0);
        assert!(read("[]").is_err() && read("error: unknown option").is_err());
    }

    #[test]
    #[cfg(unix)]
    fn the_program_beside_the_server_is_run_to_its_end() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let server = folder.path().join("llama-server");
        assert!(run(&server, Path::new("x.gguf")).is_none(), "none is there");
        let make = |body: &str| {
            let program = folder.path().join("llama-bench");
            std::fs::write(&program, format!("#!/bin/sh\n{body}\n")).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        make(
            r#"[ "$*" = "-m x.gguf -p 0 -n 64 -d 128 -r 1 -o json" ] && echo '[{"n_gen": 64, "avg_ts": 99.5}]'"#,
        );
        assert_eq!(run(&server, Path::new("x.gguf")).unwrap().unwrap().decode_tps, 99.5);
        make("echo 'no such model' >&2; exit 1");
        let error = run(&server, Path::new("x.gguf")).unwrap().unwrap_err().to_string();
        assert!(error.contains("exit status: 1"), "{error}");
    }
}
