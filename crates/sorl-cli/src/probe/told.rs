//! What a probe found, for people and programs: a heat map, JSON, an SVG, and a verdict.
//!
//! The invariant: a pair is well when every marker of it came within the bound.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;
use serde::{Serialize, Serializer};
use sorl_core::region::Region;

use super::Args;
use super::matrix::Matrix;
use crate::measure::Via;
use crate::picture::{Anchor, Heat, HeatMap, Scale, Screen, Svg, latency};

/// Around an SVG's parts.
const MARGIN: f64 = 28.0;
/// What the faintest shade stands for: less is as good as here.
const FAINTEST: Duration = Duration::from_millis(1);

/// What a probe found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    regions: Vec<Region>,
    publish_via: Via,
    #[serde(rename = "bound_ms", serialize_with = "millis")]
    bound: Duration,
    rounds: usize,
    /// Whether all is well.
    ok: bool,
    pairs: Vec<Pair>,
    faults: BTreeSet<String>,
}

/// From one region to another.
#[derive(Debug, Serialize)]
struct Pair {
    from: Region,
    to: Region,
    ok: bool,
    /// Markers that did not arrive.
    missing: usize,
    /// Markers that arrived after the bound.
    late: usize,
    #[serde(rename = "median_ms", serialize_with = "maybe_millis")]
    median: Option<Duration>,
    #[serde(rename = "worst_ms", serialize_with = "maybe_millis")]
    worst: Option<Duration>,
}

impl Pair {
    fn of(from: &Region, to: &Region, rounds: &[Option<Duration>], bound: Duration) -> Self {
        let mut arrived: Vec<_> = rounds.iter().copied().flatten().collect();
        arrived.sort_unstable();
        let missing = rounds.len() - arrived.len();
        let late = arrived.iter().filter(|latency| **latency > bound).count();
        Self {
            from: from.clone(),
            to: to.clone(),
            ok: missing == 0 && late == 0 && !arrived.is_empty(),
            missing,
            late,
            median: arrived.get(arrived.len().saturating_sub(1) / 2).copied(),
            worst: arrived.last().copied(),
        }
    }

    /// What stands in its cell.
    fn cell(&self, scale: Scale) -> (String, Heat) {
        let (Some(median), Some(worst)) = (self.median, self.worst) else {
            return ("missing".to_owned(), Heat::Missing);
        };
        if self.missing > 0 {
            return (format!("{} · {} missing", latency(median), self.missing), Heat::Missing);
        }
        let heat = if self.late > 0 { Heat::Past } else { scale.shade(median) };
        (format!("{} · {}", latency(median), latency(worst)), heat)
    }

    /// What is wrong with it.
    fn fault(&self, rounds: usize, bound: Duration) -> Option<String> {
        let Self { from, to, missing, late, .. } = self;
        let missing = (*missing > 0).then(|| format!("{missing} of {rounds} markers missing"));
        let late = (*late > 0).then(|| format!("{late} of {rounds} later than {}", latency(bound)));
        let told: Vec<_> = missing.into_iter().chain(late).collect();
        (!told.is_empty()).then(|| format!("{from} to {to}: {}", told.join(", ")))
    }
}

impl Report {
    /// Judges what was measured.
    pub(super) fn of(matrix: &Matrix, args: &Args, faults: BTreeSet<String>) -> Self {
        let mut pairs = Vec::new();
        for (at, from) in matrix.regions.iter().enumerate() {
            for (number, to) in matrix.regions.iter().enumerate() {
                pairs.push(Pair::of(from, to, &matrix.pair(at, number), args.bound));
            }
        }
        Self {
            regions: matrix.regions.clone(),
            publish_via: args.publish_via,
            bound: args.bound,
            rounds: matrix.rounds(),
            ok: pairs.iter().all(|pair| pair.ok),
            pairs,
            faults,
        }
    }

    /// For a terminal.
    pub(super) fn text(&self, screen: Screen) -> String {
        let mut lines = vec![self.headline(), self.legend(), String::new()];
        lines.extend(self.heat_map().lines(screen));
        lines.push(String::new());
        lines.extend(self.faults.iter().cloned());
        lines.extend(self.pairs.iter().filter_map(|pair| pair.fault(self.rounds, self.bound)));
        lines.push(self.well());
        lines.join("\n")
    }

