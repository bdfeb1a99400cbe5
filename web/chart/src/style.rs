//! Colours and strokes: one set of rules for pages, report files and pictures.
//!
//! Charts carry classes and no style, as the pages' content policy demands. A page serves [`stylesheet`] with its own;
//! a file that stands alone carries the rules inside, by [`standalone`].

/// For which ground a chart is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Follows the reader's preference, through custom properties and `prefers-color-scheme`.
    Auto,
    /// Dark ink on light paper, in plain values that every SVG renderer reads.
    Light,
    /// Light ink on dark paper, in plain values that every SVG renderer reads.
    Dark,
}

/// Name, value on light paper, value on dark paper. Text keeps 4.5:1 and marks 3:1 against the paper (tested below).
#[rustfmt::skip]
const PALETTE: &[(&str, &str, &str)] = &[
    ("paper",  "#ffffff", "#16191d"),
    ("ink",    "#1c2127", "#e6e9ed"),
    ("quiet",  "#59636e", "#9aa5b1"),
    ("grid",   "#e6e9ec", "#2a3037"),
    ("base",   "#aeb6bf", "#4d5761"),
    ("control","#7d8792", "#77828d"),
    ("runs",   "#0b7a5b", "#3fcf9f"),
    ("slow",   "#9a6200", "#e9b44c"),
    ("spill",  "#6b4fc8", "#a999f5"),
    ("over",   "#bf3330", "#ff8178"),
    ("0",      "#1f6fb8", "#62b1f2"),
    ("1",      "#b5590a", "#f0a04b"),
    ("2",      "#0b7a5b", "#3fcf9f"),
    ("3",      "#a8377f", "#ef8cc6"),
    ("4",      "#7a6a10", "#d3c24a"),
    ("5",      "#5b6573", "#a3aebb"),
];

const RULES: &str = "\
.chart{font:12px/14px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',Arial,sans-serif;fill:var(--chart-ink);\
font-variant-numeric:tabular-nums}
.chart .mid{text-anchor:middle}
.chart .end{text-anchor:end}
.chart .tick,.chart .unit{fill:var(--chart-quiet)}
.chart .unit{font-weight:500}
.chart .name{fill:var(--chart-ink);font-weight:500}
.chart .halo{fill:none;stroke:var(--chart-paper);stroke-width:4;stroke-linejoin:round}
.chart .grid{stroke:var(--chart-grid);stroke-width:1}
.chart .base{stroke:var(--chart-base);stroke-width:1}
.chart .rule{stroke:var(--chart-quiet);stroke-width:1.25;stroke-dasharray:5 4}
.chart .paper{fill:var(--chart-paper)}
.chart .track{fill:var(--chart-grid)}
.chart .runs{fill:var(--chart-runs);stroke:var(--chart-runs)}
.chart .slow{fill:var(--chart-slow);stroke:var(--chart-slow)}
.chart .spill{fill:var(--chart-spill);stroke:var(--chart-spill)}
.chart .over{fill:var(--chart-over);stroke:var(--chart-over)}
.chart .c0{fill:var(--chart-0);stroke:var(--chart-0)}
.chart .c1{fill:var(--chart-1);stroke:var(--chart-1)}
.chart .c2{fill:var(--chart-2);stroke:var(--chart-2)}
.chart .c3{fill:var(--chart-3);stroke:var(--chart-3)}
.chart .c4{fill:var(--chart-4);stroke:var(--chart-4)}
.chart .c5{fill:var(--chart-5);stroke:var(--chart-5)}
.chart .dot{stroke-width:0}
.chart .thin{fill-opacity:.62;stroke-width:0}
.chart .span{stroke-width:0;fill-opacity:.38}
.chart .block{stroke-width:0}
.chart .part{stroke-width:0}
.chart .range{stroke-width:2;stroke-opacity:.42;stroke-linecap:round}
.chart .curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.chart .band{stroke:none;fill-opacity:.17}
.chart .open{fill:none;stroke-width:1.8;stroke-linecap:round;fill-opacity:1}
.chart .thin.open{stroke-opacity:.7;stroke-width:1.5}
.chart .shade{fill:var(--chart-quiet);fill-opacity:.1}
.chart .limit{stroke-width:2}
.chart .dash1{stroke-dasharray:7 4}
.chart .dash2{stroke-dasharray:2 4}
.chart .dash3{stroke-dasharray:9 3 2 3}
.chart .edge{fill:none;stroke:var(--chart-ink);stroke-width:1.5}
";

