//! Many seeds, over two threads, and what they add up to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use parking_lot::Mutex;

use crate::run::{Outcome, run};
use crate::weather::Tally;
use crate::wiring::Wiring;

/// As many as the smallest machine that the tests run on has cores.
const THREADS: usize = 2;
/// Lines of trace in a report.
const TRACE_LINES: usize = 70;

/// What a sweep found.
#[derive(Default)]
pub(crate) struct Findings {
    /// Seeds run.
    pub(crate) seeds: u64,
    /// Faults by kind.
    pub(crate) tally: Tally,
    /// Messages acknowledged.
    pub(crate) acknowledged: usize,
    /// Messages shown.
    pub(crate) shown: usize,
    /// Seeds that broke a promise, and a report of each.
    pub(crate) failed: Vec<(u64, String)>,
}

/// Runs seeds from `first` on until `count` were run, or until `failures_max` of them failed.
pub(crate) fn sweep(first: u64, count: u64, failures_max: usize, wiring: Wiring) -> Findings {
    let next = AtomicU64::new(first);
    let findings = Mutex::new(Findings::default());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || findings.lock().failed.len() >= failures_max {
                        return;
                    }
                    findings.lock().add(&run(seed, wiring));
                }
            });
        }
    });
    findings.into_inner()
}

impl Findings {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.acknowledged += outcome.acknowledged;
        self.shown += outcome.shown;
        for (kind, count) in &outcome.tally {
            *self.tally.entry(kind).or_default() += count;
        }
        if !outcome.violations.is_empty() {
            tell(&format!("seed {} broke a promise", outcome.seed));
            self.failed.push((outcome.seed, report(outcome)));
        }
        if self.seeds.is_multiple_of(100) {
            tell(&format!("{} seeds run, {} failed", self.seeds, self.failed.len()));
        }
    }

    /// One paragraph for whoever reads the test's output.
    pub(crate) fn summary(&self) -> String {
        let faults: Vec<_> = self.tally.iter().map(|(kind, count)| format!("  {count:>9}  {kind}")).collect();
        format!(
            "{} seeds: {} messages acknowledged, {} shown, {} seeds failed; faults:\n{}",
            self.seeds,
            self.acknowledged,
            self.shown,
            self.failed.len(),
            faults.join("\n")
        )
    }
}

/// What was violated, how it came about, and how to see it again.
pub(crate) fn report(outcome: &Outcome) -> String {
    let seed = outcome.seed;
    let mut lines = vec![format!(
        "seed {seed} broke {} promises; again: SORL_SIM_SEED={seed} cargo test -p sorl-tests --test sim",
        outcome.violations.len()
    )];
    for violation in &outcome.violations {
        lines.push(format!("  {}: {}", violation.promise, violation.what));
    }
    if let Some(first) = outcome.violations.first() {
        lines.push(format!("how the first came about ({}):", first.about.join(", ")));
        lines.extend(outcome.trace.about(&first.about, TRACE_LINES));
    }
    lines.join("\n")
}

#[expect(clippy::print_stderr, reason = "progress of a run of minutes, for whoever waits")]
fn tell(line: &str) {
    eprintln!("{line}");
}