    /// As a picture.
    pub(super) fn svg(&self) -> String {
        let map = self.heat_map();
        let (wide, tall) = map.size();
        let (width, height) = (f64::max(wide, 520.0) + 2.0 * MARGIN, tall + 132.0 + MARGIN);
        let mut svg = Svg::new(width, height, &self.headline(), &self.well());
        svg.text("title", (MARGIN, 34.0), Anchor::Start, &self.headline());
        svg.text("faint", (MARGIN, 56.0), Anchor::Start, &self.legend());
        svg.text("", (MARGIN, 78.0), Anchor::Start, &self.well());
        map.draw(&mut svg, (MARGIN, 100.0));
        svg.finish()
    }

    /// Whether all is well.
    ///
    /// # Errors
    /// A sentence that says how much is not.
    pub(super) fn verdict(&self) -> anyhow::Result<()> {
        if !self.ok {
            bail!("{}; `sorl doctor` may tell why", self.well());
        }
        Ok(())
    }

    fn headline(&self) -> String {
        let rounds = self.rounds;
        let times = if rounds == 1 { "1 round".to_owned() } else { format!("{rounds} rounds") };
        format!("probe: {} regions, {times}, {}", self.regions.len(), self.publish_via.told())
    }

    fn legend(&self) -> String {
        format!("median · worst of each pair; the bound is {}", latency(self.bound))
    }

    fn well(&self) -> String {
        let well = self.pairs.iter().filter(|pair| pair.ok).count();
        format!("{well} of {} pairs arrived within {}", self.pairs.len(), latency(self.bound))
    }

    fn heat_map(&self) -> HeatMap {
        let scale = Scale::between(FAINTEST, self.bound);
        let rows = self.pairs.chunks(self.regions.len().max(1));
        HeatMap {
            regions: self.regions.iter().map(ToString::to_string).collect(),
            rows: rows.map(|row| row.iter().map(|pair| pair.cell(scale)).collect()).collect(),
        }
    }
}

fn millis<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64() * 1e3)
}

fn maybe_millis<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_secs_f64() * 1e3).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Option<Duration> {
        Some(Duration::from_millis(ms))
    }

    fn pair(rounds: &[Option<Duration>]) -> Pair {
        let [from, to] = ["eu-north-1", "us-east-1"].map(|name| Region::parse(name).unwrap());
        Pair::of(&from, &to, rounds, Duration::from_millis(100))
    }

    fn report(pairs: Vec<Pair>) -> Report {
        Report {
            regions: vec![Region::parse("eu-north-1").unwrap()],
            publish_via: Via::Ws,
            bound: Duration::from_millis(100),
            rounds: 3,
            ok: pairs.iter().all(|pair| pair.ok),
            pairs,
            faults: BTreeSet::new(),
        }
    }

    #[test]
    fn a_pair_is_well_when_every_marker_came_within_the_bound() {
        let well = pair(&[ms(30), ms(10), ms(100)]);
        assert!(well.ok);
        assert_eq!((well.median, well.worst), (ms(30), ms(100)));
        assert_eq!(well.fault(3, well.worst.unwrap()), None);
    }

    #[test]
    fn late_and_missing_are_told_apart_and_both_fail() {
        let late = pair(&[ms(30), ms(101), ms(10)]);
        assert_eq!((late.ok, late.late, late.missing), (false, 1, 0));
        let missing = pair(&[ms(30), None, None]);
        assert_eq!((missing.ok, missing.late, missing.missing), (false, 0, 2));
        assert!(missing.cell(Scale::between(FAINTEST, Duration::from_secs(1))).0.contains("2 missing"));
        let silent = pair(&[None, None, None]);
        assert_eq!((silent.median, silent.worst, silent.ok), (None, None, false));
        for (pair, word) in
            [(late, "later than 100 ms"), (missing, "2 of 3 markers missing"), (silent, "3 of 3")]
        {
            let told = report(vec![pair]);
            assert!(told.text(Screen { columns: 80, colour: false }).contains(word));
            assert!(told.verdict().is_err());
        }
    }

    #[test]
    fn a_probe_of_no_round_is_not_well() {
        assert!(!pair(&[]).ok);
    }

    #[test]
    fn numbers_in_json_are_milliseconds_or_null() {
        let told = serde_json::to_value(report(vec![pair(&[ms(30)]), pair(&[None])])).unwrap();
        assert_eq!(told["bound_ms"], 100.0);
        assert_eq!(told["pairs"][0]["median_ms"], 30.0);
        assert!(told["pairs"][1]["worst_ms"].is_null(), "{told}");
    }
}
