use serde::{Deserialize, Serialize};

/// `data/plausibility.toml`: how far a report may be from what is expected of it before it is doubted. Factors have no unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlausibilityRow {
    /// Standard deviation of the logarithm of a speed between reports of one cell.
    pub scatter: f64,
    /// How many reports that figure is worth against the cell's own scatter.
    pub scatter_reports: f64,
    /// Standard deviations from what is expected beyond which a report is flagged.
    pub limit: f64,
    /// Standard deviations from the estimate beyond which the only other report may be the odd one.
    pub odd_deviations: f64,
    /// Share of the roofline above which a report is held: makers round their figures.
    pub roofline_slack: f64,
    /// Factor within which two reports say the same, however little their cell scatters.
    pub same: f64,
    /// How much more than the limit two reports of one submitter may be apart.
    pub own_slack: f64,
    /// Ratio of a file's weights to its model's beyond which it is another model.
    pub params_agree: f64,
    /// The same of a file's bytes to what model and quantisation make.
    pub bytes_agree: f64,
    /// Bits a weight that embedding and head may be kept at.
    pub table_bits: f64,
    /// Submitters from which a file is known to be a model.
    pub known_from: u32,
    /// How far memory and arithmetic may lie above what the catalogue says.
    pub machine_slack: f64,
    /// Sockets of one server at most.
    pub most_sockets: u32,
    /// Smallest memory of a graphics processor that may have run a part of a model, GiB.
    pub part_gib: f64,
    /// How far apart two figures that tell nearly the same may lie.
    pub nearly: f64,
    /// How many times faster than together streams may be each by itself.
    pub at_times: f64,
    /// How far the rate and the middle gap between tokens may lie apart.
    pub rate_agrees: f64,
    /// Share by which a figure that is computed from raw timings may differ from the one that was sent.
    pub evidence_agrees: f64,
    /// The same of a time to the first token, milliseconds, where that is more.
    pub evidence_agrees_ms: f64,
}
