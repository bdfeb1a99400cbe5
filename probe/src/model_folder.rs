//! A model as a folder of safetensors files: only their headers are read, whatever their size.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use data::envelope::hex;
use data::gguf::ModelShape;
use data::safetensors;
use sha2::{Digest, Sha256};

use crate::driver::{Env, ModelRef};

/// No header is longer; what says so is no safetensors file.
const HEADER_LIMIT_BYTES: u64 = 100 << 20;

/// What a folder's headers tell.
#[derive(Clone, Debug)]
pub struct Folder {
    /// SHA-256 over the headers of all its files, in the order of their names: names, shapes and types of all tensors.
    pub digest: String,
    /// Size of the files in bytes.
    pub size_bytes: u64,
    /// The model's shape, where its configuration is one that we know.
    pub shape: Option<ModelShape>,
}

/// The folder that a runtime's name for a model leads to: a path, or a repository in Hugging Face's cache.
pub fn find(name: &str, env: Env) -> Option<PathBuf> {
    let path = PathBuf::from(name);
    if !files(&path).is_empty() {
        return Some(path);
    }
    newest_snapshot(&cache(env)?.join(format!("{REPOSITORY}{}", name.replace('/', "--"))))
}

/// The models of safetensors in Hugging Face's cache, by the names of their repositories. What was fetched in part alone,
/// with no such file yet, is left out.
pub fn cached(env: Env) -> Vec<ModelRef> {
    cache(env).map(|cache| cached_in(&cache)).unwrap_or_default()
}

fn cached_in(cache: &Path) -> Vec<ModelRef> {
    let entries = fs::read_dir(cache).into_iter().flatten().flatten();
    let model = |entry: fs::DirEntry| {
        let id = entry.file_name().to_str()?.strip_prefix(REPOSITORY)?.replace("--", "/");
        Some(ModelRef { id, folder: Some(newest_snapshot(&entry.path())?), ..ModelRef::default() })
    };
    let mut models: Vec<ModelRef> = entries.filter_map(model).collect();
    models.sort_by(|one, other| one.id.cmp(&other.id));
    models
}

/// Adds what a model's own files say to what its runtime says. What cannot be read says nothing.
pub fn complete(model: &mut ModelRef) {
    let Some(found) = model.folder.as_deref().and_then(|folder| read(folder).ok()) else { return };
    model.size_bytes = model.size_bytes.or(Some(found.size_bytes));
    model.digest = model.digest.take().or(Some(found.digest));
    match found.shape {
        Some(shape) => {
            model.quant = Some(shape.quant.name);
            model.context_tokens = model.context_tokens.or(Some(shape.context_tokens).filter(|n| *n > 0));
        }
        // A kind of model that we do not know says as much all the same.
        None => model.quant = model.quant.take().or_else(|| mlx_quant(model.folder.as_deref()?)),
    }
}

/// What the configuration says that MLX packed the weights to, as its models are named: `4bit`.
fn mlx_quant(folder: &Path) -> Option<String> {
    let config = fs::read_to_string(folder.join("config.json")).ok()?;
    let config: serde_json::Value = serde_json::from_str(&config).ok()?;
    Some(format!("{}bit", config.get("quantization")?.get("bits")?.as_u64()?))
}

/// Whether its weights are packed as MLX packs them: its configuration says so where everybody else's says
/// `quantization_config`. Plain ones are everybody's.
pub fn is_packed_for_mlx(folder: &Path) -> bool {
    mlx_quant(folder).is_some()
}

/// What the cache calls the folder of a repository with a model.
const REPOSITORY: &str = "models--";

/// Hugging Face's cache, as its own tools find it.
fn cache(env: Env) -> Option<PathBuf> {
    let named = env.get("HF_HUB_CACHE").map(PathBuf::from);
    let named = named.or_else(|| Some(PathBuf::from(env.get("HF_HOME")?).join("hub")));
    named.or_else(|| {
        let home = env.get("HOME").or_else(|| env.get("USERPROFILE"))?;
        Some(PathBuf::from(home).join(".cache/huggingface/hub"))
    })
}

/// The version of a repository that was fetched last.
fn newest_snapshot(repository: &Path) -> Option<PathBuf> {
    let newest = fs::read_dir(repository.join("snapshots"))
        .ok()?
        .flatten()
        .filter(|entry| !files(&entry.path()).is_empty())
        .max_by_key(|entry| entry.metadata().and_then(|meta| meta.modified()).ok())?;
    Some(newest.path())
}

/// Its safetensors files, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "safetensors"))
        .collect();
    files.sort();
    files
}

/// Reads the headers.
///
/// # Errors
/// When a file cannot be read, or is cut short or none of its kind.
pub fn read(folder: &Path) -> io::Result<Folder> {
    let mut hash = Sha256::new();
    let mut size_bytes = 0;
    let mut headers = Vec::new();
    for path in files(folder) {
        let (prefix, length) = header(&path)?;
        hash.update(&prefix);
        size_bytes += length;
        headers.push(safetensors::read(&prefix, Some(length)).ok());
    }
    let headers: Option<Vec<_>> = headers.into_iter().collect();
    let config = fs::read_to_string(folder.join("config.json")).ok();
    let shape = headers.zip(config).and_then(|(headers, config)| safetensors::model(&config, &headers).ok());
    Ok(Folder { digest: hex(&hash.finalize()), size_bytes, shape })
}

