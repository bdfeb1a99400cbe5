//! A byte-level BPE tokeniser of any size that needs no data.
//!
//! Any text can be encoded, and each made-up word of two syllables, such as ` bada` (a space, then consonant, vowel,
//! consonant, vowel), is exactly one token: so a prompt of N such words has N tokens.

use super::{Gguf, Value};

pub(crate) const SPECIALS: [&str; 5] = ["<|begin|>", "<|end|>", "<|im_start|>", "<|im_end|>", "<|pad|>"];
const CONSONANTS: &str = "bcdfghjklmnpqrstvwxz";
const VOWELS: &str = "aeiou";
pub(crate) const CHAT_TEMPLATE: &str = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n\
                             {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// GPT-2's printable stand-ins for the 256 bytes.
fn byte_chars() -> Vec<char> {
    let printable = |byte: u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let mut spare = 256..;
    (0..256_u32)
        .map(|byte| if printable(byte) { byte } else { spare.next().unwrap_or_default() })
        .filter_map(char::from_u32)
        .collect()
}

fn syllables() -> impl Iterator<Item = String> + Clone {
    CONSONANTS.chars().flat_map(|c| VOWELS.chars().map(move |v| format!("{c}{v}")))
}

/// All pieces of a tokeniser of exactly `vocab` entries (from 461 to about a million), and the pairs that make them.
pub(crate) fn pieces(vocab: u32) -> (Vec<String>, Vec<(String, String)>) {
    let vocab = vocab as usize;
    let bytes = byte_chars();
    let space = bytes[usize::from(b' ')];
    let mut tokens: Vec<String> = SPECIALS.iter().map(ToString::to_string).collect();
    tokens.extend(bytes.iter().map(char::to_string));
    let letters = syllables().map(|s| (s[..1].to_string(), s[1..].to_string()));
    let spaced = syllables().map(|s| (space.to_string(), s));
    let two = syllables().flat_map(|a| syllables().map(move |b| (format!("{space}{a}"), b)));
    let three = syllables().flat_map(|a| {
        syllables().flat_map(move |b| {
            let start = format!("{space}{a}{b}");
            syllables().map(move |c| (start.clone(), c))
        })
    });
    let mut merges = Vec::new();
    for (left, right) in letters.chain(spaced).chain(two).chain(three) {
        if tokens.len() >= vocab {
            break;
        }
        tokens.push(format!("{left}{right}"));
        merges.push((left, right));
    }
    assert_eq!(tokens.len(), vocab, "a vocabulary has from 461 to 1,010,461 entries");
    (tokens, merges)
}

/// Adds such a tokeniser to a file's metadata.
pub(super) fn put(gguf: &mut Gguf, vocab: u32) {
    let (tokens, merges) = pieces(vocab);
    let merges: Vec<String> = merges.iter().map(|(left, right)| format!("{left} {right}")).collect();
    let vocab = tokens.len();
    let kinds = (0..vocab).map(|index| if index < SPECIALS.len() { 3 } else { 1 }).collect();
    gguf.set("tokenizer.ggml.model", Value::Text("gpt2".into()));
    gguf.set("tokenizer.ggml.pre", Value::Text("gpt-2".into()));
    gguf.set("tokenizer.ggml.tokens", Value::Texts(tokens));
    gguf.set("tokenizer.ggml.token_type", Value::I32s(kinds));
    gguf.set("tokenizer.ggml.merges", Value::Texts(merges));
    gguf.set("tokenizer.ggml.bos_token_id", Value::U32(0));
    gguf.set("tokenizer.ggml.eos_token_id", Value::U32(3));
    gguf.set("tokenizer.ggml.padding_token_id", Value::U32(4));
    gguf.set("tokenizer.ggml.add_bos_token", Value::Bool(false));
    gguf.set("tokenizer.chat_template", Value::Text(CHAT_TEMPLATE.into()));
}

/// A text of `count` words, each one token in a model whose vocabulary has 10,461 entries or more.
#[must_use]
pub fn words(count: usize) -> String {
    let all: Vec<String> = syllables().collect();
    // 37 and 61 share no factor with 100, so all 10,000 pairs come before one comes again
    let word =
        |i: usize| format!(" {}{}", all[(i * 37) % all.len()], all[(i * 61 + i / all.len()) % all.len()]);
    (0..count).map(word).collect()
}
