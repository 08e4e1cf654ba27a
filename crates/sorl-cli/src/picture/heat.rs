//! A heat map of region pairs: publishers' regions as rows, receivers' as columns.
//!
//! The invariant: what a cell means stands in it as text; shade, sign and colour only help to find it.

use std::time::Duration;

use super::screen::Screen;
use super::svg::{Anchor, Svg};

/// Signs of the shades, where there is no colour.
const SIGNS: [&str; SHADES] = [" ", "░", "▒", "▓", "█"];
/// Backgrounds and letters of the shades in a terminal of 256 colours, from the faintest blue to the strongest.
const COLOURS: [(u8, u8); SHADES] = [(254, 16), (153, 16), (110, 16), (67, 231), (24, 231)];
const PAST: (u8, u8) = (160, 231);
const MISSING: (u8, u8) = (231, 160);
const SHADES: usize = 5;
/// What stands where rows and columns meet.
const CORNER: &str = "from \\ to";
/// Around and between the columns of the terminal.
const GAP: usize = 1;
/// Of a cell in an SVG.
const CELL: (f64, f64) = (128.0, 34.0);
const LABELS: f64 = 130.0;

/// How a cell stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heat {
    /// From 0, the shortest, to 4.
    Shade(usize),
    /// Longer than it may be.
    Past,
    /// Nothing came.
    Missing,
}

/// Which latency has which shade: logarithmic between two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    least: f64,
    most: f64,
}

impl Scale {
    /// From `least`, which is the faintest, to `most`, or ten times `least` if that is more: latencies that hardly
    /// differ are not to look as if they did.
    pub(crate) fn between(least: Duration, most: Duration) -> Self {
        let least = least.as_secs_f64().max(1e-4);
        Self { least, most: most.as_secs_f64().max(least * 10.0) }
    }

    /// Where a latency lies.
    pub(crate) fn shade(self, latency: Duration) -> Heat {
        let place = (latency.as_secs_f64().max(self.least) / self.least).ln() / (self.most / self.least).ln();
        let bounds = (1..SHADES).map(|shade| shade as f64 / SHADES as f64);
        Heat::Shade(bounds.filter(|bound| place >= *bound).count())
    }
}

/// A heat map.
#[derive(Debug, Clone)]
pub(crate) struct HeatMap {
    /// The regions, in the order of rows and columns.
    pub(crate) regions: Vec<String>,
    /// A row for each publisher's region, a cell for each receiver's.
    pub(crate) rows: Vec<Vec<(String, Heat)>>,
}

impl HeatMap {
    /// Lines that keep within the screen: columns that have no room go into a further block.
    pub(crate) fn lines(&self, screen: Screen) -> Vec<String> {
        let labels =
            self.regions.iter().map(|region| region.len()).max().unwrap_or_default().max(CORNER.len()) + 2;
        let cells = self.rows.iter().flatten().map(|(text, _)| text.chars().count());
        let cell = cells.chain(self.regions.iter().map(String::len)).max().unwrap_or_default() + 3;
        let fit = (screen.columns.saturating_sub(labels) / (cell + GAP)).max(1);
        let mut lines = Vec::new();
        for first in (0..self.regions.len()).step_by(fit) {
            if first > 0 {
                lines.push(String::new());
            }
            let head = self.regions.iter().skip(first).take(fit).map(|region| format!("{region:^cell$} "));
            lines.push(format!("{CORNER:labels$}{}", head.collect::<String>()).trim_end().to_owned());
            for (region, row) in self.regions.iter().zip(&self.rows) {
                let shown = row.iter().skip(first).take(fit);
                let shown: String =
                    shown.map(|(text, heat)| in_terminal(text, *heat, cell, screen.colour)).collect();
                lines.push(format!("{region:<labels$}{shown}").trim_end().to_owned());
            }
        }
        lines
    }

    /// How much room the SVG needs.
    pub(crate) fn size(&self) -> (f64, f64) {
        let regions = self.regions.len() as f64;
        (LABELS + CELL.0 * regions, CELL.1 * (regions + 1.0))
    }

