//! A model from its own files: only their headers are read.

use data::gguf::{self, GgufError, Header, ModelShape};
use data::safetensors::{self, SafetensorsError};
use page::view::FileProblem;

use crate::source::Source;

/// The first read. Headers without a vocabulary are smaller, those with one a few megabytes.
const FIRST_BYTES: u64 = 1 << 20;
/// The first read of a shard: it begins with how long its header is.
const FIRST_SHARD_BYTES: u64 = 1 << 16;

/// What the headers of one model say.
pub struct OpenedModel {
    /// The model.
    pub shape: ModelShape,
    /// How many tensors it has, in all its files.
    pub tensors: usize,
    /// Bytes of its files.
    pub bytes: u64,
}

/// Reads the headers of all files of one model, in their order. What cannot be fetched, or is no whole GGUF model, is told
/// in the problem.
pub async fn model(sources: &[Source]) -> Result<OpenedModel, FileProblem> {
    let mut headers = Vec::new();
    for source in sources {
        headers.push(header(source).await?);
    }
    Ok(OpenedModel {
        shape: gguf::model(&headers).map_err(|error| no_gguf(&error))?,
        tensors: headers.iter().map(|header| header.tensors.len()).sum(),
        bytes: headers.iter().map(Header::file_bytes).sum(),
    })
}

/// Reads the headers of all shards of one model, which its `config.json` describes. What cannot be fetched, or does not
/// fit together, is told in the problem.
pub async fn sharded(config: &str, sources: &[Source]) -> Result<OpenedModel, FileProblem> {
    let mut shards = Vec::new();
    for source in sources {
        shards.push(shard(source).await?);
    }
    Ok(OpenedModel {
        shape: safetensors::model(config, &shards).map_err(|error| unreadable(&error))?,
        tensors: shards.iter().map(|shard| shard.tensors.len()).sum(),
        bytes: shards.iter().map(|shard| shard.file_bytes).sum(),
    })
}

fn no_gguf(error: &GgufError) -> FileProblem {
    FileProblem::NotGguf(error.to_string())
}

fn unreadable(error: &SafetensorsError) -> FileProblem {
    FileProblem::Unreadable(error.to_string())
}

/// The header of one GGUF file. It does not say how long it is: each read is at least twice the last.
async fn header(source: &Source) -> Result<Header, FileProblem> {
    let mut start = Start::default();
    let mut wanted = FIRST_BYTES;
    loop {
        let grew = start.grow(source, wanted).await?;
        match gguf::read(&start.bytes, start.file_bytes) {
            Ok(header) => return Ok(header),
            Err(GgufError::NeedMore { bytes_at_least }) if grew => wanted = bytes_at_least.max(2 * wanted),
            Err(GgufError::NeedMore { bytes_at_least }) => {
                let file_bytes = start.bytes.len() as u64;
                return Err(no_gguf(&GgufError::CutOff { file_bytes, needed_bytes: bytes_at_least }));
            }
            Err(error) => return Err(no_gguf(&error)),
        }
    }
}

/// The header of one shard, in two reads at most.
async fn shard(source: &Source) -> Result<safetensors::Header, FileProblem> {
    let mut start = Start::default();
    let mut wanted = FIRST_SHARD_BYTES;
    loop {
        let grew = start.grow(source, wanted).await?;
        match safetensors::read(&start.bytes, start.file_bytes) {
            Ok(header) => return Ok(header),
            Err(SafetensorsError::NeedMore { bytes_at_least }) if grew => wanted = bytes_at_least,
            Err(SafetensorsError::NeedMore { bytes_at_least }) => {
                let file_bytes = start.bytes.len() as u64;
                return Err(unreadable(&SafetensorsError::CutOff {
                    file_bytes,
                    needed_bytes: bytes_at_least,
                }));
            }
            Err(error) => return Err(unreadable(&error)),
        }
    }
}

/// The start of a file, as far as it was read.
#[derive(Default)]
struct Start {
    bytes: Vec<u8>,
    file_bytes: Option<u64>,
}

impl Start {
    /// Reads on until there are `wanted` bytes, or the file ends; whether there were any more.
    async fn grow(&mut self, source: &Source, wanted: u64) -> Result<bool, FileProblem> {
        let have = self.bytes.len() as u64;
        let part = source.read(have, wanted - have).await?;
        self.bytes.extend_from_slice(&part.bytes);
        self.file_bytes = part.file_bytes.or(self.file_bytes);
        if (self.bytes.len() as u64) < wanted {
            // Fewer bytes than asked for: the file ends here, whether its host says so or not.
            self.file_bytes = self.file_bytes.or(Some(self.bytes.len() as u64));
        }
        Ok(!part.bytes.is_empty())
    }
}
