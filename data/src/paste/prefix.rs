//! What logs, mail and web pages put before a line.
//!
//! A timing line counts only at the start of its line, since in the middle of one it may be quoted by anybody.
//! So the things that stand before it are listed here, and nothing else may.
//!
//! Every line of every reading passes here, and a hostile one is all prefix: so many are stepped over at most, each is
//! looked for in few bytes, and what cannot begin with the first byte is not looked for.

use super::logcat::{android, tag};

/// Things before one line, spaces not counted.
const MOST: usize = 32;

/// Bytes in which one of them ends, if it is there.
const NEAR: usize = 256;

/// A line shorter than this has room for a mark and no more.
const SHORTEST_STAMPED: usize = 6;

/// Where the line itself begins, after everything that something else put before it.
pub(super) fn body(line: &str) -> usize {
    let mut at = 0;
    let mut stamped = false;
    for _ in 0..MOST {
        at += spaces(&line[at..]);
        let rest = &line[at..];
        let length = quote(rest).or_else(|| bullet(rest)).or_else(|| {
            if line.len() < SHORTEST_STAMPED {
                return None;
            }
            let near = near(rest);
            stamp(rest, &mut stamped)
                .or_else(|| compose(near))
                .or_else(|| source_line(near))
                .or_else(|| word(near))
        });
        match length {
            Some(length) => at += length,
            None => break,
        }
    }
    at
}

/// The part of a line in which something that stands before it ends.
fn near(rest: &str) -> &str {
    &rest[..rest.floor_char_boundary(NEAR)]
}

/// The length of what a log put before a line, with one space after it: what is left may be indented.
pub(super) fn log(line: &str) -> usize {
    let mut at = 0;
    let mut stamped = false;
    for _ in 0..MOST {
        let rest = &line[at..];
        let space = usize::from(rest.starts_with([' ', '\t']));
        let rest = &rest[space..];
        match stamp(rest, &mut stamped).or_else(|| compose(near(rest))) {
            Some(length) => at += space + length,
            None => return if at > 0 { at + space } else { 0 },
        }
    }
    at
}

/// What a log puts before a line, once or several times.
fn stamp(rest: &str, stamped: &mut bool) -> Option<usize> {
    let near = near(rest);
    let length = match rest.as_bytes().first()? {
        b'[' | b'(' => lost_escape(near).or_else(|| brackets(rest)),
        b'0'..=b'9' => timestamp(near),
        b'A'..=b'Z' => syslog(near).or_else(|| timestamp(near)).or_else(|| level(near)),
        b'd' | b's' => level(near),
        _ => None,
    };
    let length = length
        .or_else(|| unit(near, 1))
        .or_else(|| tag(near).filter(|end| near[..*end].ends_with("):")))
        .or_else(|| stamped.then(|| after_stamp(near)).flatten());
    *stamped |= length.is_some();
    length
}

fn spaces(rest: &str) -> usize {
    rest.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// `>` of a quoted mail or comment; `>>>` is where Ollama waits for a prompt, and stays.
fn quote(rest: &str) -> Option<usize> {
    (rest.starts_with('>') && !rest.starts_with(">>>")).then_some(1)
}

/// What lists and code in Markdown put before a line.
fn bullet(rest: &str) -> Option<usize> {
    if !rest.starts_with(['`', '-', '*', '•']) {
        return None;
    }
    let code = rest.trim_start_matches('`');
    match rest.len() - code.len() {
        0 => {}
        1 => return Some(1),
        // Three of them begin a block; with a line or a command behind them they are meant as one.
        3 if code.contains(": ") || code.contains(" -") => return Some(3),
        _ => return None,
    }
    let mark = ["- ", "* ", "• "].into_iter().find(|mark| rest.starts_with(mark))?;
    // A row of dashes and bars is the rule below a table's header, and two dashes begin a flag.
    (!rest[mark.len()..].trim_start().starts_with(['-', '|', '•'])).then_some(mark.len())
}

/// What only a time can stand before: the bar of some log viewers, `host unit[937]:`, the stream of a container or of a
/// pipeline, the process that LocalAI started, what Android knows of an app, and a logger's name.
fn after_stamp(rest: &str) -> Option<usize> {
    const STREAMS: [&str; 6] = ["stdout F ", "stderr F ", "01O ", "01E ", "00O ", "00E "];
    if let Some(mark) = STREAMS.iter().find(|mark| rest.starts_with(**mark)) {
        return Some(mark.len());
    }
    if let Some(after) = rest.strip_prefix("| ") {
        // A bar begins a row of a table, too.
        let is_line = timestamp(after).is_some() || after.starts_with("slot ") || after.starts_with("srv ");
        return is_line.then_some(2);
    }
    if rest.starts_with("GRPC(") {
        return ["): stderr ", "): stdout "].iter().find_map(|end| Some(rest.find(end)? + end.len()));
    }
    unit(rest, 3).or_else(|| android(rest)).or_else(|| logger(rest))
}

/// `autoloader: ` of a logger that is named: before another stamp, or before what a timing line begins with.
fn logger(rest: &str) -> Option<usize> {
    let name = rest.split(": ").next().filter(|name| (1..=64).contains(&name.len()))?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let after = rest.get(name.len() + 1..)?.trim_start();
    let own = |text: &str| LINES.iter().any(|start| text.starts_with(start));
    // A date has no points, and neither has how much of a context is full.
    let is_clock = |length: usize| after[..length].matches(['.', ':']).count() > 1;
    let goes_on = after.starts_with(['[', '{', '|']) || own(after) || timestamp(after).is_some_and(is_clock);
    (name.bytes().all(is_name) && !own(name) && goes_on).then_some(name.len() + 1)
}

/// `ollama[937]: `, with the host and its time zone before it.
fn unit(rest: &str, most: usize) -> Option<usize> {
    let unit = rest.split_ascii_whitespace().take(most).find(|word| word.ends_with("]:"))?;
    let (name, inside) = unit.strip_suffix("]:")?.split_once('[')?;
    let is_name =
        |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte));
    (!name.is_empty() && is_name(name) && is_name(inside)).then(|| offset_after(rest, unit))
}

