//! GGUF files made here, read by `data::gguf`: exact to the byte, and never believed too far.

mod refused;
mod robust;
mod shapes;

use data::gguf::{self, GgufError, Header, ModelShape};
use house::gguf_make::models::{self, Experts, Latent, Quant, Size, State};
use house::gguf_make::{Fill, Gguf, Tensor, Value};

const SMALL: Size = Size {
    layers: 6,
    hidden: 256,
    heads: 4,
    kv_heads: 2,
    head_dim: 64,
    ffn: 512,
    vocab: 1024,
    context: 8192,
    quant: Quant::Q4Km,
};
const STATE: State = State { conv: 4, inner: 512, state: 32, heads: 8, groups: 2 };
const EXPERTS: Experts = Experts { total: 16, used: 4 };
const LATENT: Latent =
    Latent { query_rank: 256, rank: 512, rope: 64, plain: 128, dense_ffn: 1024, dense_layers: 1, shared: 1 };

/// One of each family.
fn families() -> Vec<(&'static str, Gguf)> {
    vec![
        ("llama", models::llama(SMALL, None)),
        ("mixtral", models::llama(SMALL, Some(EXPERTS))),
        ("gemma3", models::gemma3(SMALL, 512)),
        ("gpt-oss", models::gpt_oss(Size { quant: Quant::Mxfp4, ..SMALL }, 128, EXPERTS)),
        ("deepseek2", models::deepseek2(SMALL, LATENT, EXPERTS)),
        ("lfm2", models::lfm2(SMALL, 3)),
        ("granitehybrid", models::granite_hybrid(SMALL, STATE)),
        ("falcon-h1", models::falcon_h1(SMALL, STATE)),
        ("qwen3next", models::qwen3next(SMALL, STATE, EXPERTS)),
    ]
}

fn read(made: &Gguf) -> Header {
    gguf::read(&made.header(), None).expect("the header is whole")
}

fn shape(made: &Gguf) -> ModelShape {
    gguf::model(&[read(made)]).expect("the model is described")
}

/// The law: data offset and tensors with their padding are the file, to the byte.
#[test]
fn tensors_fill_the_file_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    for (name, made) in families() {
        let path = folder.path().join(name);
        let bytes = made.write(&path, Fill::Zeros).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), bytes);
        let header = read(&made);
        assert_eq!(header.file_bytes(), bytes, "{name}");
        assert_eq!(gguf::read(&made.header(), Some(bytes)), Ok(header.clone()), "{name}");
        let roles = shape(&made).bytes;
        assert_eq!(roles.total(), header.tensor_bytes(), "{name}: every byte has one role");
        // one byte less, and the last tensor is cut
        let needed_bytes = header.end_bytes();
        let cut = GgufError::CutOff { file_bytes: needed_bytes - 1, needed_bytes };
        assert_eq!(gguf::read(&made.header(), Some(needed_bytes - 1)), Err(cut), "{name}");
    }
}

/// Splits a file's tensors over `count` parts, as `llama-gguf-split` does.
fn split(made: &Gguf, count: usize) -> Vec<Gguf> {
    let per_part = made.tensors.len().div_ceil(count);
    let part = |(number, tensors): (usize, &[Tensor])| {
        let mut part = Gguf { tensors: tensors.to_vec(), ..Gguf::default() };
        if number == 0 {
            part.metadata = made.metadata.clone();
        }
        part.set("split.no", Value::U32(number as u32));
        part.set("split.count", Value::U32(count as u32));
        part.set("split.tensors.count", Value::U32(made.tensors.len() as u32));
        part
    };
    made.tensors.chunks(per_part).enumerate().map(part).collect()
}

#[test]
fn parts_of_a_split_model_are_one_model() {
    let made = models::llama(SMALL, Some(EXPERTS));
    let parts: Vec<Header> = split(&made, 3).iter().map(read).collect();
    let whole = shape(&made);
    assert_eq!(gguf::model(&parts), Ok(ModelShape { parts: 3, ..whole }));
    for wrong in [vec![], parts[..2].to_vec(), vec![parts[0].clone(), parts[2].clone(), parts[1].clone()]] {
        assert!(matches!(gguf::model(&wrong), Err(GgufError::Parts(_))));
    }
}
