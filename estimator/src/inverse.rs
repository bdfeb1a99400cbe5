//! The questions asked the other way round: what would fit, what would it take.

use crate::constants::Constants;
use crate::placement::Room;
use crate::setup::Setup;

/// Whether the setup lies whole on its devices.
fn whole(setup: &Setup, constants: &Constants) -> bool {
    Room::of(setup, constants).fits_whole()
}

/// The largest `n` in `1..=most` for which `holds`, given that it holds for all smaller ones.
fn largest(most: u32, holds: &mut dyn FnMut(u32) -> bool) -> Option<u32> {
    if most == 0 || !holds(1) {
        return None;
    }
    if holds(most) {
        return Some(most);
    }
    let (mut good, mut bad) = (1, most);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if holds(middle) { good = middle } else { bad = middle }
    }
    Some(good)
}

/// The longest context, up to the model's own, with which it lies whole on the devices; `None` when none does.
#[must_use]
pub fn longest_context(setup: &Setup, constants: &Constants) -> Option<u32> {
    let mut longer = *setup;
    largest(setup.model.native_context, &mut |tokens| {
        longer.workload.context_tokens = tokens;
        longer.workload.prompt_tokens = tokens;
        whole(&longer, constants)
    })
}

/// The most streams, up to `most`, with which it lies whole on the devices; `None` when not even one does.
#[must_use]
pub fn most_streams(setup: &Setup, constants: &Constants, most: u32) -> Option<u32> {
    let mut wider = *setup;
    largest(most, &mut |streams| {
        wider.workload.streams = streams;
        whole(&wider, constants)
    })
}

/// What bandwidth can do for a speed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Needed {
    /// This much on the device that has most of it, in GB/s, and on others in proportion.
    Bandwidth(f64),
    /// None is enough: fixed costs, arithmetic or RAM alone let it answer at this many tokens a second at most.
    Never(f64),
}

/// The bandwidth in GB/s with which a device of `bandwidth_gb_s` would answer at `decode_tps` a stream.
///
/// `speed_at` says how fast it is at so many times its bandwidth. That is the caller's to say, since constants depend on the
/// bandwidth too: a processor's arithmetic stays where it was when its memory gets faster. `None` when it does not run.
#[must_use]
pub fn bandwidth_for(
    bandwidth_gb_s: f64,
    decode_tps: f64,
    speed_at: &mut dyn FnMut(f64) -> Option<f64>,
) -> Option<Needed> {
    let (mut low, mut high) = (1.0 / LIMIT, LIMIT);
    let most = speed_at(high)?;
    if most < decode_tps {
        return Some(Needed::Never(most));
    }
    // Speed never falls with bandwidth: halve the interval until both ends agree to six digits.
    while high / low > 1.0 + 1e-6 {
        let middle = libm::sqrt(low * high);
        if speed_at(middle)? < decode_tps {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(Needed::Bandwidth(bandwidth_gb_s * high))
}

/// How far from its own bandwidth a machine is imagined, at most.
const LIMIT: f64 = 1e4;
