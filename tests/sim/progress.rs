//! How far a sweep is, for whoever waits for hours: a line that renews itself on a terminal, now and then a line
//! elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::sweep::Findings;

/// How often a terminal is told.
const ON_TERMINAL: Duration = Duration::from_secs(1);
/// How often anything else is.
const ELSEWHERE: Duration = Duration::from_secs(30);

/// Tells how far a sweep is.
pub(crate) struct Progress {
    began: Instant,
    every: Duration,
    is_terminal: bool,
    told: Mutex<Instant>,
}

impl Progress {
    /// Tells nothing but failures.
    pub(crate) fn silent() -> Self {
        Self { every: Duration::MAX, is_terminal: false, ..Self::spoken() }
    }

    /// Tells on standard error.
    pub(crate) fn spoken() -> Self {
        let (began, is_terminal) = (Instant::now(), stderr().is_terminal());
        let every = if is_terminal { ON_TERMINAL } else { ELSEWHERE };
        Self { began, every, is_terminal, told: Mutex::new(began) }
    }

    /// Tells, if it is time, what was found among `count` seeds, all below `lowest` being done.
    pub(crate) fn tell(&self, findings: &Findings, count: u64, lowest: u64) {
        let mut told = self.told.lock();
        if told.elapsed() < self.every {
            return;
        }
        *told = Instant::now();
        let line = line(findings.seeds, findings.failed.len(), count, self.began.elapsed(), lowest);
        if self.is_terminal {
            write(&format!("\r\x1b[K{line}"));
        } else {
            write(&format!("{line}\n"));
        }
    }

    /// Tells at once of a seed that failed, if anything is told at all.
    pub(crate) fn failed(&self, report: &str) {
        if self.every < Duration::MAX {
            let clear = if self.is_terminal { "\r\x1b[K" } else { "" };
            write(&format!("{clear}{report}\n\n"));
        }
    }
}

fn line(seeds: u64, failed: usize, count: u64, elapsed: Duration, lowest: u64) -> String {
    let left = u32::try_from(count.saturating_sub(seeds)).unwrap_or(u32::MAX);
    let each = elapsed / u32::try_from(seeds.max(1)).unwrap_or(u32::MAX);
    let (minutes, a_second) = ((each * left).as_secs().div_ceil(60), 1.0 / each.as_secs_f64().max(1e-9));
    format!(
        "{seeds} of {count} seeds, {a_second:.1} a second, {minutes} min left, {failed} failed; continue with FROM={lowest}"
    )
}

/// Whoever does not listen any more misses nothing that the end would not tell.
fn write(text: &str) {
    drop(stderr().write_all(text.as_bytes()));
}

#[test]
fn progress_says_how_fast_how_long_and_where_to_continue() {
    let line = line(200, 1, 1_000, Duration::from_secs(50), 10_199);
    assert_eq!(line, "200 of 1000 seeds, 4.0 a second, 4 min left, 1 failed; continue with FROM=10199");
}