/// The rules that charts are drawn by; served with a page, or carried inside a file by [`standalone`].
pub fn stylesheet(theme: Theme) -> String {
    let set = |column: fn(&(&'static str, &'static str, &'static str)) -> &'static str| -> String {
        PALETTE.iter().map(|row| format!("--chart-{}:{};", row.0, column(row))).collect()
    };
    match theme {
        Theme::Auto => format!(
            ":root{{{}}}\n@media (prefers-color-scheme:dark){{:root{{{}}}}}\n{RULES}",
            set(|row| row.1),
            set(|row| row.2)
        ),
        Theme::Light | Theme::Dark => PALETTE.iter().fold(RULES.to_owned(), |rules, (name, light, dark)| {
            rules.replace(&format!("var(--chart-{name})"), if theme == Theme::Dark { dark } else { light })
        }),
    }
}

/// A chart as a file of its own: its rules inside, its paper painted.
///
/// `svg` is the text of one chart of this crate; anything else comes back unchanged.
pub fn standalone(svg: &str, theme: Theme) -> String {
    let Some((head, rest)) = svg.strip_prefix("<svg").and_then(|rest| rest.split_once('>')) else {
        return svg.to_owned();
    };
    // Names come first: readers of the file meet `<title>` before the paint.
    let (names, drawing) = match rest.split_once("</desc>") {
        Some((names, drawing)) => (format!("{names}</desc>"), drawing),
        None => (String::new(), rest),
    };
    let rules = stylesheet(theme);
    format!(
        "<svg{head}>{names}<style>{rules}</style><rect class=\"paper\" width=\"100%\" height=\"100%\"/>{drawing}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of `#rrggbb`, by WCAG 2.
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let share = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (a, b) = (luminance(one), luminance(other));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_colour_can_be_told_from_its_paper() {
        let (_, light_paper, dark_paper) = PALETTE[0];
        for (name, light, dark) in PALETTE {
            let least = match *name {
                "paper" | "grid" | "base" => continue,
                "ink" | "quiet" => 4.5,
                _ => 3.0,
            };
            assert!(
                contrast(light, light_paper) >= least,
                "{name} on light: {}",
                contrast(light, light_paper)
            );
            assert!(contrast(dark, dark_paper) >= least, "{name} on dark: {}", contrast(dark, dark_paper));
        }
    }

    #[test]
    fn plain_themes_leave_no_custom_property_behind() {
        for theme in [Theme::Light, Theme::Dark] {
            assert!(!stylesheet(theme).contains("var("), "{theme:?}");
        }
        assert_ne!(stylesheet(Theme::Light), stylesheet(Theme::Dark));
    }

    #[test]
    fn every_custom_property_in_the_rules_is_in_the_palette() {
        for used in RULES.split("var(--chart-").skip(1) {
            let name = used.split(')').next().unwrap();
            assert!(PALETTE.iter().any(|row| row.0 == name), "{name}");
        }
    }

    #[test]
    fn a_file_of_its_own_carries_its_rules_after_its_names() {
        let file = standalone("<svg class=\"chart\"><title>t</title><desc>d</desc><g/></svg>", Theme::Light);
        let at = |needle: &str| file.find(needle).unwrap();
        assert!(at("</desc>") < at("<style>") && at("</style>") < at("<g/>"), "{file}");
        assert_eq!(standalone("no chart", Theme::Auto), "no chart");
    }
}
