//! Which model is it? Its own file goes before what its runtime or its name says.

use std::io;

use anyhow::{Context, Result};
use data::gguf::ModelShape;
use data::submission::{Identity, ModelIdentity};

use crate::driver::ModelRef;
use crate::{gguf_file, model_folder, names};

/// The shape that a model's own files describe, where they are on this machine.
pub(crate) fn shape(model: &ModelRef) -> Result<Option<ModelShape>> {
    if let Some(file) = &model.file {
        return gguf_file::shape(file).map(Some);
    }
    let Some(folder) = &model.folder else { return Ok(None) };
    let read = model_folder::read(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    Ok(read.shape)
}

/// What the model's own files say goes before what its runtime or its name says: the quantisation by its tensors, and
/// the context that it was made for, unless the runtime allows less.
pub(super) fn complete(model: &mut ModelRef) {
    match shape(model) {
        Ok(Some(shape)) => {
            model.quant = Some(shape.quant.name);
            let own = Some(shape.context_tokens).filter(|tokens| *tokens > 0);
            let told = model.context_tokens.filter(|_| model.folder.is_some());
            model.context_tokens = told.or(own);
        }
        Ok(None) => {}
        Err(error) => eprintln!("note: {error:#}"),
    }
}

/// What identifies a model: a digest, how far it goes, and the size of the files.
struct Evidence {
    digest: Option<String>,
    size_bytes: Option<u64>,
    identity: Identity,
}

/// Of a file nothing yet: [`super::whole::Whole`] reads it.
fn evidence(model: &ModelRef) -> io::Result<Evidence> {
    let Some(own) = model.folder.as_ref().filter(|_| model.file.is_none()) else {
        return Ok(by_runtime(model));
    };
    let read = model_folder::read(own)?;
    Ok(Evidence { digest: Some(read.digest), size_bytes: Some(read.size_bytes), identity: Identity::Header })
}

fn by_runtime(model: &ModelRef) -> Evidence {
    Evidence {
        digest: model.digest.clone(),
        size_bytes: model.size_bytes,
        identity: if model.digest.is_some() { Identity::Runtime } else { Identity::Unverified },
    }
}

/// What cannot be read is no error: the run says how far its model is known.
pub(super) fn unread(error: &io::Error) {
    eprintln!(
        "note: the model's files cannot be read ({error}); the run will say how far it is known without them"
    );
}

/// The model as a run names it, before its file is read.
pub(super) fn identify(model: &ModelRef) -> ModelIdentity {
    let found = evidence(model).unwrap_or_else(|error| {
        unread(&error);
        by_runtime(model)
    });
    // A runtime may call a model by its path, here or on its own machine: only the last part of it goes into the run.
    let name = if model.file.is_some() { names::last_part(&model.id) } else { model.id.clone() };
    let shape = shape(model).ok().flatten();
    ModelIdentity {
        params: shape.as_ref().map(|shape| shape.params - shape.idle_params),
        tensor_bytes: shape.as_ref().map(|shape| shape.bytes.total()),
        reference: names::public(&name),
        id: None,
        quant: model.quant.as_deref().map(names::public),
        digest: found.digest.as_deref().map(names::public),
        prefix_digest: None,
        size_bytes: found.size_bytes,
        identity: found.identity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_folder_is_in_a_models_name() {
        let home = tempfile::tempdir().unwrap();
        let model = |id: &str| ModelRef {
            id: id.to_owned(),
            folder: Some(home.path().to_owned()),
            ..ModelRef::default()
        };
        let secret = home.path().join("tiny").display().to_string();
        assert_eq!(identify(&model(&secret)).reference, "tiny");
        assert_eq!(identify(&model("org/tiny")).reference, "org/tiny");
        let unknown = ModelRef { id: "m".to_owned(), ..ModelRef::default() };
        assert_eq!(identify(&unknown).identity, Identity::Unverified);
        // A server elsewhere calls it by a path of its own machine.
        for id in ["/home/alice/models/Qwen3-8B", r"C:\Users\alice\Qwen3-8B"] {
            let there = ModelRef { id: id.to_owned(), ..ModelRef::default() };
            assert_eq!(identify(&there).reference, "Qwen3-8B");
        }
        // Nor in what else it says of it.
        let odd = ModelRef {
            quant: Some("/home/alice/q4\x1b[2J".to_owned()),
            digest: Some("/home/alice/sums".to_owned()),
            ..unknown.clone()
        };
        let found = identify(&odd);
        assert_eq!(found.quant.as_deref(), Some(r"q4\u{1b}[2J"));
        assert_eq!(found.digest.as_deref(), Some("sums"));
        let usual = ModelRef { quant: Some("Q4_K - Medium".to_owned()), ..unknown };
        assert_eq!(identify(&usual).quant.as_deref(), Some("Q4_K - Medium"));
    }
}
