//! Many seeds, over several threads, and what they add up to.
//!
//! Runs are not written down but for those that failed, which are run again. The invariant: what one thread runs
//! is no other's business, so a seed fails in a sweep exactly if it fails alone.

use std::collections::BTreeSet;
use std::thread;

use parking_lot::Mutex;

use crate::plan::Plan;
use crate::progress::Progress;
use crate::run::{Outcome, run};
use crate::trace::Telling;
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

/// Which seeds are run, and how.
pub(crate) struct Sweep {
    /// The first.
    pub(crate) first: u64,
    /// How many.
    pub(crate) count: u64,
    /// After how many that failed it ends.
    pub(crate) failures_max: usize,
    /// What is broken on purpose.
    pub(crate) wiring: Wiring,
    /// How many are run side by side.
    pub(crate) threads: usize,
}

/// Runs those of `count` seeds from `first` on that the wiring concerns, until `failures_max` of them failed.
pub(crate) fn sweep(first: u64, count: u64, failures_max: usize, wiring: Wiring) -> Findings {
    Sweep { first, count, failures_max, wiring, threads: THREADS }.run(&Progress::silent())
}

/// What the threads share.
struct State {
    next: u64,
    running: BTreeSet<u64>,
    findings: Findings,
}

impl Sweep {
    /// Runs them, and tells how far it is.
    pub(crate) fn run(&self, progress: &Progress) -> Findings {
        let state = State { next: self.first, running: BTreeSet::new(), findings: Findings::default() };
        let state = Mutex::new(state);
        thread::scope(|scope| {
            for _ in 0..self.threads.max(1) {
                scope.spawn(|| self.work(&state, progress));
            }
        });
        let mut findings = state.into_inner().findings;
        findings.failed.sort();
        findings
    }

    fn work(&self, state: &Mutex<State>, progress: &Progress) {
        loop {
            let seed = self.take(&mut state.lock());
            let Some(seed) = seed else { return };
            let plan = Plan::of(seed);
            let outcome = run(&plan, self.wiring, Telling::Nothing);
            let report = (!outcome.violations.is_empty()).then(|| self.report(&plan));
            let mut state = state.lock();
            state.running.remove(&seed);
            state.findings.add(&outcome, report.as_deref());
            if let Some(report) = report {
                progress.failed(&report);
            }
            let lowest = state.running.first().copied().unwrap_or(state.next);
            progress.tell(&state.findings, self.count, lowest);
        }
    }

    fn take(&self, state: &mut State) -> Option<u64> {
        let concerned = |seed: &u64| self.wiring.concerns(&Plan::of(*seed));
        let seed = (state.next..self.first + self.count).find(concerned)?;
        if state.findings.failed.len() >= self.failures_max {
            return None;
        }
        state.next = seed + 1;
        state.running.insert(seed);
        Some(seed)
    }

    fn report(&self, plan: &Plan) -> String {
        report(&run(plan, self.wiring, Telling::All))
    }
}

impl Findings {
    fn add(&mut self, outcome: &Outcome, report: Option<&str>) {
        self.seeds += 1;
        self.acknowledged += outcome.acknowledged;
        self.shown += outcome.shown;
        for (kind, count) in &outcome.tally {
            *self.tally.entry(kind).or_default() += count;
        }
        self.failed.extend(report.map(|report| (outcome.plan.seed, report.to_owned())));
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
    let (plan, seed) = (&outcome.plan, outcome.plan.seed);
    let mut lines = vec![format!(
        "{plan}; broke {} promises; again: SORL_SIM_SEED={seed} cargo test --release -p sorl-tests --test sim",
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
