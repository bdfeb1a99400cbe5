//! What each flag of a result means, and what to do about it: one sentence for whoever reads a table.

/// The sentence; none for a flag that this version does not know.
pub fn meaning(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "few_tokens" => {
            "the answer was too short to time well; a model that stops by itself does that, another one may not"
        }
        "short_span" => {
            "the answer came within a quarter of a second, so the clock's own error shows; take a workload with more tokens"
        }
        "stopped_early" => {
            "the model ended its answer before the length that was asked for; a runtime that can ignore the end of text gives the full length"
        }
        "longer_than_asked" => {
            "the runtime made more tokens than were asked for; its setting for the longest answer was not kept"
        }
        "tokens_bundled" => {
            "several tokens came in one piece and nothing says how many, so that each piece counts as an equal share of the answer; switch speculative decoding or buffering off to see each token"
        }
        "tokens_uncounted" => {
            "the server did not say how many tokens it read, and each piece of an answer counts as one where it did not count those; a version that sends `usage` makes the rates sure"
        }
        "buffered" => {
            "something on the way held tokens back and let them go in bunches, so the engine's own clock is used where it tells one; go around the proxy"
        }
        "cache_unproven" => {
            "the server does not say what came out of its prompt cache, so a prefill rate by this program's clock cannot be given"
        }
        "clocks_disagree" => {
            "this program's clock and the engine's differ by more than 5 %; look for a busy processor or a slow connection between the two"
        }
        "prompt_from_cache" => {
            "a part of a new prompt came out of a cache, so the time to the first token is too good; switch the server's prompt cache off"
        }
        "prompt_length_calibrated" => {
            "the server offers no tokenizer: prompts were cut by two trial requests, and may miss their length by some per cent"
        }
        "prompt_length_off" => {
            "prompts missed the length that was aimed at by more than 5 %; compare by the counted tokens"
        }
        "hardly_together" => {
            "the streams were all at work during less than a quarter of their time, so that their common rate says little; --full with more memory for the server's streams helps"
        }
        "speculative" => {
            "tokens were guessed ahead and checked together, which is a setup of its own; start the server without a draft to see its plain speed"
        }
        "one_repeat" => {
            "it was measured once, so nothing tells how sure it is; --full or --repeat 3 gives it more"
        }
        "unstable" => "repeats differ by more than 5 %; end other programs and measure again with --full",
        "slowing_down" => {
            "each repeat was slower than the one before, as heat does; let the machine cool down and measure again"
        }
        "outliers" => {
            "single repeats lie far from the others; something else ran meanwhile, so measure again on a quiet machine"
        }
        "remote" => {
            "the server runs on another machine than this one, so the fingerprint says nothing of the speed; run the probe there"
        }
        "quick" => {
            "the answer was cut to a quarter of what the suite wants, so it is no result of W1; a run without --quick is"
        }
        "no_reasoning" => {
            "thinking was switched off where the model can; without --no-reasoning it may make other text, and more of it"
        }
        "reasoning_hidden" => {
            "the service made reasoning tokens and did not send them: the time to the first token holds them, and the decode rate is of the tokens that were sent; --no-reasoning switches them off where the model can"
        }
        "on_battery" => "the machine ran on its battery, which slows it down; plug it in and measure again",
        "powersave_governor" => {
            "the kernel keeps the processor slow; `cpupower frequency-set -g performance` lets it run"
        }
        "cpu_thermal_limit" => {
            "the processor was slowed down by its heat; better cooling, or a pause before the run, shows its speed"
        }
        "gpu_thermal_limit" => {
            "the GPU was slowed down by its heat; better cooling, or a pause before the run, shows its speed"
        }
        "gpu_power_limit" => {
            "the GPU ran at its limit of power, which is usual under load; a higher limit may give some per cent more"
        }
        "gpu_shared" => "another program computed on the GPU meanwhile; end it and measure again",
        "server_busy" => {
            "the server worked on somebody else's request when the run began; measure again when nobody else uses it"
        }
        "machine_busy" => "other programs used the processor when the run began; end them and measure again",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_keep_a_run_here_have_theirs() {
        for flag in [crate::runs::REMOTE, crate::runs::QUICK, "no_reasoning"] {
            assert!(meaning(flag).is_some(), "{flag}");
        }
    }

    /// Flags are words in quotes where they are given: each of those files is read, so that none is without its sentence.
    #[test]
    fn every_flag_has_its_sentence() {
        const GIVEN: [(&str, &[&str]); 4] = [
            (include_str!("../../data/src/timings.rs"), &["flag("]),
            (include_str!("../../data/src/fingerprint.rs"), &["flag("]),
            (include_str!("result.rs"), &["flag(", "flags.push("]),
            (include_str!("cmd/bench/record.rs"), &["state.push(", "cpu_limit = "]),
        ];
        let mut seen = Vec::new();
        for (text, marks) in GIVEN {
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            for (at, mark) in marks.iter().flat_map(|mark| code.match_indices(mark)) {
                let call = &code[at + mark.len()..];
                let call = call.split(';').next().unwrap();
                let is_word = |word: &&str| {
                    word.contains('_') && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
                };
                seen.extend(call.split('"').skip(1).step_by(2).filter(is_word));
                seen.extend(
                    call.split('"')
                        .skip(1)
                        .step_by(2)
                        .filter(|word| ["buffered", "unstable", "outliers", "speculative"].contains(word)),
                );
            }
        }
        for flag in &seen {
            // Reasons of a card's clock, which flags are made from.
            if *flag == "hw_slowdown" {
                continue;
            }
            assert!(meaning(flag).is_some(), "{flag} has no sentence");
        }
        for flag in
            ["few_tokens", "on_battery", "tokens_uncounted", "hardly_together", "gpu_shared", "unstable"]
        {
            assert!(seen.contains(&flag), "{flag} was not found where flags are given: {seen:?}");
        }
        assert_eq!(meaning("nonsense"), None);
    }
}
