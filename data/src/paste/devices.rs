//! The devices that llama.cpp found, and those that it used.
//!
//! ```text
//! ggml_cuda_init: found 2 CUDA devices:
//!   Device 0: NVIDIA GeForce RTX 3090, compute capability 8.6, VMM: yes
//!   Device 0: AMD Instinct MI100, gfx908:sramecc+:xnack- (0x908), VMM: no, Wave Size: 64
//! ggml_vulkan: 0 = AMD Radeon RX 7900 XTX (RADV NAVI31) (radv) | uma: 0 | fp16: 1
//! ggml_metal_init: GPU name:   Apple M4 Max
//! llama_model_load_from_file_impl: using device CUDA0 (NVIDIA GeForce RTX 3090) - 23307 MiB free
//! ```
//!
//! One device is the run's. Of several nothing says what each did, so the person is asked.

use alloc::{format, string::String, vec::Vec};

use super::{
    found::Name,
    number::Cursor,
    page::{Line, Page},
};

/// More are not looked at: no machine has them.
const MOST: usize = 16;

/// Who found a device.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// CUDA, and what is built of the same code: HIP and MUSA.
    Cuda,
    Vulkan,
    Metal,
    /// It was used, whoever found it.
    Used,
}

/// One line.
#[derive(Clone)]
pub(super) struct Device {
    source: Source,
    /// Its number, or how many there are.
    number: u64,
    backend: Option<Name>,
    /// Nothing on the line that says how many there are.
    name: Option<Name>,
    /// The line as it is kept, up to what follows the name.
    kept: String,
}

/// The devices of one start of the program.
#[derive(Clone, Default)]
pub(super) struct Devices {
    lines: Vec<Device>,
}

impl Devices {
    /// Adds a line. A program that starts again counts from the first one again.
    pub fn add(&mut self, device: Device) {
        let same = |other: &Device| other.source == device.source;
        let label = |device: &Device| (device.number, device.backend.as_ref().map(|name| name.text.clone()));
        // What is found is told before what is used.
        if device.source != Source::Used && self.lines.iter().any(|other| other.source == Source::Used) {
            self.lines.clear();
        }
        let again = device.name.is_none()
            || self
                .lines
                .iter()
                .any(|other| same(other) && other.name.is_some() && label(other) == label(&device));
        if again {
            self.lines.retain(|other| !same(other));
        }
        if self.lines.len() < MOST {
            self.lines.push(device);
        }
    }

    /// The lines that tell what was used: what was found says it where nothing else does.
    fn used(&self) -> impl Iterator<Item = &Device> {
        let any = self.lines.iter().any(|device| device.source == Source::Used);
        self.lines.iter().filter(move |device| !any || device.source == Source::Used)
    }

    /// The device, if it is the only one.
    pub fn only(&self) -> Option<&Name> {
        let mut named = self.used().filter(|device| device.name.is_some());
        let (only, more) = (named.next()?, named.next());
        // A number that is not the first, or a count, tells of others.
        let counts = self.used().filter(|device| device.source != Source::Used);
        let others =
            counts.map(|device| device.number + u64::from(device.name.is_some())).any(|count| count > 1);
        only.name.as_ref().filter(|_| more.is_none() && !others)
    }

    /// What they are computed with, if it is the same for all.
    pub fn backend(&self) -> Option<&Name> {
        let mut backends = self.used().filter_map(|device| device.backend.as_ref());
        let first = backends.next().filter(|_| self.are_kept())?;
        backends.all(|other| other.text == first.text).then_some(first)
    }

    /// Whether a table whose backends are these may be of them: of these alone, on this machine.
    pub fn fit(&self, backends: &str) -> bool {
        let mut graphics = backends.split(',').filter(|backend| !matches!(*backend, "BLAS" | "CPU"));
        let (Some(one), None) = (graphics.next(), graphics.next()) else { return false };
        let are = |device: &Device| match device.source {
            Source::Cuda => matches!(one, "CUDA" | "ROCm" | "HIP" | "MUSA"),
            Source::Vulkan => one == "Vulkan",
            Source::Metal => matches!(one, "Metal" | "MTL"),
            Source::Used => device.backend.as_ref().is_some_and(|backend| backend.text == one),
        };
        !self.lines.is_empty() && self.used().all(are)
    }

    /// Whether all lines can be kept: without one of them the others would tell something else.
    fn are_kept(&self) -> bool {
        self.used().all(|device| !device.kept.is_empty())
    }

