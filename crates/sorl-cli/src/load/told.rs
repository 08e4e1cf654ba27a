//! A report as people read it: text for a terminal, and an SVG.
//!
//! It counts nothing.

use super::report::{Deliveries, Pair, Report, refusals};
use super::tally::{Quantiles, values};
use crate::picture::{Anchor, Bars, Grain, Heat, HeatMap, Scale, Screen, Svg, latency, number};
use crate::table::Table;

/// Around an SVG's parts.
const MARGIN: f64 = 28.0;
/// Left of the histogram, for its counts.
const COUNTS: f64 = 64.0;
const HISTOGRAM: (f64, f64) = (620.0, 180.0);

impl Report {
    /// For a terminal.
    pub(super) fn text(&self, screen: Screen) -> String {
        let mut lines = vec![self.headline(), self.under_headline(), String::new()];
        lines.extend(self.figures());
        if !self.latencies.is_empty() {
            lines.push(String::new());
            lines.push(self.latencies_by_pair());
            lines.push(String::new());
            lines.extend(Bars::of(Grain::Coarse, values(&self.latencies)).lines(screen.columns));
        }
        lines.join("\n")
    }

    /// As a picture.
    pub(super) fn svg(&self) -> String {
        let pairs = self.heat_map();
        let (pairs_wide, pairs_tall) = pairs.size();
        let width = f64::max(COUNTS + HISTOGRAM.0, pairs_wide) + 2.0 * MARGIN;
        let pairs_top = 120.0 + HISTOGRAM.1 + 62.0;
        let description =
            format!("{}. {}. {}", self.under_headline(), self.deliveries_told(), self.latency_told());
        let mut svg = Svg::new(width, pairs_top + 10.0 + pairs_tall + MARGIN, &self.headline(), &description);
        svg.text("title", (MARGIN, 34.0), Anchor::Start, &self.headline());
        svg.text("faint", (MARGIN, 56.0), Anchor::Start, &self.under_headline());
        svg.text("", (MARGIN, 78.0), Anchor::Start, &self.deliveries_told());
        svg.text("", (MARGIN, 98.0), Anchor::Start, &self.latency_told());
        let bars = Bars::of(Grain::Fine, values(&self.latencies));
        bars.draw(&mut svg, (MARGIN + COUNTS, 120.0), HISTOGRAM);
        let caption = "deliveries by latency (logarithmic)";
        svg.text("faint", (MARGIN + COUNTS, 120.0 + HISTOGRAM.1 + 36.0), Anchor::Start, caption);
        svg.text("", (MARGIN, pairs_top), Anchor::Start, "p50 · p99 of each pair of regions");
        pairs.draw(&mut svg, (MARGIN, pairs_top + 10.0));
        svg.finish()
    }

    fn headline(&self) -> String {
        format!(
            "load: {} connections in {} regions, {} channels",
            number(self.connections as u64),
            self.regions.len(),
            number(self.channels as u64)
        )
    }

    fn under_headline(&self) -> String {
        let ended = if self.interrupted { ", interrupted" } else { "" };
        let (rate, size, seconds) = (self.rate, self.size, self.seconds);
        format!("{rate} messages/s of {size} bytes {} for {seconds:.1} s{ended}", self.publish_via.told())
    }

    fn deliveries_told(&self) -> String {
        let Deliveries { owed, arrived, lost, recovered, repeated, shown_twice } = &self.deliveries;
        let mut told = format!(
            "{} owed, {} arrived, {} lost, {} repeated",
            number(*owed),
            number(*arrived),
            number(*lost),
            number(*repeated)
        );
        for (count, what) in [(recovered, "recovered"), (shown_twice, "shown twice")] {
            if *count > 0 {
                told.push_str(&format!(", {} {what}", number(*count)));
            }
        }
        told
    }

    fn latency_told(&self) -> String {
        let Some(Quantiles { p50, p90, p99, max }) = self.latency else {
            return "nothing arrived".to_owned();
        };
        let [p50, p90, p99, max] = [p50, p90, p99, max].map(latency);
        format!("p50 {p50}, p90 {p90}, p99 {p99}, max {max}")
    }

    fn figures(&self) -> Vec<String> {
        let published = &self.published;
        let mut messages = format!(
            "{} sent, {} accepted ({:.1}/s)",
            number(published.sent),
            number(published.accepted),
            published.per_second
        );
        if !published.refused.is_empty() {
            messages.push_str(&format!("; refused: {}", refusals(&published.refused)));
        }
        let mut lines = vec![
            format!("messages     {messages}"),
            format!("deliveries   {}", self.deliveries_told()),
            format!("connections  {} reconnects, {} gaps", number(self.reconnects), number(self.gaps)),
            format!("latency      {}", self.latency_told()),
        ];
        // Below this it is the timer's grain, and the scheduler's.
        if published.behind_ms > 100.0 {
            lines.push(format!(
                "schedule     up to {:.0} ms late: this machine, or the stage, is at its limit",
                published.behind_ms
            ));
        }
        lines
    }

    fn latencies_by_pair(&self) -> String {
        let head = ["from", "to", "arrived", "lost", "p50", "p90", "p99", "max"];
        let mut table = Table::with(head).figures(6);
        for Pair { from, to, arrived, lost, latency: told } in &self.pairs {
            let quantiles = told.map_or_else(
                || [const { String::new() }; 4],
                |told| [told.p50, told.p90, told.p99, told.max].map(latency),
            );
            let [p50, p90, p99, max] = quantiles;
            let (from, to) = (from.to_string(), to.to_string());
            table.row([from, to, number(*arrived), number(*lost), p50, p90, p99, max]);
        }
        table.render(None)
    }

    fn heat_map(&self) -> HeatMap {
        let medians = || self.pairs.iter().filter_map(|pair| pair.latency.map(|latency| latency.p50));
        let scale = Scale::between(medians().min().unwrap_or_default(), medians().max().unwrap_or_default());
        let cell = |pair: &Pair| match pair.latency {
            _ if pair.lost > 0 => (format!("{} lost", number(pair.lost)), Heat::Missing),
            Some(told) => (format!("{} · {}", latency(told.p50), latency(told.p99)), scale.shade(told.p50)),
            None => ("none".to_owned(), Heat::Missing),
        };
        let rows = self.pairs.chunks(self.regions.len().max(1));
        HeatMap {
            regions: self.regions.iter().map(ToString::to_string).collect(),
            rows: rows.map(|row| row.iter().map(cell).collect()).collect(),
        }
    }
}
