//! The model that the page about any model holds: a file of this machine, one elsewhere, or a repository.

use std::cell::RefCell;

use data::Catalog;
use data::gguf::Part;
use data::subject::Subject;
use estimator::units::GIB;
use page::gather::Reading;
use page::view::{FileFormat, FileLine, FileNote, FileProblem};
use web_sys::File;

use crate::hub::{Place, Repo};
use crate::listing::{GgufModel, Listing};
use crate::open::{self, OpenedModel};
use crate::source::Source;

/// A listing of thousands of files is smaller; what is larger is something else.
const MOST_LISTING_BYTES: u64 = 20 << 20;
/// The same for a `config.json`, of a few kilobytes.
const MOST_CONFIG_BYTES: u64 = 1 << 20;

/// What is held, and for which address; a file of this machine has none.
#[derive(Default)]
struct Held {
    address: String,
    reading: Reading,
}

thread_local! {
    static HELD: RefCell<Held> = RefCell::default();
}

/// Looks at what is held.
pub fn with<T>(look: impl FnOnce(&Reading) -> T) -> T {
    HELD.with_borrow(|held| look(&held.reading))
}

fn hold(address: &str, reading: Reading) {
    HELD.set(Held { address: address.to_owned(), reading });
}

/// Opens the files of one model on this machine, in whatever order they were given.
pub async fn files(mut files: Vec<File>, catalog: &Catalog) {
    hold("", Reading::Busy);
    files.sort_unstable_by_key(File::name);
    let ends_in = |file: &File, ending: &str| file.name().to_ascii_lowercase().ends_with(ending);
    let reading = if files.iter().any(|file| ends_in(file, ".safetensors")) {
        let config = files.iter().position(|file| file.name() == "config.json").map(|at| files.remove(at));
        files.retain(|file| ends_in(file, ".safetensors"));
        let name = files[0].name();
        let shards: Vec<Source> = files.into_iter().map(Source::Local).collect();
        match config {
            Some(config) => sharded(&name, &Source::Local(config), &shards, catalog).await,
            None => Reading::Failed(FileProblem::ShardsAlone),
        }
    } else {
        let sources: Vec<Source> = files.into_iter().map(Source::Local).collect();
        model(&sources, catalog).await
    };
    hold("", reading);
}

/// Opens what the address points at, unless it is held already. Whether anything changed.
pub async fn address(address: &str, catalog: &Catalog) -> bool {
    let address = address.trim();
    let is_held = HELD.with_borrow(|held| held.address == address);
    // Without an address, a file that was dropped stays; a model from elsewhere goes with its address.
    if is_held {
        return false;
    }
    if address.is_empty() {
        hold("", Reading::Nothing);
        return true;
    }
    hold(address, Reading::Busy);
    let reading = match Place::read(address) {
        Ok(Place::File { url }) => match parts_of(&url) {
            Ok(urls) => model(&urls.into_iter().map(Source::Remote).collect::<Vec<_>>(), catalog).await,
            Err(why) => Reading::Failed(why),
        },
        Ok(Place::Repo(place)) => repo(&place, catalog).await.unwrap_or_else(Reading::Failed),
        Err(why) => Reading::Failed(why),
    };
    // An answer that comes after its question was withdrawn is dropped.
    if HELD.with_borrow(|held| held.address == address) {
        hold(address, reading);
    }
    true
}

/// Addresses of all parts of a split model, from that of any one.
fn parts_of(url: &str) -> Result<Vec<String>, FileProblem> {
    let (path, query) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    let Some(part) = Part::of(path) else { return Ok(vec![url.to_owned()]) };
    if part.count > MOST_PARTS {
        return Err(FileProblem::TooManyParts(part.count));
    }
    let ending = path.rsplit('.').next().unwrap_or("gguf");
    Ok((1..=part.count)
        .map(|n| format!("{}-{n:05}-of-{:05}.{ending}{query}", part.stem, part.count))
        .collect())
}

/// No model comes in more files.
const MOST_PARTS: u32 = 500;

/// Reads the model in these files, for the page.
async fn model(sources: &[Source], catalog: &Catalog) -> Reading {
    let name = sources.first().map(Source::name).unwrap_or_default();
    let opened = match open::model(sources).await {
        Ok(opened) => opened,
        Err(error) => return Reading::Failed(error),
    };
    reading(&name, &opened, FileFormat::Gguf, catalog)
}

/// Reads the model in these shards, for the page.
async fn sharded(name: &str, config: &Source, shards: &[Source], catalog: &Catalog) -> Reading {
    let config = match config.text(MOST_CONFIG_BYTES).await {
        Ok(config) => config,
        Err(error) => return Reading::Failed(error),
    };
    match open::sharded(&config, shards).await {
        Ok(opened) => reading(name, &opened, FileFormat::Safetensors, catalog),
        Err(error) => Reading::Failed(error),
    }
}

