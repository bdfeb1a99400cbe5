//! SVG charts from plain numbers, readable in light and dark.
//!
//! Every function takes numbers and words and gives the text of one `<svg>` element. It carries classes and no style,
//! so that a page under a strict content policy can hold it; [`stylesheet`] is what the page serves beside it, and
//! [`standalone`] makes a file of its own. The same input gives the same bytes, natively and in the browser.
//!
//! A chart holds no sentence of its own: titles, axis words and names are handed in, so a second language is data.
//! Verdicts and groups differ in shape as well as in colour. Numbers that have no place (not finite, or not above zero
//! on a logarithmic axis) are left out, and a chart with nothing to draw says so in its caption's words.
//!
//! ```
//! use chart::{Caption, Point, Range, Series, Size, Theme};
//!
//! let points: Vec<Point> = [(1024.0, 142.0), (8192.0, 128.0), (65_536.0, 74.0)]
//!     .map(|(x, tps)| Point { x, y: Range { low: 0.9 * tps, mid: tps, high: 1.1 * tps } })
//!     .into();
//! let svg = chart::speed_over_context(
//!     Caption { id: "ctx", title: "Speed against context", description: "Slower as it grows.", empty: "No data." },
//!     Size::PLOT,
//!     ("context, tokens", "decode, tokens per second"),
//!     &[Series { name: "8B", points: &points, measured: false }],
//!     Some((32_768.0, "longest that fits")),
//! );
//! assert!(svg.starts_with("<svg") && svg.contains(">64k</text>"));
//! let file = chart::standalone(&svg, Theme::Light); // ready for fs::write("speed.svg", file)
//! assert!(file.contains("<style>"));
//! ```

mod capability;
mod frame;
mod label;
mod line;
mod memory;
mod range;
mod residual;
mod scale;
mod scatter;
mod strip;
mod style;
mod svg;
mod trend;

pub use capability::{CapabilityChart, ModelSpeed, Verdict, speed_over_capability, verdict_mark};
pub use line::{LineChart, Point, Series, line, speed_over_context};
pub use memory::{Part, memory_bar, swatch};
pub use range::{Range, range_bar};
pub use residual::{FactorRow, residual};
pub use scale::{Axis, Format, Spread};
pub use scatter::{Group, Pair, ScatterChart, scatter};
pub use strip::{Dot, Stretch, Strip, StripChart, strips};
pub use style::{Theme, standalone, stylesheet};
pub use svg::{Caption, Size};
pub use trend::{Step, TrendChart, Way, trend};
