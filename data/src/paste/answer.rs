//! What stood in the model's answer: it can say anything, timing lines as well.
//!
//! A program prints its own lines below the answer. So between the command or the prompt and those lines nothing is
//! believed; and of lines of which nothing shows where the one run ends, that is said.

use alloc::vec::Vec;

use super::{
    context::command_text,
    flag::{Flag, Problem},
    found::{Found, Kind},
    page::{Line, Page},
    reading::Tool,
};

/// Decode speeds of one tool, printed in a row, that differ by more than this are of different things.
const WILD: f64 = 4.0;

/// Marks the findings that stood in an answer; they are in the order of the text.
pub(super) fn leave_out(page: &Page<'_>, found: &mut [Found]) {
    answers(page, found);
    commands(page, found);
    fakes(page, found);
}

/// Programs that ask for a prompt, the mark that they ask with, and which of their forms they print below an answer.
const CHATS: [(&str, Tool, &str); 4] = [
    (">>>", Tool::Ollama, "ollama run"),
    ("> ", Tool::LlamaCpp, "llama-cli"),
    ("\u{203a} ", Tool::LmStudio, "lms chat"),
    ("You: ", Tool::LmStudio, "lms chat"),
];

/// In a chat everything from the prompt to the last block of lines before the next prompt is the answer.
fn answers(page: &Page<'_>, found: &mut [Found]) {
    for (mark, tool, form) in CHATS {
        let is_block = |run: &Found| run.run.tool == tool && run.run.era.starts_with(form);
        if !found.iter().any(is_block) {
            continue;
        }
        let asks =
            |line: &Line| page.text().get(line.start..line.end).is_some_and(|text| text.starts_with(mark));
        let prompts: Vec<usize> =
            page.all_plain().filter(|(_, line)| asks(line)).map(|(_, line)| line.start).collect();
        for (number, start) in prompts.iter().enumerate() {
            let end = prompts.get(number + 1).copied().unwrap_or(usize::MAX);
            let from = found.partition_point(|run| run.at.start < *start);
            let to = found.partition_point(|run| run.at.start < end);
            let Some(last) = (from..to).rev().find(|at| is_block(&found[*at])) else { continue };
            if last > from {
                found[from..last].iter_mut().for_each(|run| run.problem = Some(Problem::InAnswer));
                found[last].flag(Flag::AnswerText);
            }
        }
    }
}

/// The program of a command that prints lines below its answer. Sentences begin with its name, too, but not with a flag.
fn program(command: &str) -> Option<Tool> {
    let mut words = command.split_ascii_whitespace().peekable();
    while words.next_if(|word| matches!(*word, "sudo" | "time")).is_some() {}
    let first = words.next()?;
    let name = first.rsplit(['/', '\\']).next()?;
    match name.strip_suffix(".exe").unwrap_or(name) {
        "ollama" => (words.next() == Some("run") && words.next().is_some()).then_some(Tool::Ollama),
        "docker" | "podman" => {
            (words.any(|word| word == "ollama") && words.next() == Some("run")).then_some(Tool::Ollama)
        }
        "llama-cli" | "llama-completion" | "main" => {
            words.next().is_some_and(|word| word.starts_with('-')).then_some(Tool::LlamaCpp)
        }
        _ => None,
    }
}

/// A line that begins something.
struct Begin {
    start: usize,
    program: Option<Tool>,
    /// Behind the prompt, with a name in it, that an earlier command stood behind: a shell's own.
    of_shell: bool,
}

fn begins(page: &Page<'_>) -> Vec<Begin> {
    // A bare `$` anybody writes.
    const NAMED: usize = 4;
    let mut prompt = None;
    let begin = |line: &Line| {
        let body = page.body(line);
        let command = command_text(body);
        let program = program(command);
        let of_shell = prompt.is_some_and(|prompt| body.starts_with(prompt));
        if program.is_some() && body.len() - command.len() >= NAMED {
            prompt = Some(&body[..body.len() - command.len()]);
        }
        let begins = program.is_some() || of_shell || page.is_separator(line) || page.is_chat_prompt(line);
        begins.then_some(Begin { start: line.start, program, of_shell })
    };
    page.all_plain().map(|(_, line)| line).filter_map(begin).collect()
}