    /// The lines that are kept.
    pub fn kept(&self) -> String {
        if !self.are_kept() {
            return String::new();
        }
        let lines = self.used().map(|device| device.kept.as_str());
        lines.flat_map(|line| [line, "\n"]).collect()
    }
}

/// The device that a line tells of.
pub(super) fn device(page: &Page<'_>, line: &Line) -> Option<Device> {
    let body = page.body(line);
    if body.starts_with("Device ") {
        return numbered(page, Cursor::new(page.text(), line.body..line.end), Source::Cuda);
    }
    let (source, rest) = body.split_once(": ")?;
    if !source.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
        return None;
    }
    let at = line.end - rest.len();
    if source.starts_with("llama_model_load") || source.starts_with("llama_prepare_model") {
        return used(page, line, line.end - rest.strip_prefix("using device ")?.len());
    }
    let of = match source {
        "ggml_vulkan" => Source::Vulkan,
        "ggml_cuda_init" => Source::Cuda,
        "ggml_metal_init" | "ggml_metal_device_init" => {
            let label = ["GPU name:", "found device:", "picking default device:"];
            let name = label.iter().find_map(|label| rest.strip_prefix(*label))?;
            let name = Name::new(page, line.end - name.len()..line.end);
            // Its number again.
            let is_named = !name.text.is_empty() && !name.text.starts_with("MTL");
            let kept = name.safe().map(|name| format!("{source}: GPU name: {name}")).unwrap_or_default();
            return is_named.then_some(Device {
                source: Source::Metal,
                number: 0,
                backend: None,
                name: Some(name),
                kept,
            });
        }
        _ => return None,
    };
    let mut cursor = Cursor::new(page.text(), at..line.end);
    if let Some(found) = ["found", "Found"].into_iter().find(|found| cursor.eat(found)) {
        let number = cursor.number().filter(super::number::Number::is_count)?.value as u64;
        cursor.spaces();
        let from = cursor.at;
        let backend = Name::new(page, from..from + cursor.word().len());
        cursor.need(" devices")?;
        let name = backend.safe()?;
        let kept = format!("{source}: {found} {number} {name} devices:");
        return Some(Device { source: of, number, backend: Some(backend), name: None, kept });
    }
    numbered(page, cursor, of)
}

/// `Device 0: name, compute capability 8.6`, `0 = name (driver) | uma: 1`
fn numbered(page: &Page<'_>, mut cursor: Cursor<'_>, source: Source) -> Option<Device> {
    let of_cuda = cursor.eat("Device ");
    let number = cursor.number().filter(super::number::Number::is_count)?.value as u64;
    cursor.need(if of_cuda { ":" } else { " =" })?;
    cursor.spaces();
    let rest = cursor.rest();
    let ends: &[&str] = if of_cuda { &[", compute capability", ", gfx"] } else { &[" (", " |"] };
    let end = ends.iter().filter_map(|end| rest.find(end)).min();
    let end = if of_cuda { end? } else { end.unwrap_or(rest.len()) };
    let name = Name::new(page, cursor.at..cursor.at + end);
    let text = name.safe();
    let kept = if of_cuda {
        let what = rest[end..].split(',').nth(1).unwrap_or_default().trim();
        let what = super::found::safe(what).unwrap_or("compute capability");
        text.map(|text| format!("Device {number}: {text}, {what}"))
    } else {
        text.map(|text| format!("ggml_vulkan: {number} = {text} |"))
    };
    (of_cuda == (source == Source::Cuda)).then_some(Device {
        source,
        number,
        backend: None,
        name: Some(name),
        kept: kept.unwrap_or_default(),
    })
}

/// `CUDA0 (name) - 23307 MiB free`
fn used(page: &Page<'_>, line: &Line, at: usize) -> Option<Device> {
    let rest = page.text().get(at..line.end)?;
    let (label, after) = rest.split_once(" (")?;
    let backend = label.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_label =
        !backend.is_empty() && backend.len() <= 12 && backend.bytes().all(|b| b.is_ascii_alphabetic());
    let mut depth = 1;
    let close = after.bytes().position(|byte| {
        depth += i32::from(byte == b'(') - i32::from(byte == b')');
        depth == 0
    })?;
    let from = line.end - after.len();
    let name = Name::new(page, from..from + close);
    let number = label[backend.len()..].parse().unwrap_or(0);
    // A device of another machine has its address for a label.
    let kept = page.text().get(line.body..from + close + 1).filter(|_| is_label && name.safe().is_some());
    Some(Device {
        source: Source::Used,
        number,
        backend: is_label.then(|| Name::new(page, at..at + backend.len())),
        name: Some(name),
        kept: kept.unwrap_or_default().into(),
    })
}
