//! What is shown of any model's files, and of what a browser tells about its machine.

use super::{Card, Outcome, Problem};

/// What a browser told of the machine that it runs on.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The device that its name leads to: the id.
    pub hardware: String,
    /// That device's name.
    pub name: String,
    /// Processor threads, and GiB of memory at least; browsers round both.
    pub threads_and_memory: Option<(u32, Option<f64>)>,
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq)]
pub enum FileProblem {
    /// Its host does not let pages read it.
    Cors,
    /// Its host wants a sign-in: the HTTP status.
    Gated(u16),
    /// Its host sends whole files only: the file's size in GiB, 0 where the host does not tell.
    NoRange(f64),
    /// It is no GGUF file: why.
    NotGguf(String),
    /// It holds no model that can be understood: why.
    Unreadable(String),
    /// Shards were dropped without the `config.json` that says how their tensors are used.
    ShardsAlone,
    /// A repository has safetensors and no `config.json`: its name.
    NoConfig(String),
    /// A repository holds no files that we read: its name.
    NoModel(String),
    /// A file's name says that it has more parts than any model comes in: how many.
    TooManyParts(u32),
    /// What was pasted is no address: it, cut short.
    NotAPlace(String),
    /// Its host refuses in another way: the HTTP status.
    Status(u16),
    /// What should be a short text is of so many bytes.
    TooLong(u64),
    /// A file of this machine that can no longer be read: what the browser says.
    Gone(String),
    /// There is nothing at the address.
    NotFound,
    /// No answer.
    Unreachable,
}

/// What a model's files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// For llama.cpp and what stands on it.
    Gguf,
    /// For vLLM, MLX and ExLlama.
    Safetensors,
}

/// What was read from a file's header.
#[derive(Clone, Debug, PartialEq)]
pub struct FileNote {
    /// Its name.
    pub name: String,
    /// What its files are.
    pub format: FileFormat,
    /// Its size, all parts together, in GiB.
    pub size_gib: f64,
    /// Bits per weight over all tensors.
    pub bits_per_weight: f64,
    /// How many tensors it has.
    pub tensors: u32,
}

/// One file of a repository; split ones count as one.
#[derive(Clone, Debug, PartialEq)]
pub struct FileLine {
    /// Its name.
    pub name: String,
    /// Its size, all parts together, in GiB; 0 where its host does not tell.
    pub size_gib: f64,
    /// How many parts it is split into.
    pub parts: u32,
    /// Address of its first part, to read its header.
    pub address: String,
    /// How it runs, once its header has been read.
    pub outcome: Option<Outcome>,
}

/// Any model: what was read from a file or a repository.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileView {
    /// Name of the picked machine, empty until one is picked.
    pub machine: String,
    /// The file that was read.
    pub file: Option<FileNote>,
    /// Its answer.
    pub card: Option<Card>,
    /// The repository, empty where a file was read.
    pub repo: String,
    /// Its files.
    pub files: Vec<FileLine>,
    /// Whether something is being read right now.
    pub reading: bool,
    /// What went wrong.
    pub problem: Option<FileProblem>,
    /// What could not be read in the form.
    pub problems: Vec<Problem>,
}
