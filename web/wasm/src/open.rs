//! A model from its own files: only their headers are read.

use data::gguf::{self, GgufError, Header, ModelShape};

use crate::source::{Source, SourceError};

/// The first read. Headers without a vocabulary are smaller, those with one a few megabytes.
const FIRST_BYTES: u64 = 1 << 20;

/// Why a file could not be opened.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// No bytes.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Bytes, but no GGUF.
    #[error(transparent)]
    Gguf(#[from] GgufError),
}

/// What the headers of one model say.
pub struct OpenedModel {
    /// The model.
    pub shape: ModelShape,
    /// How many tensors it has, in all its files.
    pub tensors: usize,
    /// Bytes of its files.
    pub bytes: u64,
}

/// Reads the headers of all files of one model, in their order.
pub async fn model(sources: &[Source]) -> Result<OpenedModel, OpenError> {
    let mut headers = Vec::new();
    for source in sources {
        headers.push(header(source).await?);
    }
    Ok(OpenedModel {
        shape: gguf::model(&headers)?,
        tensors: headers.iter().map(|header| header.tensors.len()).sum(),
        bytes: headers.iter().map(Header::file_bytes).sum(),
    })
}

/// The header of one GGUF file, read in growing steps from its start.
async fn header(source: &Source) -> Result<Header, OpenError> {
    let mut bytes: Vec<u8> = Vec::new();
    let mut file_bytes = None;
    let mut wanted = FIRST_BYTES;
    loop {
        let have = bytes.len() as u64;
        let part = source.read(have, wanted - have).await?;
        bytes.extend_from_slice(&part.bytes);
        file_bytes = part.file_bytes.or(file_bytes);
        if (bytes.len() as u64) < wanted {
            // Fewer bytes than asked for: the file ends here, whether its host says so or not.
            file_bytes = file_bytes.or(Some(bytes.len() as u64));
        }
        match gguf::read(&bytes, file_bytes) {
            Ok(header) => return Ok(header),
            Err(GgufError::NeedMore { bytes_at_least }) if part.bytes.is_empty() => {
                return Err(GgufError::CutOff { file_bytes: have, needed_bytes: bytes_at_least }.into());
            }
            Err(GgufError::NeedMore { bytes_at_least }) => wanted = bytes_at_least.max(2 * wanted),
            Err(error) => return Err(error.into()),
        }
    }
}
