//! Drills: what operators do to a stage on purpose, while people chat. A region lost and back, a region drained, a
//! newer configuration, another number of shards, another secret.
//!
//! A program of its own and no test harness, as `fire`, whose crowd and table it uses; there things break, here they
//! are changed. What came of them is one table, printed and kept as `target/drills/report.json`. Invariant: nothing is
//! lost to anybody and nothing shown twice; how long it took is only told.
//!
//! `cargo test --test drills -- [NAME…]` runs some; `SORL_FIRE_MINUTES` makes them longer.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops at the first thing that is not as it should be, and says what it measured"
)]

mod drain;
mod field;
mod restart;

macro_rules! of_fire {
    ($($name:ident $path:literal),* $(,)?) => {$(
        #[allow(dead_code, reason = "the faults of `fire` use the rest of it")]
        #[path = $path]
        mod $name;
    )*};
}

of_fire! {
    audience "../fire/audience.rs",
    gate "../fire/gate.rs",
    histories "../fire/histories.rs",
    ledger "../fire/ledger.rs",
    publishers "../fire/publishers.rs",
    region "../fire/region.rs",
    report "../fire/report.rs",
    scale "../fire/scale.rs",
}

use std::pin::Pin;
use std::process::ExitCode;

use report::{Outcome, Report};
use scale::Scale;
use tokio::task::LocalSet;

type Running = Pin<Box<dyn Future<Output = Outcome>>>;

/// A drill: its name, and how it goes.
type Drill = (&'static str, fn(Scale) -> Running);

const DRILLS: [Drill; 5] = [
    ("drain", |scale| Box::pin(drain::a_region(scale))),
    ("region_lost", |scale| Box::pin(region::gone_and_back(scale))),
    ("upgrade", |scale| Box::pin(restart::with_a_newer_configuration(scale))),
    ("shards", |scale| Box::pin(restart::with_more_and_fewer_shards(scale))),
    ("secret", |scale| Box::pin(restart::with_another_secret(scale))),
];

fn main() -> ExitCode {
    // Flags are cargo's and the test harness's.
    let names: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let asked: Vec<_> =
        DRILLS.into_iter().filter(|(name, _)| names.is_empty() || names.iter().any(|n| n == name)).collect();
    if asked.is_empty() {
        let known: Vec<_> = DRILLS.iter().map(|(name, _)| *name).collect();
        println!("drills: no such drill; known are {}", known.join(", "));
        return ExitCode::from(2);
    }
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let report = runtime.block_on(LocalSet::new().run_until(hold(&asked)));
    println!("\n{report}");
    report.keep("drills");
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn hold(drills: &[Drill]) -> Report {
    let (scale, mut report) = (Scale::asked(), Report::default());
    for (name, run) in drills {
        println!("drills: {name}");
        // A task of its own, so that one that fails leaves the others their turn.
        let outcome = tokio::task::spawn_local(run(scale)).await;
        let outcome = outcome.unwrap_or_else(|failed| Outcome::failed(&failed.to_string()));
        println!("drills: {name}: {outcome}");
        report.add(name, outcome);
    }
    report
}
