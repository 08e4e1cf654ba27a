//! The bill as a picture: a bar a service, a bar for each of the others, to one scale.

use super::Report;
use super::told::{dollars, headline};
use crate::picture::{Anchor, Svg};
use crate::table::broken;

const WIDTH: f64 = 760.0;
const MARGIN: f64 = 28.0;
/// Where bars begin.
const LEFT: f64 = 190.0;
/// The longest bar; its dollars stand behind it.
const BAR: f64 = 430.0;
const ROW: f64 = 26.0;
/// Characters of a line of the sentence below the title.
const SENTENCE: usize = 110;

/// A part of the picture: its heading, and a bar each.
struct Part {
    heading: &'static str,
    bars: Vec<(String, Option<f64>)>,
    class: &'static str,
}

/// The whole picture.
pub(super) fn svg(report: &Report) -> String {
    let services = report.bill.services().into_iter().filter(|(_, sum)| *sum >= 0.005);
    let ours = Part {
        heading: "Sorl, by service",
        bars: services.map(|(service, sum)| (service.to_owned(), Some(sum))).collect(),
        class: "s2",
    };
    let total = ("Sorl".to_owned(), Some(report.bill.dollars));
    let others = report.peers.iter().map(|peer| (peer.name.to_owned(), peer.dollars));
    let beside = Part {
        heading: "The same load elsewhere; what each lacks, `sorl cost` says",
        bars: std::iter::once(total).chain(others).collect(),
        class: "s3",
    };
    draw(report, &[ours, beside])
}

fn draw(report: &Report, parts: &[Part]) -> String {
    let sentence = headline(report);
    let lines = broken(&sentence, Some(SENTENCE));
    let rows: usize = parts.iter().map(|part| part.bars.len() + 2).sum();
    let top = 62.0 + 18.0 * lines.len() as f64;
    let height = top + ROW * rows as f64 + MARGIN;
    let title = "What it costs a month";
    let mut svg = Svg::new(WIDTH, height, title, &sentence);
    svg.text("title", (MARGIN, 34.0), Anchor::Start, title);
    for (nth, line) in lines.iter().enumerate() {
        svg.text("faint", (MARGIN, 58.0 + 18.0 * nth as f64), Anchor::Start, line);
    }
    let sums = parts.iter().flat_map(|part| &part.bars).filter_map(|(_, sum)| *sum);
    let most = sums.fold(f64::MIN_POSITIVE, f64::max);
    let mut y = top;
    for part in parts {
        svg.text("", (MARGIN, y + ROW * 0.8), Anchor::Start, part.heading);
        y += ROW;
        for (name, sum) in &part.bars {
            bar(&mut svg, part.class, y, (name, *sum), most);
            y += ROW;
        }
        y += ROW;
    }
    svg.finish()
}

fn bar(svg: &mut Svg, class: &str, y: f64, (name, sum): (&str, Option<f64>), most: f64) {
    svg.text("", (LEFT - 10.0, y + 17.0), Anchor::End, name);
    let Some(sum) = sum else {
        svg.text("faint", (LEFT, y + 17.0), Anchor::Start, "no list price for so much");
        return;
    };
    let long = (BAR * sum / most).max(1.0);
    let told = format!("${}", dollars(sum));
    svg.rect(class, (LEFT, y + 3.0), (long, ROW - 6.0), &format!("{name}: {told}"));
    svg.text("figure", (LEFT + long + 8.0, y + 17.0), Anchor::Start, &told);
}

#[cfg(test)]
mod tests {
    use super::super::worked::report;
    use super::*;

    #[test]
    fn the_picture_of_the_documents_is_of_today() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/images/cost.svg");
        let shown = std::fs::read_to_string(path).unwrap();
        assert_eq!(shown, svg(&report(&[])), "run `sorl cost --svg docs/images/cost.svg`");
    }

    #[test]
    fn every_service_and_everybody_else_has_a_bar_within_the_picture() {
        let report = report(&["--example", "live-event"]);
        let svg = svg(&report);
        for peer in &report.peers {
            assert!(svg.contains(peer.name), "{svg}");
        }
        for (service, sum) in report.bill.services() {
            assert_eq!(svg.contains(&format!("<title>{service}: ")), sum >= 0.005, "{service}");
        }
        assert!(svg.contains("no list price") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