/// From the command of a program to the lines that it prints below its answer, everything is the answer.
fn commands(page: &Page<'_>, found: &mut [Found]) {
    let own =
        |run: &Found, tool: Tool| run.problem.is_none() && run.kind == Kind::Block && run.run.tool == tool;
    let of = |tool| -> Vec<usize> { (0..found.len()).filter(|at| own(&found[*at], tool)).collect() };
    let (of_ollama, of_llama) = (of(Tool::Ollama), of(Tool::LlamaCpp));
    if found.len() < 2 || (of_ollama.is_empty() && of_llama.is_empty()) {
        return;
    }
    let begins = begins(page);
    let of_shell: Vec<usize> =
        begins.iter().filter(|begin| begin.of_shell).map(|begin| begin.start).collect();
    let mut told = 0;
    for begin in &begins {
        let Some(tool) = begin.program else { continue };
        let blocks = if tool == Tool::Ollama { &of_ollama } else { &of_llama };
        let from = found.partition_point(|run| run.at.start < begin.start);
        let Some(first) = blocks.get(blocks.partition_point(|block| *block < from)).copied() else {
            continue;
        };
        let start = found[first].at.start;
        let next_of_shell = of_shell.get(of_shell.partition_point(|place| *place <= begin.start));
        // What an earlier command told of is told; and one before another told of nothing that was pasted.
        if first < told || next_of_shell.is_some_and(|next| *next < start) {
            continue;
        }
        // Its lines may be several, or one of them said: up to the next that begins something.
        let end = begins.get(begins.partition_point(|next| next.start <= start)).map(|next| next.start);
        let to = found.partition_point(|run| end.is_none_or(|end| run.at.start < end));
        let Some(last) = (first..to).rev().find(|at| own(&found[*at], tool)) else { continue };
        let mut said = false;
        for run in found[from..last].iter_mut().filter(|run| run.problem.is_none() && !own(run, tool)) {
            run.problem = Some(Problem::InAnswer);
            said = true;
        }
        if said {
            found[last].flag(Flag::AnswerText);
        }
        told = last + 1;
    }
}

/// Blocks that follow each other with nothing between that could begin another run: the program prints its own last.
fn fakes(page: &Page<'_>, found: &mut [Found]) {
    let is_block = |run: &&Found| run.problem.is_none() && run.kind == Kind::Block;
    if found.iter().filter(is_block).nth(1).is_none() {
        return;
    }
    let starts = |is: &dyn Fn(&Line) -> bool| -> Vec<usize> {
        page.all_plain().filter(|(_, line)| is(line)).map(|(_, line)| line.start).collect()
    };
    let separators = starts(&|line| page.is_separator(line) || page.is_chat_prompt(line));
    let fences = starts(&|line| page.is_fence(line));
    // llama.cpp prints one block for each start, and below the mark of the end.
    let begun = starts(&|line| page.body(line).starts_with("generate: n_ctx"));
    let ended = starts(&|line| page.body(line).ends_with("[end of text]"));
    let passed = |marks: &[usize], place: usize| marks.partition_point(|start| *start < place);
    // A block of code that ends: what begins one and never ends it says nothing.
    let in_fence = |place: usize| {
        let before = passed(&fences, place);
        before % 2 == 1 && before < fences.len()
    };
    let mut before: Option<usize> = None;
    for at in 0..found.len() {
        if found[at].problem.is_some() || found[at].kind != Kind::Block {
            continue;
        }
        if let Some(earlier) = before.replace(at) {
            // What a program prints is not in a block of code while the lines after it are in none: an answer is.
            let quoted = in_fence(found[earlier].at.start) && !in_fence(found[at].at.start);
            let (one, other) = (found[earlier].at.start, found[at].at.start);
            if passed(&separators, one) != passed(&separators, other) && !quoted {
                continue;
            }
            let other_tool = found[earlier].run.tool != found[at].run.tool;
            let incomplete = !found[earlier].complete && found[at].complete;
            let speeds = found[earlier].run.decode_tps.zip(found[at].run.decode_tps);
            let wild = speeds.is_some_and(|(one, other)| one.max(other) > WILD * one.min(other));
            if other_tool || (incomplete && found[earlier].has_speed()) || (quoted && wild) {
                found[earlier].problem = Some(Problem::InAnswer);
                found[at].flag(Flag::AnswerText);
            } else if wild && found[at].run.tool != Tool::MlxLm {
                found[earlier].flag(Flag::Disagrees);
                found[at].flag(Flag::Disagrees);
            }
            let of_one_start = passed(&begun, one) == passed(&begun, other)
                && (passed(&begun, one) > 0 || passed(&ended, one) != passed(&ended, other));
            if found[at].run.tool == Tool::LlamaCpp && of_one_start {
                found[earlier].flag(Flag::PerhapsAnswer);
            }
        }
    }
}
