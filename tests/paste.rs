//! What people paste, and what we read out of it.
//!
//! `paste/` holds outputs as they were printed (`real`), changed as texts get changed on their way (`derived`), and
//! written to deceive (`synthetic`). `paste/expected.tsv` says of each what has to come out, and where it is from.

#[path = "paste/adversarial.rs"]
mod adversarial;
#[path = "paste/clothes.rs"]
mod clothes;
#[path = "paste/formats.rs"]
mod formats;
#[path = "paste/kept.rs"]
mod kept;
#[path = "paste/laws.rs"]
mod laws;
#[path = "paste/more.rs"]
mod more;
#[path = "paste/names.rs"]
mod names;
#[path = "paste/printers.rs"]
mod printers;
#[path = "paste/samples.rs"]
mod samples;
#[path = "paste/worst.rs"]
mod worst;
