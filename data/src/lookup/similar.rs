//! How alike two names are, for "did you mean".

/// Share of letter pairs that two texts have in common, 0 to 1 (Dice's coefficient).
pub(crate) fn similarity(a: &str, b: &str) -> f64 {
    let (pairs_a, mut pairs_b) = (pairs(a), pairs(b));
    let all = pairs_a.len() + pairs_b.len();
    if all == 0 {
        return f64::from(u8::from(a == b));
    }
    let mut common = 0_u32;
    for pair in &pairs_a {
        if let Some(at) = pairs_b.iter().position(|other| other == pair) {
            pairs_b.swap_remove(at);
            common += 1;
        }
    }
    f64::from(2 * common) / all as f64
}

/// Neighbouring letters, the edges of words among them.
fn pairs(text: &str) -> Vec<(char, char)> {
    let letters: Vec<char> = core::iter::once(' ').chain(text.chars()).chain(core::iter::once(' ')).collect();
    letters.windows(2).map(|pair| (pair[0], pair[1])).filter(|pair| *pair != (' ', ' ')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similarity_orders_names_as_a_reader_would() {
        assert!((similarity("rtx 4090", "rtx 4090") - 1.0).abs() < 1e-12);
        assert!(similarity("rtx 4090", "rtx 4080") > similarity("rtx 4090", "rx 580"));
        assert!(similarity("lama 3", "llama 3") > similarity("lama 3", "gemma 3"));
        assert!(similarity("abc", "xyz") < 1e-12);
    }
}