/// `[90m`: a colour code that lost its escape character on the way.
fn lost_escape(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('[')?;
    let digits = inside.len() - inside.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').len();
    (digits > 0 && inside[digits..].starts_with('m')).then_some(digits + 2)
}

/// `[GIN]`, `[42027]`, `(APIServer pid=1)`, `[2026-04-05 20:02:51 TP0]`: names of processes, dates.
fn brackets(rest: &str) -> Option<usize> {
    let close = match rest.as_bytes().first()? {
        b'[' => b']',
        b'(' => b')',
        _ => return None,
    };
    let length = rest.bytes().take(64).position(|byte| byte == close)? + 1;
    let inside = &rest[1..length - 1];
    // `[ Prompt: 1 t/s | Generation: 2 t/s ]` and `[BENCHMARK]` are timing lines themselves, and so is what has nothing
    // after it; a brace begins JSON.
    let is_line = inside.contains("t/s") || inside.contains(['|', '{']) || inside == "BENCHMARK";
    (!is_line && !rest[length..].trim().is_empty()).then_some(length)
}

/// `Dec 03 14:58:50 host ollama[937]: `, or the time alone.
fn syslog(rest: &str) -> Option<usize> {
    const MONTHS: &str = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
    let month = rest.get(..3)?;
    if !MONTHS.split(' ').any(|name| name == month) || !rest[3..].starts_with(' ') {
        return None;
    }
    let mut words = rest.split_ascii_whitespace();
    let (_, day, time) = (words.next()?, words.next()?, words.next()?);
    let is_day = day.len() <= 2 && day.bytes().all(|byte| byte.is_ascii_digit());
    let starts_right = time.starts_with(|c: char| c.is_ascii_digit());
    if !is_day || !starts_right || time.matches(':').count() != 2 {
        return None;
    }
    // People take out the name of the host; and what begins a timing line names neither host nor program.
    let first = words.next().unwrap_or_default();
    let is_host = first.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@[]:".contains(&byte));
    let after = rest[offset_after(rest, time)..].trim_start();
    let is_line = !is_host || LINES.iter().any(|start| after.starts_with(start));
    let is_unit = |word: &&str| {
        let names = word.starts_with(|c: char| c.is_ascii_lowercase()) || word.contains('[');
        !is_line && names && word.ends_with(':') && word.len() <= 64
    };
    let unit = [first, words.next().unwrap_or_default()].into_iter().find(is_unit);
    Some(offset_after(rest, unit.unwrap_or(time)))
}

/// What timing lines begin with that have a colon near.
pub(super) const LINES: [&str; 13] = [
    "slot ",
    "srv ",
    "llama_",
    "common_perf",
    "print_",
    "prompt eval",
    "eval ",
    "total ",
    "load ",
    "main:",
    "draft",
    "target:",
    "generate:",
];

/// `2026-09-10`, `15:01:39.976`, `0.06.972.460`, `2023/12/03`, `2024-01-01T00:00:00.000Z`, `10:42PM`, `Sat 2024-01-01`,
/// and a stop watch's `0.8635` before JSON.
fn timestamp(rest: &str) -> Option<usize> {
    const DAYS: &str = "Mon Tue Wed Thu Fri Sat Sun";
    let after = rest.get(..3).filter(|day| DAYS.split(' ').any(|name| name == *day));
    match after.and_then(|_| rest[3..].strip_prefix(' ')) {
        Some(date) => Some(clock(date)? + 4),
        None => clock(rest),
    }
}

