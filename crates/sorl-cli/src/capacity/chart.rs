//! A study as an SVG: for each load, how many are reached within which time, and the Lambdas at work over time.
//!
//! Written here, since two panels of lines need no plotting crate.

use std::fmt::Write as _;

use super::study::{Run, Study};
use super::table::number;

const WIDTH: f64 = 1_080.0;
const ROW: f64 = 300.0;
const PANEL: (f64, f64) = (430.0, 190.0);
const COLOURS: [&str; 4] = ["#1b6ca8", "#c0392b", "#2d8a4e", "#8e5ea2"];
/// Points of a line.
const POINTS: u32 = 240;

/// The whole picture.
pub(super) fn svg(studies: &[Study]) -> String {
    let height = ROW * studies.len() as f64;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (nth, study) in studies.iter().enumerate() {
        writeln!(text, "<g transform=\"translate(0 {})\">\n{}</g>", ROW * nth as f64, one(study)).ok();
    }
    text.push_str("</svg>\n");
    text
}

fn one(study: &Study) -> String {
    let mut text =
        format!("<text x=\"60\" y=\"22\" font-weight=\"bold\">{}</text>\n", escape(&study.load.name));
    for (nth, (run, colour)) in study.runs.iter().zip(COLOURS).enumerate() {
        let x = 60.0 + 200.0 * nth as f64;
        let name = escape(&run.name);
        writeln!(text, "<text x=\"{x}\" y=\"40\" fill=\"{colour}\">{name}</text>").ok();
    }
    text.push_str(&panel(60.0, &latencies(study)));
    text.push_str(&panel(600.0, &concurrency(study)));
    text
}

/// One panel's axes and lines; a line is points from 0 to 1 in both directions.
struct Panel {
    title: &'static str,
    x: (String, String),
    y: (String, String),
    lines: Vec<Vec<(f64, f64)>>,
}

fn panel(left: f64, panel: &Panel) -> String {
    let (top, (width, height)) = (58.0, PANEL);
    let (right, bottom) = (left + width, top + height);
    let mut text = format!(
        "<path d=\"M{left} {top}V{bottom}H{right}\" fill=\"none\" stroke=\"#888888\"/>\n\
         <text x=\"{left}\" y=\"{}\">{}</text><text x=\"{right}\" y=\"{}\" text-anchor=\"end\">{}</text>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n\
         <text x=\"{}\" y=\"{top}\" text-anchor=\"end\" dy=\"8\">{}</text><text x=\"{}\" y=\"{bottom}\" text-anchor=\"end\">{}</text>\n",
        bottom + 16.0,
        panel.x.0,
        bottom + 16.0,
        panel.x.1,
        left + width / 2.0,
        bottom + 16.0,
        panel.title,
        left - 6.0,
        panel.y.1,
        left - 6.0,
        panel.y.0
    );
    for (line, colour) in panel.lines.iter().zip(COLOURS) {
        let mut path = String::new();
        for (nth, (x, y)) in line.iter().enumerate() {
            let step = if nth == 0 { 'M' } else { 'L' };
            write!(path, "{step}{:.1} {:.1}", left + x * width, bottom - y * height).ok();
        }
        writeln!(text, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"/>").ok();
    }
    text
}

fn latencies(study: &Study) -> Panel {
    let least = study
        .runs
        .iter()
        .map(|run| run.tally.latency.quantile(0.001))
        .fold(f64::INFINITY, f64::min)
        .max(1e-4);
    let most = study.runs.iter().map(|run| run.tally.latency.max()).fold(least * 2.0, f64::max);
    let place = |seconds: f64| ((seconds / least).ln() / (most / least).ln()).clamp(0.0, 1.0);
    let line = |run: &Run| {
        let share = |point| f64::from(point) / f64::from(POINTS);
        (0..=POINTS).map(|point| (place(run.tally.latency.quantile(share(point))), share(point))).collect()
    };
    Panel {
        title: "latency (logarithmic), share reached",
        x: (format!("{} ms", number(least * 1e3)), format!("{} s", number(most))),
        y: ("0 %".to_owned(), "100 %".to_owned()),
        lines: study.runs.iter().map(line).collect(),
    }
}

fn concurrency(study: &Study) -> Panel {
    let ended = study.runs.iter().map(|run| run.tally.ended).fold(1e-3, f64::max);
    let lines: Vec<Vec<f64>> = study.runs.iter().map(|run| running(run, ended)).collect();
    let peak = lines.iter().flatten().copied().fold(1.0, f64::max);
    let scaled = |line: &Vec<f64>| {
        line.iter().enumerate().map(|(at, running)| (at as f64 / f64::from(POINTS), running / peak)).collect()
    };
    Panel {
        title: "Lambdas of deliver over time",
        x: ("0 s".to_owned(), format!("{} s", number(ended))),
        y: ("0".to_owned(), number(peak)),
        lines: lines.iter().map(scaled).collect(),
    }
}

/// The most invocations side by side in each part of the time.
fn running(run: &Run, ended: f64) -> Vec<f64> {
    let part = ended / f64::from(POINTS);
    let mut changes = run.tally.concurrency.iter().peekable();
    let mut now = 0.0;
    (1..=POINTS)
        .map(|point| {
            let mut most = now;
            while let Some((_, running)) = changes.next_if(|(at, _)| *at < part * f64::from(point)) {
                now = f64::from(running.live + running.bulk);
                most = f64::max(most, now);
            }
            most
        })
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::super::load::{Arrivals, Load};
    use super::super::service::Service;
    use super::super::study::study;
    use super::*;

    #[test]
    fn every_run_has_a_line_in_both_panels_and_stays_within_them() {
        let load = Load {
            name: "a < b & c".to_owned(),
            connections: 100,
            room_size: 10,
            arrivals: Arrivals::Poisson,
            messages_per_second: 20.0,
            message_bytes: 200,
            regions: 1,
            seconds: 5.0,
        };
        let study = study(load, Service::deployed(), 1);
        let runs = study.runs.len();
        for panel in [latencies(&study), concurrency(&study)] {
            assert_eq!(panel.lines.len(), runs);
            let points: Vec<_> = panel.lines.iter().flatten().collect();
            assert!(points.iter().all(|(x, y)| (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y)));
            assert!(points.iter().any(|(_, y)| *y > 0.9), "the highest point is at the top");
        }
        let text = svg(&[study]);
        assert!(text.contains("a &lt; b &amp; c") && !text.contains("NaN"), "{text}");
    }
}