    /// Draws it with its upper left corner at `(x, y)`.
    pub(crate) fn draw(&self, svg: &mut Svg, (x, y): (f64, f64)) {
        svg.text("faint", (x, y + 20.0), Anchor::Start, CORNER);
        for (nth, region) in self.regions.iter().enumerate() {
            let middle = x + LABELS + CELL.0 * (nth as f64 + 0.5);
            svg.text("", (middle, y + 20.0), Anchor::Middle, region);
        }
        for (nth, (region, row)) in self.regions.iter().zip(&self.rows).enumerate() {
            let top = y + CELL.1 * (nth as f64 + 1.0);
            svg.text("", (x, top + 21.0), Anchor::Start, region);
            for (at, ((text, heat), to)) in row.iter().zip(&self.regions).enumerate() {
                let left = x + LABELS + CELL.0 * at as f64;
                let class = class(*heat);
                let title = format!("from {region} to {to}: {text}");
                svg.rect(class, (left + 1.0, top + 1.0), (CELL.0 - 2.0, CELL.1 - 2.0), &title);
                let class = format!("figure on{}", class.trim_start_matches('s'));
                svg.text(&class, (left + CELL.0 / 2.0, top + 21.0), Anchor::Middle, text);
            }
        }
    }
}

const fn class(heat: Heat) -> &'static str {
    match heat {
        Heat::Shade(0) => "s0",
        Heat::Shade(1) => "s1",
        Heat::Shade(2) => "s2",
        Heat::Shade(3) => "s3",
        Heat::Shade(_) => "s4",
        Heat::Past => "past",
        Heat::Missing => "missing",
    }
}

/// A cell of this width with a sign before it, or in its colours.
fn in_terminal(text: &str, heat: Heat, width: usize, colour: bool) -> String {
    let (sign, (back, fore)) = match heat {
        Heat::Past => ("!", PAST),
        Heat::Missing => ("×", MISSING),
        Heat::Shade(shade) => {
            let shade = shade.min(SHADES - 1);
            let sign = if colour { " " } else { SIGNS.get(shade).copied().unwrap_or(" ") };
            (sign, COLOURS.get(shade).copied().unwrap_or(PAST))
        }
    };
    let inner = width.saturating_sub(2);
    let text = format!("{sign}{text:^inner$} ");
    if colour {
        format!("\u{1b}[48;5;{back}m\u{1b}[38;5;{fore}m{text}\u{1b}[0m ")
    } else {
        format!("{text} ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(regions: usize) -> HeatMap {
        let names = (0..regions).map(|n| format!("region-{n}")).collect();
        let cell = |from: usize, to: usize| match (from, to) {
            (0, 1) => ("missing".to_owned(), Heat::Missing),
            (1, 0) => ("2.5 s".to_owned(), Heat::Past),
            _ => ("12 ms".to_owned(), Heat::Shade((from + to) % SHADES)),
        };
        let rows = (0..regions).map(|from| (0..regions).map(|to| cell(from, to)).collect()).collect();
        HeatMap { regions: names, rows }
    }

    #[test]
    fn shades_are_logarithmic_and_never_beyond_the_scale() {
        let scale = Scale::between(Duration::from_millis(1), Duration::from_secs(100));
        let shades = [0, 1, 9, 11, 150, 1_500, 15_000, 900_000];
        let shades = shades.map(|ms| scale.shade(Duration::from_millis(ms)));
        assert_eq!(shades, [0, 0, 0, 1, 2, 3, 4, 4].map(Heat::Shade));
        let flat = Scale::between(Duration::ZERO, Duration::ZERO);
        assert_eq!(flat.shade(Duration::ZERO), Heat::Shade(0));
        let alike = Scale::between(Duration::from_micros(700), Duration::from_micros(900));
        assert_eq!(alike.shade(Duration::from_micros(900)), Heat::Shade(0));
    }

    #[test]
    fn every_pair_is_on_the_screen_whatever_its_width() {
        for columns in [20, 80, 160] {
            let lines = map(9).lines(Screen { columns, colour: false });
            let text = lines.join("\n");
            assert_eq!(text.matches("12 ms").count() + text.matches("missing").count(), 9 * 9 - 1, "{text}");
            assert!(columns < 40 || lines.iter().all(|line| line.chars().count() <= columns), "{text}");
        }
    }

    #[test]
    fn what_is_missing_or_past_its_bound_is_told_without_colour() {
        let text = map(3).lines(Screen { columns: 80, colour: false }).join("\n");
        assert!(text.contains('×') && text.contains("missing") && text.contains('!'), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn colours_end_with_their_cell() {
        let text = map(3).lines(Screen { columns: 80, colour: true }).join("\n");
        assert_eq!(text.matches("\u{1b}[0m").count(), 9, "{text}");
    }

    #[test]
    fn the_svg_has_every_pair() {
        let map = map(3);
        let mut svg = Svg::new(map.size().0, map.size().1, "pairs", "");
        map.draw(&mut svg, (0.0, 0.0));
        let text = svg.finish();
        assert_eq!(text.matches("<title>from ").count(), 9, "{text}");
        assert!(text.contains("class=\"missing\"") && text.contains("onpast"), "{text}");
    }
}
