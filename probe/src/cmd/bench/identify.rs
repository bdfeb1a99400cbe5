//! Which model is it? Its own file goes before what its runtime or its name says.

use std::path::Path;

use data::submission::{Identity, ModelIdentity};

use crate::driver::ModelRef;
use crate::{gguf_file, model_file};

/// What the model's own file says goes before what its runtime or its name says: the quantisation by its tensors, and
/// the context that it was made for.
pub(super) fn complete(model: &mut ModelRef) {
    let Some(file) = &model.file else { return };
    match gguf_file::shape(file) {
        Ok(shape) => {
            model.quant = Some(shape.quant.name);
            model.context_tokens = Some(shape.context_tokens).filter(|tokens| *tokens > 0);
        }
        Err(error) => eprintln!("note: {error}"),
    }
}

/// The model as a run names it; `folder` keeps digests, so that a file is read once.
pub(super) fn identify(model: &ModelRef, folder: &Path) -> ModelIdentity {
    let digests = model.file.as_deref().and_then(|file| match model_file::digests(file, folder) {
        Ok(digests) => Some(digests),
        Err(error) => {
            eprintln!("note: the model's file cannot be read ({error}); the run will say unverified");
            None
        }
    });
    // A runtime may call a model by its path: only the file's name goes into the run.
    let name = model.id.rsplit(['/', '\\']).next().filter(|_| model.file.is_some()).unwrap_or(&model.id);
    let identity = match (&digests, &model.digest) {
        (Some(_), _) => Identity::File,
        (None, Some(_)) => Identity::Runtime,
        (None, None) => Identity::Unverified,
    };
    let shape = model.file.as_deref().and_then(|file| gguf_file::shape(file).ok());
    ModelIdentity {
        params: shape.as_ref().map(|shape| shape.params - shape.idle_params),
        tensor_bytes: shape.as_ref().map(|shape| shape.bytes.total()),
        reference: name.to_owned(),
        id: None,
        quant: model.quant.clone(),
        digest: digests.as_ref().map(|digests| digests.whole.clone()).or_else(|| model.digest.clone()),
        prefix_digest: digests.as_ref().map(|digests| digests.prefix.clone()),
        size_bytes: digests.map(|digests| digests.size_bytes).or(model.size_bytes),
        identity,
    }
}
