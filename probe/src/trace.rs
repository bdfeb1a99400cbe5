//! The canned conversation of a coding agent (W5): about ten turns in which files are read, analysed, changed and tested.
//!
//! It is replayed: after each measured answer the recorded one is put into the conversation, so that every runtime reads
//! the same text, whatever it answered.

use crate::driver::Message;

/// The conversation, roles on lines of their own.
const TEXT: &str = include_str!("../trace/agent-trace-v1.txt");

/// All messages in order: the system's words, then user and assistant in turns, a user's message last.
pub fn messages() -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for line in TEXT.lines() {
        let role = match line.strip_prefix("=== ") {
            Some("system") => Some("system"),
            Some("user") => Some("user"),
            Some("assistant") => Some("assistant"),
            _ => None,
        };
        match (role, messages.last_mut()) {
            (Some(role), _) => messages.push(Message { role, content: String::new() }),
            (None, Some(message)) => {
                if !message.content.is_empty() {
                    message.content.push('\n');
                }
                message.content.push_str(line);
            }
            (None, None) => {}
        }
    }
    messages
}

/// For each turn, what the model reads: everything up to and with a user's message.
///
/// `nonce` goes before everything, so that no cache of an earlier replay serves the first turn.
pub fn turns(nonce: &str) -> Vec<Vec<Message>> {
    let mut all = messages();
    if let Some(first) = all.first_mut() {
        first.content = format!("Session {nonce}. {}", first.content);
    }
    (0..all.len()).filter(|at| all[*at].role == "user").map(|at| all[..=at].to_vec()).collect()
}

/// How much of the conversation's text the first `turns` turns read, 0 to 1.
pub fn share(turns: u32) -> f64 {
    let length = |messages: &[Message]| messages.iter().map(|message| message.content.len()).sum::<usize>();
    let all = self::turns("");
    let read = all.iter().take(turns as usize).next_back().map_or(0, |messages| length(messages));
    let whole = all.last().map_or(1, |messages| length(messages));
    read as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_turns_that_grow_and_share_their_beginning() {
        let turns = turns("n");
        assert_eq!(turns.len(), 10);
        for pair in turns.windows(2) {
            assert_eq!(pair[1][..pair[0].len()], pair[0][..], "a turn continues the one before");
            assert_eq!(pair[1].len(), pair[0].len() + 2);
            assert_eq!(pair[1][pair[0].len()].role, "assistant");
        }
        let characters: usize = turns[9].iter().map(|message| message.content.len()).sum();
        assert!((50_000..70_000).contains(&characters), "{characters} characters are not about 16k tokens");
    }

    #[test]
    fn fewer_turns_read_less() {
        assert_eq!(share(10), 1.0);
        assert_eq!(share(99), 1.0);
        assert!((0.3..0.6).contains(&share(4)), "{}", share(4));
        assert_eq!(share(0), 0.0);
    }

    #[test]
    fn a_nonce_changes_the_very_beginning() {
        assert_ne!(turns("a")[0][0], turns("b")[0][0]);
    }

    /// The suite is fixed: another text would be another measurement.
    #[test]
    fn the_text_is_pinned() {
        assert_eq!(
            data::envelope::digest(TEXT.as_bytes()),
            "0d92187f4eba4f7fc47e20c90f676159cc1b763865f117d0acc603a2dfb465e0"
        );
    }
}
