//! What words mean: the definitions of GLOSSARY.md, so that page and document say the same.

const GLOSSARY: &str = include_str!("../../../../GLOSSARY.md");

/// The meaning of a term; empty where the glossary has none.
pub(super) fn meaning(term: &str) -> &'static str {
    let rows =
        GLOSSARY.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    rows.into_iter().find(|(known, _)| *known == term).map_or("", |(_, meaning)| meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_found_and_others_are_not() {
        assert!(meaning("backend").contains("CUDA"));
        assert_eq!(meaning("flux"), "");
        assert_eq!(meaning("term"), "meaning", "the head is a row like any");
    }
}
