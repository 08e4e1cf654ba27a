//! The simulation: the real handlers, over the embedded adapters, with the real client's session, all on one
//! thread, in simulated time, under faults, from one seed.
//!
//! Not a load test and not a test of sockets. The invariant: a seed decides everything, so a run that broke a
//! promise can be run again, and shows the same.
//!
//! # Layout
//!
//! - What decides: [`chance`], and the [`executor`] that says who goes on; a [`plan`] says who takes part, its
//!   [`odds`] are the faults as data.
//! - The service: a [`station`] a region (gateway, Lambdas, [`delivery`] from the queues), its [`ports`] wrapped by
//!   [`faulty`] under the [`weather`]; an [`upgrade`] or a [`rollout`] may be under way, which has
//!   its [`schedule`].
//! - The people: [`client`]s, whoever is [`outside`], and the [`audit`].
//! - The judgement: the [`witness`] notes what they saw, the [`checker`] says whether it is as promised, the
//!   [`trace`] shows how it came about, of as small a run as [`shrink`] finds. The [`mutations`] show that it sees.
//!
//! `SORL_SIM_SEED=17 cargo test --release -p sorl-tests --test sim` runs one seed, `SORL_SIM_TRACE=FILE` with it
//! writes the whole trace there; `SORL_SIM_SEEDS=N` sets how many are run (from `SORL_SIM_SEED` on), and
//! `SORL_SIM_THREADS=N` how many side by side. `SORL_SIM_FLAW=Rollout` breaks nothing else, and tells how it is seen.

mod audit;
mod chance;
mod checker;
mod client;
mod clock;
mod delivery;
mod executor;
mod faulty;
mod gateway;
mod mutations;
mod odds;
mod outside;
mod plan;
mod ports;
mod progress;
mod regressions;
mod rollout;
mod run;
mod schedule;
mod shrink;
mod stage;
mod station;
mod sweep;
mod trace;
mod upgrade;
mod users;
mod weather;
mod wiring;
mod witness;

use mutations::Flaw;
use plan::Plan;
use progress::Progress;
use shrink::shrink;
use sweep::{Findings, Sweep, report, sweep};
use trace::Telling;
use wiring::Wiring;

/// Seeds in an ordinary run of the tests.
const SEEDS: u64 = 500;
/// Seeds within which a flaw is seen; of those that it does not concern none is run.
const SEEDS_FOR_A_FLAW: u64 = 400;
/// Failures after which a sweep ends, and those of them that are shrunk.
const FAILURES_MAX: usize = 10;
const SHRUNK_MAX: usize = 3;
/// Runs that may be spent on shrinking one.
const RUNS_TO_SHRINK: usize = 400;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

#[test]
fn promises_hold_under_faults() {
    if let (Some(seed), Ok(file)) = (setting("SORL_SIM_SEED"), std::env::var("SORL_SIM_TRACE")) {
        let outcome = run::run(&Plan::of(seed), Wiring::default(), Telling::All);
        std::fs::write(file, outcome.trace.whole()).unwrap();
    }
    let (first, count) = match (setting("SORL_SIM_SEED"), setting("SORL_SIM_SEEDS")) {
        (Some(seed), count) => (seed, count.unwrap_or(1)),
        (None, count) => (0, count.unwrap_or(SEEDS)),
    };
    let threads = setting("SORL_SIM_THREADS").and_then(|threads| usize::try_from(threads).ok()).unwrap_or(2);
    let sweep = Sweep { first, count, failures_max: FAILURES_MAX, wiring: Wiring::default(), threads };
    let findings = sweep.run(&Progress::spoken());
    println!("{}", findings.summary());
    assert!(findings.failed.is_empty(), "{}", reports(&findings));
}

/// What failed, and the smallest runs found that fail in the same way.
fn reports(findings: &Findings) -> String {
    let reports = findings.failed.iter().enumerate().map(|(at, (seed, whole))| {
        let smaller = || shrink(&Plan::of(*seed), Wiring::default(), RUNS_TO_SHRINK);
        let smaller = (at < SHRUNK_MAX).then(smaller).flatten().map(|outcome| report(&outcome));
        format!("{whole}\n\nthe same in small: {}", smaller.as_deref().unwrap_or("not looked for"))
    });
    reports.collect::<Vec<_>>().join("\n\n")
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..5 {
        let told = || run::run(&Plan::of(seed), Wiring::default(), Telling::All);
        let (one, other) = (told(), told());
        assert_eq!(one.trace.digest(), other.trace.digest(), "seed {seed}");
        let untold = run::run(&Plan::of(seed), Wiring::default(), Telling::Nothing);
        assert_eq!((one.tally, one.shown), (untold.tally, untold.shown), "seed {seed}, not written down");
    }
}

/// Each flaw breaks a promise, and the checker says so.
#[test]
fn mutations_are_seen() {
    let only = std::env::var("SORL_SIM_FLAW").unwrap_or_default();
    let seeds = setting("SORL_SIM_SEEDS").filter(|_| !only.is_empty()).unwrap_or(SEEDS_FOR_A_FLAW);
    let mut unseen = Vec::new();
    for flaw in Flaw::ALL.into_iter().filter(|flaw| format!("{flaw:?}").contains(&only)) {
        let findings = sweep(0, seeds, 1, Wiring::broken(flaw));
        let lines = if only.is_empty() { 1 } else { usize::MAX };
        match findings.failed.first() {
            Some((seed, report)) => {
                let found: Vec<_> = report.lines().skip(1).take(lines).collect();
                println!("{flaw:?}: seen by seed {seed}:{}", found.join("\n"));
            }
            None => unseen.push(flaw),
        }
    }
    assert!(unseen.is_empty(), "not seen within {seeds} seeds: {unseen:?}");
}
