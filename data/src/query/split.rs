//! How several devices share a model.

use alloc::string::ToString;

use estimator::{Device, MAX_DEVICES, Split};

use super::params::{FieldError, Params};
use super::rig::Rig;
use crate::messages::WORDS;
use crate::number;

/// `layers`, `tensor`, or shares such as `2:1`.
pub(super) fn split(params: &Params, count: usize, errors: &mut Vec<FieldError>) -> Split {
    let Some(text) = params.get("split") else { return Split::LayersByMemory };
    if text.eq_ignore_ascii_case("layers") {
        return Split::LayersByMemory;
    }
    if text.eq_ignore_ascii_case("tensor") {
        return Split::Tensor;
    }
    let mut shares = [0.0; MAX_DEVICES];
    let mut given = 0;
    for (index, part) in text.split([':', '/']).enumerate() {
        let number = number::read(part.trim()).filter(|n| *n >= 0.0 && *n <= 1e6);
        match (shares.get_mut(index), number) {
            (Some(share), Some(number)) => *share = number,
            _ => {
                given = usize::MAX;
                break;
            }
        }
        given = index + 1;
    }
    if given != count || shares.iter().sum::<f64>() <= 0.0 {
        errors.push(FieldError::new("split", WORDS.query.split(&count.to_string())));
        return Split::LayersByMemory;
    }
    Split::LayersByShare(shares)
}

/// Whether it has two, four or eight devices alike in memory and bandwidth, as matrices are shared out.
pub(crate) fn is_even(rig: &Rig<'_>) -> bool {
    let of = |device: &Device| (device.memory_gib, device.bandwidth_gb_s);
    let first = of(&rig.first().device);
    matches!(rig.devices.len(), 2 | 4 | 8) && rig.devices.iter().all(|other| of(&other.device) == first)
}
