use alloc::collections::BTreeMap;
use alloc::string::String;

use serde::{Deserialize, Serialize};

/// `data/peers.toml`: errors of others' estimates on the held-out cells that ours are scored on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerRows {
    /// Day on which they were asked.
    pub date: String,
    /// Digest of the measurements that the cells are of, as [`Provenance`](crate::constants::Provenance) has it.
    pub input: String,
    /// By name and version, then by the name of a [`Score`](crate::constants::Score): median and 90th percentile of
    /// |predicted / measured - 1|, as a share.
    pub peers: BTreeMap<String, BTreeMap<String, [f64; 2]>>,
}
