//! Those that are asked for, one after the other, and the table of what came of them.
//!
//! Not what they do. The invariant: one that fails, even by a panic, leaves the others their turn.

use std::pin::Pin;
use std::process::ExitCode;

use tokio::task::LocalSet;

use crate::report::{Outcome, Report};
use crate::scale::Scale;

pub(crate) type Running = Pin<Box<dyn Future<Output = Outcome>>>;

/// A name, and how it goes.
pub(crate) type Turn = (&'static str, fn(Scale) -> Running);

/// Runs those of `all` that the arguments name, or all; flags are cargo's and the test harness's.
pub(crate) fn take(suite: &str, all: &[Turn], arguments: &[String]) -> ExitCode {
    let names: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let is_asked = |turn: &&Turn| names.is_empty() || names.iter().any(|name| *name == turn.0);
    let asked: Vec<_> = all.iter().filter(is_asked).collect();
    if asked.is_empty() {
        let known: Vec<_> = all.iter().map(|(name, _)| *name).collect();
        println!("{suite}: none of that name; known are {}", known.join(", "));
        return ExitCode::from(2);
    }
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let report = runtime.block_on(LocalSet::new().run_until(in_turn(suite, &asked)));
    println!("\n{report}");
    report.keep(suite);
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn in_turn(suite: &str, turns: &[&Turn]) -> Report {
    let (scale, mut report) = (Scale::asked(), Report::default());
    for (name, run) in turns {
        println!("{suite}: {name}");
        // A task of its own, so that one that fails leaves the others their turn.
        let outcome = tokio::task::spawn_local(run(scale)).await;
        let outcome = outcome.unwrap_or_else(|failed| Outcome::failed(&failed.to_string()));
        println!("{suite}: {name}: {outcome}");
        report.add(name, outcome);
    }
    report
}