/// The same without the day of the week.
fn clock(rest: &str) -> Option<usize> {
    let is_part = |c: char| c.is_ascii_digit() || ":.,/TZ+-".contains(c);
    let token = &rest[..rest.len() - rest.trim_start_matches(is_part).len()];
    let marks = token.bytes().filter(|byte| !byte.is_ascii_digit()).count();
    // Python's month and day, `05-07`, have one mark.
    let is_day = token.len() == 5 && token.as_bytes()[2] == b'-';
    let is_time = is_day || (token.len() >= 6 && marks >= 2);
    let is_watch =
        marks == 1 && matches!(rest[token.len()..].trim_start().as_bytes().first(), Some(b'{' | b'd'));
    let starts_right = token.starts_with(|c: char| c.is_ascii_digit());
    let half = rest[token.len()..].trim_start();
    if starts_right && token.contains(':') && ["AM ", "PM "].iter().any(|half_day| half.starts_with(half_day))
    {
        return Some(rest.len() - half.len() + 2);
    }
    let ends_right = rest[token.len()..].starts_with([' ', '\t', '|']) || rest.len() == token.len();
    (starts_right && ends_right && (is_time || is_watch)).then_some(token.len())
}

/// Levels of logs, and what server-sent events put before their data.
fn level(rest: &str) -> Option<usize> {
    const LEVELS: [&str; 18] = [
        "DBG ", "INF ", "INFO:", "INFO", "DEBUG:", "DEBUG", "WARNING:", "WARN:", "WARN", "ERROR", "LOG",
        "VERB", "data:", "srv ", "I ", "D ", "W ", "stdout:",
    ];
    let found = LEVELS.iter().find(|level| rest.starts_with(**level))?;
    let length = found.len();
    let ends = rest[length..].starts_with([' ', '\t', '{', '[']) || found.ends_with([' ', ':']);
    ends.then_some(length)
}

/// `ollama-1  | ` of docker compose, `0|llama    | ` of pm2.
fn compose(rest: &str) -> Option<usize> {
    let numbered = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    match numbered.strip_prefix('|').filter(|_| numbered.len() < rest.len()) {
        Some(named) => service(named).map(|length| rest.len() - named.len() + length),
        None => service(rest),
    }
}

/// A name and a bar behind it.
fn service(rest: &str) -> Option<usize> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let name = rest.len() - rest.trim_start_matches(is_part).len();
    let after = rest[name..].trim_start();
    let fits = (1..=64).contains(&name) && after.starts_with("| ") && after.len() < rest.len() - name;
    fits.then(|| rest.len() - after.len() + 2)
}

/// `metrics.py:351]`: where a Python logger was called.
fn source_line(rest: &str) -> Option<usize> {
    let token = rest.split(' ').next()?;
    let (file, line) = token.strip_suffix(']')?.split_once(".py:")?;
    let is_name = file.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name && line.bytes().all(|byte| byte.is_ascii_digit())).then_some(token.len())
}

/// Quotes around a line of a notebook, and the dollar-less `msg="`.
fn word(rest: &str) -> Option<usize> {
    // PowerShell puts the program before the first line of its errors.
    let program = rest.as_bytes().windows(3).position(|sign| sign == b" : ").map_or("", |end| &rest[..end]);
    if ["ollama", "llama-cli", "llama-server"].contains(&program)
        || (program.ends_with(".exe") && program.len() <= 64)
    {
        return Some(program.len() + " : ".len());
    }
    let inside = rest.strip_prefix('"')?;
    let known =
        ["llama_", "print_timings", "prompt eval", "eval ", "total ", "load ", "common_perf", "  ", "main:"];
    known.iter().any(|start| inside.starts_with(start)).then_some(1)
}

