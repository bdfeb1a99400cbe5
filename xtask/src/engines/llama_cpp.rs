//! llama.cpp's own programs, built for this processor from the source that a Python package carries.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::tools;

const SOURCE: &str = "llama-cpp-python==0.3.36";
const PROGRAMS: [&str; 2] = ["llama-server", "llama-bench"];

/// Settings of the build; no source is changed. Compiled by Debian's gcc 12, the AMX kernels die at their first tile load.
const TWEAKS: &str = r#"function(tweaks)
  if(TARGET ggml-cpu AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(ggml-cpu PRIVATE -mno-amx-tile -mno-amx-int8 -mno-amx-bf16)
  endif()
  if(TARGET llama)
    set_target_properties(llama PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE BATCH UNITY_BUILD_BATCH_SIZE 16)
    get_target_property(sources llama SOURCES)
    get_target_property(folder llama SOURCE_DIR)
    foreach(file ${sources})
      if(NOT file MATCHES "models/[^/]*[.]cpp$" OR file MATCHES "deepseek4")
        cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY "${folder}")
        set_source_files_properties("${file}" TARGET_DIRECTORY llama PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
      endif()
    endforeach()
  endif()
endfunction()
cmake_language(DEFER CALL tweaks)
"#;

pub(super) fn build(folder: &Path, python: &Path) -> Result<()> {
    let bin = python.parent().context("a Python lies in a folder")?;
    let source = folder.join("source");
    let fetch = ["-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--no-binary"];
    let package = SOURCE.split("==").next().unwrap_or(SOURCE);
    tools::run(Command::new(python).args(fetch).args([package, "-d"]).arg(&source).arg(SOURCE))?;
    for archive in fs::read_dir(&source)? {
        tools::run(Command::new("tar").arg("-xzf").arg(archive?.path()).arg("-C").arg(&source))?;
    }
    let llama = source.join(SOURCE.replace("==", "-").replacen("llama-cpp-python", "llama_cpp_python", 1));
    let (build, tweaks) = (folder.join("build"), folder.join("tweaks.cmake"));
    fs::write(&tweaks, TWEAKS)?;
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let cmake = || {
        let mut command = Command::new(bin.join("cmake"));
        command.env("PATH", &path);
        command
    };
    tools::run(
        cmake()
            .arg("-S")
            .arg(llama.join("vendor/llama.cpp"))
            .arg("-B")
            .arg(&build)
            .args([
                "-G",
                "Ninja",
                "-DCMAKE_BUILD_TYPE=Release",
                "-DBUILD_SHARED_LIBS=OFF",
                "-DGGML_NATIVE=ON",
            ])
            .arg(format!("-DCMAKE_PROJECT_llama.cpp_INCLUDE={}", tweaks.display()))
            .args(["-DLLAMA_OPENSSL=OFF", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF"])
            .args(["-DLLAMA_BUILD_APP=OFF", "-DLLAMA_BUILD_UI=OFF", "-DLLAMA_USE_PREBUILT_UI=OFF"]),
    )?;
    tools::run(cmake().arg("--build").arg(&build).arg("--target").args(PROGRAMS))?;
    fs::create_dir_all(folder.join("bin"))?;
    for program in PROGRAMS {
        fs::copy(build.join("bin").join(program), folder.join("bin").join(program))?;
    }
    // What is left is a gigabyte that nobody needs again.
    fs::remove_dir_all(&build)?;
    Ok(fs::remove_dir_all(&source)?)
}