/// A file's length field and header, and its size.
fn header(path: &Path) -> io::Result<(Vec<u8>, u64)> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut prefix = vec![0; 8];
    file.read_exact(&mut prefix)?;
    let mut field = [0; 8];
    field.copy_from_slice(&prefix);
    let length = u64::from_le_bytes(field);
    if length > HEADER_LIMIT_BYTES || length + 8 > size {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no whole safetensors file"));
    }
    file.take(length).read_to_end(&mut prefix)?;
    Ok((prefix, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, header: &str) {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&[7; 64]);
        fs::write(folder.join(name), bytes).unwrap();
    }

    #[test]
    fn headers_make_the_digest_and_weights_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let header = r#"{"a":{"dtype":"BF16","shape":[4,8],"data_offsets":[0,64]}}"#;
        write(folder.path(), "model.safetensors", header);
        let first = read(folder.path()).unwrap();
        assert_eq!(first.size_bytes, 8 + header.len() as u64 + 64);
        let mut bytes = fs::read(folder.path().join("model.safetensors")).unwrap();
        *bytes.last_mut().unwrap() = 8;
        fs::write(folder.path().join("model.safetensors"), &bytes).unwrap();
        assert_eq!(read(folder.path()).unwrap().digest, first.digest);
        write(folder.path(), "model.safetensors", &header.replace("[4,8]", "[8,4]"));
        assert_ne!(read(folder.path()).unwrap().digest, first.digest);
        fs::write(folder.path().join("model.safetensors"), [255; 20]).unwrap();
        assert!(read(folder.path()).is_err());
    }

    #[test]
    fn a_name_leads_to_its_folder() {
        let home = tempfile::tempdir().unwrap();
        let snapshot = home.path().join("models--org--tiny/snapshots/abc");
        fs::create_dir_all(&snapshot).unwrap();
        write(&snapshot, "model.safetensors", "{}");
        assert_eq!(find(snapshot.to_str().unwrap(), Env(|_| None)), Some(snapshot.clone()));
        assert_eq!(find("org/absent", Env(|_| None)), None);
    }

    #[test]
    fn the_cache_lists_its_repositories_with_what_their_files_say() {
        let cache = tempfile::tempdir().unwrap();
        let header = r#"{"a":{"dtype":"BF16","shape":[4,8],"data_offsets":[0,64]}}"#;
        let repository = |name: &str, config: &str| {
            let snapshot = cache.path().join(format!("models--{name}/snapshots/abc"));
            fs::create_dir_all(&snapshot).unwrap();
            write(&snapshot, "model.safetensors", header);
            fs::write(snapshot.join("config.json"), config).unwrap();
        };
        repository("org--plain", "{}");
        let packed = r#"{"model_type":"new","quantization":{"group_size":64,"bits":4}}"#;
        repository("mlx-community--tiny-4bit", packed);
        // Fetched in part, something else, and a file.
        fs::create_dir_all(cache.path().join("models--org--half/snapshots/abc")).unwrap();
        fs::create_dir_all(cache.path().join("datasets--org--text/snapshots/abc")).unwrap();
        fs::write(cache.path().join("version.txt"), "1").unwrap();
        let mut models = cached_in(cache.path());
        models.iter_mut().for_each(complete);
        let told: Vec<_> = models.iter().map(|model| (model.id.as_str(), model.quant.as_deref())).collect();
        assert_eq!(told, [("mlx-community/tiny-4bit", Some("4bit")), ("org/plain", None)]);
        for model in &models {
            assert_eq!(model.size_bytes, Some(8 + header.len() as u64 + 64));
            let own = read(model.folder.as_deref().unwrap()).unwrap();
            assert_eq!(model.digest.as_deref(), Some(own.digest.as_str()));
        }
        let packed: Vec<bool> =
            models.iter().map(|model| is_packed_for_mlx(model.folder.as_deref().unwrap())).collect();
        assert_eq!(packed, [true, false]);
        assert_eq!(cached_in(&cache.path().join("absent")), []);
    }

    #[test]
    fn the_cache_is_where_its_own_tools_look() {
        let place = |env| cache(env).map(|path| path.display().to_string().replace('\\', "/"));
        let hub = Env(|name| Some(if name == "HF_HUB_CACHE" { "/hub" } else { "/other" }.to_owned()));
        assert_eq!(place(hub).as_deref(), Some("/hub"));
        let home = Env(|name| (name != "HF_HUB_CACHE").then(|| format!("/{name}")));
        assert_eq!(place(home).as_deref(), Some("/HF_HOME/hub"));
        let user = Env(|name| (name == "USERPROFILE").then(|| "/users/a".to_owned()));
        assert_eq!(place(user).as_deref(), Some("/users/a/.cache/huggingface/hub"));
        assert_eq!(place(Env(|_| None)), None);
    }
}