/// The byte after a word that is a part of the text.
pub(super) fn offset_after(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize + part.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_log_puts_before_a_line_leaves_its_indent() {
        for (line, rest) in [
            ("2025-11-22T13:00:00.123Z     \"a\": 1", "    \"a\": 1"),
            ("llama-1  | 2025-11-22 13:00:00   }", "  }"),
            ("Nov 22 13:00:01 box llama[123]: ]", "]"),
            ("  \"a\": 1", "  \"a\": 1"),
        ] {
            assert_eq!(&line[log(line)..], rest, "{line}");
        }
    }

    #[test]
    fn known_prefixes_are_stepped_over_and_sentences_are_not() {
        #[rustfmt::skip]
        let vectors = [
            ("  > eval time", "eval time"),
            ("Dec 03 14:58:50 osm-server ollama[937]: eval time", "eval time"),
            ("[42027] 1.37.495.377 I slot print_timing", "slot print_timing"),
            ("(APIServer pid=1) INFO 05-07 04:56:17 [loggers.py:271] Engine 000", "Engine 000"),
            ("2026-09-10 15:01:39.976 INFO:     Metrics", "Metrics"),
            ("00:28:06-600105 INFO     Output generated", "Output generated"),
            ("ollama-1  | eval rate", "eval rate"),
            ("INFO 09-22 23:46:42 metrics.py:351] Avg prompt", "Avg prompt"),
            ("INFO 03-18 09:04:46 [metrics.py:481] Avg prompt", "Avg prompt"),
            ("\"llama_print_timings: x", "llama_print_timings: x"),
            ("data: {\"a\":1}", "{\"a\":1}"),
            ("   0.8635  {\"a\":1}", "{\"a\":1}"),
            ("[90meval time", "eval time"),
            (">>> eval time", ">>> eval time"),
            ("The model said: \"eval time", "The model said: \"eval time"),
            ("[ Prompt: 3.8 t/s | Generation: 14.4 t/s ]", "[ Prompt: 3.8 t/s | Generation: 14.4 t/s ]"),
            ("| a | b |", "| a | b |"),
            ("12.50 tokens", "12.50 tokens"),
            ("- eval rate", "eval rate"),
            ("`eval rate: 1`", "eval rate: 1`"),
            ("--model x", "--model x"),
            ("- - - | - -", "- - - | - -"),
            ("2026-05-17 10:46:46.474 | 2.22.153.475 I slot print_timing", "slot print_timing"),
            ("2026-09-11T00:04:26+0200 box ollama[937]: eval time", "eval time"),
            ("Sep 11 00:04:26   ollama[]: slot print_timing", "slot print_timing"),
            ("2025-01-01T00:00:00.123456789Z stderr F eval time", "eval time"),
            ("llama-cli.exe : eval time", "eval time"),
            ("Nov 22 13:00:01 slot print_timing: id 0", "slot print_timing: id 0"),
            ("Nov 22 13:00:01 eval rate: 1", "eval rate: 1"),
            ("Sat 2025-11-22 13:00:01 CET box ollama[937]: eval time", "eval time"),
            ("10:42PM DBG GRPC(luna-7b-127.0.0.1:33645): stderr eval time", "eval time"),
            ("1:00:01 PM eval time", "eval time"),
            ("2025-11-22T13:00:01.123456Z 01O eval time", "eval time"),
            ("2025-11-22T13:00:01.000000+00:00 app[web.1]: eval time", "eval time"),
            ("ollama[937]: eval time", "eval time"),
            ("a said[1]: eval time", "a said[1]: eval time"),
            ("May I see 1:2:3 eval time", "May I see 1:2:3 eval time"),
            ("11-22 13:00:01.123  4321  4345 I llama-android.cpp: llama_print_timings: x", "llama_print_timings: x"),
            ("11-22 13:00:01.123  4321  4345 I llama   : eval time", "eval time"),
            ("11-22 13:00:01.123  4321  4345 I llama_print_timings: x", "llama_print_timings: x"),
            ("11-22 13:00:01.123 D/llama   ( 4321): eval time", "eval time"),
            ("I/llama-android.cpp( 4321): eval time", "eval time"),
            ("2025-11-22 13:00:01.123  4321-4345  llama-android.cpp       com.example.llama   I  eval time", "eval time"),
            ("2023-11-22 13:00:01.123 4321-4345/com.example.llama I/llama-android.cpp: eval time", "eval time"),
            ("2026-07-26 03:32:12,606 [INFO] autoloader: [a-Q4_K_M.gguf] 2.05.502.029 I slot print_timing", "slot print_timing"),
            ("0|llama    | eval time", "eval time"),
            ("3|llama-server  | 2025-11-22T13:00:00: eval time", "eval time"),
            ("12:00:01 Averages: prompt_tps=1.0", "Averages: prompt_tps=1.0"),
            ("12:00:01 CtxLimit: 1754/8192, Process:1s", "CtxLimit: 1754/8192, Process:1s"),
            ("12:00:01 Generation: 256 tokens", "Generation: 256 tokens"),
            ("I/O: eval time", "I/O: eval time"),
            ("```Decode batch. #running-req: 1", "Decode batch. #running-req: 1"),
            ("```mlx_lm.benchmark -p 2048", "mlx_lm.benchmark -p 2048"),
            ("```shell", "```shell"),
        ];
        for (line, rest) in vectors {
            assert_eq!(&line[body(line)..], rest, "{line}");
        }
    }
}
