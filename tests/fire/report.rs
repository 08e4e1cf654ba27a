//! What came of each fault: one table for people, the same as JSON for programs.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};
use sorl_tests::server::repository;

/// What came of one fault. What does not apply is absent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    /// How often it was brought about.
    pub(crate) attempts: usize,
    /// Messages that were acknowledged.
    pub(crate) acknowledged: Option<usize>,
    /// Acknowledged messages that somebody who should have them did not get, each counted for each of them.
    pub(crate) lost: usize,
    /// Messages that somebody was shown more than once.
    pub(crate) twice: usize,
    /// Until all was well again, one each time for each who noticed.
    pub(crate) recovery: Vec<Duration>,
    /// Bytes of the service's memory a connection.
    pub(crate) bytes_per_connection: Option<u64>,
    /// What else is worth saying.
    pub(crate) notes: Vec<String>,
    /// What was not as promised.
    pub(crate) broken: Vec<String>,
    /// Why it could not be brought about.
    pub(crate) not_run: Option<String>,
}

impl Outcome {
    pub(crate) fn failed(why: &str) -> Self {
        Self { broken: vec![why.to_owned()], ..Self::default() }
    }

    pub(crate) fn not_run(why: &str) -> Self {
        Self { not_run: Some(why.to_owned()), ..Self::default() }
    }

    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Notes what must hold, if it does not.
    pub(crate) fn must(&mut self, holds: bool, otherwise: impl Into<String>) {
        if !holds {
            self.broken.push(otherwise.into());
        }
    }

    fn verdict(&self) -> &'static str {
        match (&self.not_run, self.is_good()) {
            (Some(_), _) => "NOT RUN",
            (None, true) => "holds",
            (None, false) => "BROKEN",
        }
    }

    fn is_good(&self) -> bool {
        self.broken.is_empty() && self.lost == 0 && self.twice == 0
    }

    fn cells(&self) -> Vec<String> {
        let times = Times::of(&self.recovery);
        vec![
            self.verdict().to_owned(),
            self.attempts.to_string(),
            or_dash(self.acknowledged),
            self.lost.to_string(),
            self.twice.to_string(),
            times.map_or("–".to_owned(), |times| times.to_string()),
            or_dash(self.bytes_per_connection),
        ]
    }

    fn json(&self, name: &str) -> Value {
        let times = Times::of(&self.recovery);
        json!({
            "fault": name, "verdict": self.verdict(), "attempts": self.attempts,
            "acknowledged": self.acknowledged, "lost": self.lost, "twice": self.twice,
            "recovery_ms": times.map(|times| json!({
                "samples": self.recovery.len(), "p50": times.p50, "p99": times.p99, "max": times.max,
            })),
            "bytes_per_connection": self.bytes_per_connection,
            "notes": self.notes, "broken": self.broken, "not_run": self.not_run,
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verdict())?;
        let told = self.notes.iter().chain(&self.broken).chain(&self.not_run);
        told.into_iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or("–".to_owned(), |value| value.to_string())
}

/// A distribution, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) p50: u128,
    pub(crate) p99: u128,
    pub(crate) max: u128,
}

impl Times {
    /// None of nothing.
    pub(crate) fn of(samples: &[Duration]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable();
        let at =
            |percent: usize| sorted.get((sorted.len() * percent / 100).min(sorted.len().checked_sub(1)?));
        Some(Self { p50: at(50)?.as_millis(), p99: at(99)?.as_millis(), max: at(100)?.as_millis() })
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {} / {}", self.p50, self.p99, self.max)
    }
}

/// What came of all.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<(&'static str, Outcome)>);

const HEAD: [&str; 8] = [
    "fault",
    "promise",
    "times",
    "acknowledged",
    "lost",
    "twice",
    "recovery ms p50/p99/max",
    "bytes/connection",
];

impl Report {
    pub(crate) fn add(&mut self, name: &'static str, outcome: Outcome) {
        self.0.push((name, outcome));
    }

    pub(crate) fn is_good(&self) -> bool {
        self.0.iter().all(|(_, outcome)| outcome.is_good())
    }

    /// Writes `target/NAME/report.json`.
    pub(crate) fn keep(&self, name: &str) {
        let rows: Vec<_> = self.0.iter().map(|(what, outcome)| outcome.json(what)).collect();
        let folder = repository().join("target").join(name);
        let text = format!("{:#}\n", json!(rows));
        let kept =
            std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(folder.join("report.json"), text));
        let kept = kept.map_or_else(|fault| fault.to_string(), |()| "kept".to_owned());
        println!("{name}: {}: {kept}", folder.join("report.json").display());
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
        let body = self.0.iter().map(|(name, outcome)| [vec![(*name).to_owned()], outcome.cells()].concat());
        rows.extend(body);
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<_> = (0..HEAD.len()).map(width).collect();
        for row in &rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}
