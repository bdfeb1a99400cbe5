//! The questions asked the other way round: what would fit, what would it take.

use crate::constants::Constants;
use crate::estimate::estimate;
use crate::placement::{Placement, Room};
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

/// The bandwidth in GB/s that each device would need to answer at `decode_tps` a stream.
///
/// `None` when fixed costs, arithmetic or RAM alone take too long at any bandwidth, or the model does not run.
#[must_use]
pub fn bandwidth_for(setup: &Setup, constants: &Constants, decode_tps: f64) -> Option<f64> {
    let speed_at = |factor: f64| {
        let mut faster = *setup;
        for device in faster.machine.devices_mut() {
            device.bandwidth_gb_s *= factor;
        }
        let answer = estimate(&faster, constants);
        answer.speeds.filter(|_| answer.placement != Placement::TooBig).map(|s| s.decode_tps.mid)
    };
    let (mut low, mut high) = (1.0 / LIMIT, LIMIT);
    if speed_at(high)? < decode_tps {
        return None;
    }
    // Speed never falls with bandwidth: halve the interval until both ends agree to six digits.
    for _ in 0..64 {
        let middle = libm::sqrt(low * high);
        if speed_at(middle)? < decode_tps {
            low = middle;
        } else {
            high = middle;
        }
        if high / low < 1.0 + 1e-6 {
            break;
        }
    }
    let widest = setup.machine.devices().iter().map(|d| d.bandwidth_gb_s).fold(0.0, f64::max);
    Some(widest * high)
}

/// How far from its own bandwidth a machine is imagined, at most.
const LIMIT: f64 = 1e4;
