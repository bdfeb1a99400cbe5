//! What of llama.cpp lies on this machine: the program, and GGUF files where people keep them.

use std::path::{Path, PathBuf};

use crate::driver::{Env, ModelRef, Options};
use crate::gguf_file;

/// The server's program: as named, else the first in PATH.
pub(super) fn program(options: &Options) -> Option<PathBuf> {
    let file = if cfg!(windows) { "llama-server.exe" } else { "llama-server" };
    if let Some(named) = &options.llama_cpp_path {
        let inside = [named.join(file), named.join("bin").join(file), named.join("build/bin").join(file)];
        return std::iter::once(named.clone()).chain(inside).find(|path| path.is_file());
    }
    let path = options.env.get("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(file)).find(|path| path.is_file())
}

/// GGUF files in the caches of llama.cpp, Hugging Face and LM Studio; of a split file only its first part.
pub(super) fn models(env: Env) -> Vec<PathBuf> {
    let home = env.get("HOME").or_else(|| env.get("USERPROFILE")).map(PathBuf::from);
    let below_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let folders = [
        env.get("LLAMA_CACHE").map(PathBuf::from),
        below_home(".cache/llama.cpp"),
        below_home("Library/Caches/llama.cpp"),
        env.get("HF_HOME").map(|home| PathBuf::from(home).join("hub")),
        below_home(".cache/huggingface/hub"),
        below_home(".lmstudio/models"),
    ];
    let mut files = Vec::new();
    for folder in folders.into_iter().flatten() {
        collect(&folder, 6, &mut files);
    }
    files.sort();
    files.dedup();
    files
}

fn collect(folder: &Path, depth: u32, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            if depth > 0 {
                collect(&path, depth - 1, files);
            }
        } else if is_model(&path) {
            files.push(path);
        }
    }
}

/// A GGUF that is a language model of its own: no later part of a split one, no vision projector, no adapter.
fn is_model(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_ascii_lowercase) else {
        return false;
    };
    let Some(stem) = name.strip_suffix(".gguf") else { return false };
    let later_part = stem
        .rsplit_once("-of-")
        .and_then(|(rest, _)| rest.rsplit_once('-'))
        .is_some_and(|(_, part)| part.len() == 5 && part.parse::<u32>().is_ok_and(|part| part > 1));
    !later_part && !stem.starts_with("mmproj") && !stem.contains("lora")
}

pub(super) fn model_ref(file: &Path) -> ModelRef {
    ModelRef {
        id: file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        size_bytes: gguf_file::parts(file)
            .iter()
            .map(|part| std::fs::metadata(part).ok().map(|meta| meta.len()))
            .sum(),
        file: Some(file.to_owned()),
        is_mute: gguf_file::is_mute(file),
        ..ModelRef::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_projectors_are_no_models() {
        for (name, expected) in [
            ("Llama-3.1-8B-Instruct-Q4_K_M.gguf", true),
            ("big-00001-of-00003.gguf", true),
            ("big-00002-of-00003.gguf", false),
            ("mmproj-model-f16.gguf", false),
            ("my-lora-f16.gguf", false),
            ("notes.txt", false),
        ] {
            assert_eq!(is_model(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn a_folder_is_searched_for_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let file = if cfg!(windows) { "llama-server.exe" } else { "llama-server" };
        let bin = folder.path().join("build/bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join(file), "").unwrap();
        let options = Options { llama_cpp_path: Some(folder.path().to_owned()), ..Options::default() };
        assert_eq!(program(&options), Some(bin.join(file)));
        let nothing = Options { env: Env(|_| None), ..Options::default() };
        assert_eq!(program(&nothing), None);
    }
}