fn reading(name: &str, opened: &OpenedModel, format: FileFormat, catalog: &Catalog) -> Reading {
    match Subject::of_file(&opened.shape, name, catalog) {
        Ok(subject) => Reading::Model { note: note(name, opened, format), subject: Box::new(subject) },
        Err(error) => Reading::Failed(FileProblem::Unreadable(error.to_string())),
    }
}

fn note(name: &str, opened: &OpenedModel, format: FileFormat) -> FileNote {
    FileNote {
        name: name.to_owned(),
        format,
        size_gib: opened.bytes as f64 / GIB,
        bits_per_weight: opened.shape.quant.bits_per_weight,
        tensors: u32::try_from(opened.tensors).unwrap_or(u32::MAX),
    }
}

/// Lists a repository. One header, of its smallest complete model, says what all of them are; the others differ in the
/// size of their weights, which the listing has.
async fn repo(place: &Repo, catalog: &Catalog) -> Result<Reading, FileProblem> {
    let text = Source::Remote(place.listing_url()).text(MOST_LISTING_BYTES).await?;
    let listing = match Listing::read(&text) {
        Ok(listing) => listing,
        Err(error) => return Ok(Reading::Failed(FileProblem::Unreadable(error.to_string()))),
    };
    if listing.ggufs.is_empty() {
        let remote = |path: &String| Source::Remote(place.file_url(path));
        let shards: Vec<Source> = listing.safetensors.iter().map(remote).collect();
        return Ok(match (shards.is_empty(), listing.has_config) {
            (false, true) => sharded(&place.name, &remote(&"config.json".to_owned()), &shards, catalog).await,
            (false, false) => Reading::Failed(FileProblem::NoConfig(place.name.clone())),
            (true, _) => Reading::Failed(FileProblem::NoModel(place.name.clone())),
        });
    }
    let complete = |model: &&GgufModel| model.paths.len() == model.parts as usize;
    let smallest = listing.ggufs.iter().filter(complete).min_by_key(|model| model.bytes);
    let known = match smallest {
        Some(model) => {
            let sources: Vec<Source> =
                model.paths.iter().map(|path| Source::Remote(place.file_url(path))).collect();
            let opened = open::model(&sources).await?;
            Subject::of_file(&opened.shape, &model.name, catalog).ok().map(|subject| (opened, subject))
        }
        None => None,
    };
    let models = listing.ggufs.iter().map(|model| line(place, model, known.as_ref(), catalog)).collect();
    Ok(Reading::Repo { name: place.name.clone(), models })
}

/// One model of a repository, estimated from its size and the shape they share.
fn line(
    place: &Repo,
    model: &GgufModel,
    known: Option<&(OpenedModel, Subject)>,
    catalog: &Catalog,
) -> (FileLine, Option<Subject>) {
    let bytes = model.bytes.unwrap_or_default() as f64;
    let subject = known.filter(|_| model.bytes.is_some()).map(|(opened, subject)| {
        // Headers hold the same keys and vocabulary, so they are of one length.
        let header_bytes = opened.bytes as f64 - subject.weights.total_bytes();
        let quant = catalog.quant(quant_in(&model.name)).ok();
        subject.resized(&model.name, (bytes - header_bytes).max(1.0), quant)
    });
    let line = FileLine {
        name: model.name.clone(),
        size_gib: bytes / GIB,
        parts: model.parts,
        address: model.paths.first().map(|path| place.file_url(path)).unwrap_or_default(),
        outcome: None,
    };
    (line, subject)
}

/// The quantisation in a model's name: what follows the last hyphen or dot, `Qwen3-8B-Q4_K_M` or `model.Q4_K_M`.
fn quant_in(name: &str) -> &str {
    name.rsplit(['-', '.', '/']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_leads_to_all() {
        let url = "https://h.co/a/b/resolve/main/x-00002-of-00003.gguf?download=true";
        let parts = parts_of(url).expect("three parts are few");
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[0], "https://h.co/a/b/resolve/main/x-00001-of-00003.gguf?download=true");
        assert_eq!(parts_of("https://h.co/x.gguf"), Ok(vec!["https://h.co/x.gguf".to_owned()]));
        assert!(parts_of("https://h.co/x-00001-of-90000.gguf").is_err());
    }

    #[test]
    fn the_quantisation_stands_last_in_a_name() {
        assert_eq!(quant_in("Q8_0/Qwen3-8B-Q8_0"), "Q8_0");
        assert_eq!(quant_in("model.Q4_K_M"), "Q4_K_M");
    }
}
