//! From the published parameters to a machine and a job.

mod filters;
mod job;
mod named;
mod params;
mod power;
mod rig;
mod split;

pub use filters::{FITS, Filters, Fits, SORTS, Sort};
pub use job::{CACHE_TYPES, Job, cache_type, cache_type_name};
pub(crate) use params::clip;
pub use params::{FILTERS, FieldError, PARAMETERS, Params, is_filter, is_parameter};
pub use rig::{CLASSES, Rig, RigDevice};
pub(crate) use split::is_even;

/// Takes the value, or notes the error and goes on with `None`, so that all errors are told at once.
fn noted<T>(errors: &mut Vec<FieldError>, read: Result<Option<T>, FieldError>) -> Option<T> {
    read.unwrap_or_else(|error| {
        errors.push(error);
        None
    })
}
