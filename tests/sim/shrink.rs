//! Shrinking: a failing run made smaller, a step at a time, for as long as it breaks the same promise.
//!
//! Not a search for the smallest there is. A step changes the course of events, so each is tried with a few
//! streams of chance. The invariant: what comes out fails as what went in.

#[cfg(test)]
use crate::mutations::{Flaw, RegistryFlaw};
use crate::plan::{Plan, STEPS};
use crate::run::{Outcome, run};
use crate::trace::Telling;
use crate::wiring::Wiring;

/// Streams of chance that each step is tried with.
const STREAMS: u64 = 6;

/// The smallest run found within `runs` that breaks the same promise, with its trace; none if not even the run
/// itself does.
pub(crate) fn shrink(plan: &Plan, wiring: Wiring, runs: usize) -> Option<Outcome> {
    let mut shrinking = Shrinking { wiring, promise: "", runs: runs.max(1) };
    let promise = shrinking.broken(plan)?;
    shrinking.promise = promise;
    let mut smallest = plan.clone();
    while let Some(smaller) = shrinking.pass(&smallest) {
        smallest = smaller;
    }
    Some(run(&smallest, wiring, Telling::All))
}

struct Shrinking {
    wiring: Wiring,
    promise: &'static str,
    /// How many may still be run.
    runs: usize,
}

impl Shrinking {
    /// The first promise that the run of a plan breaks.
    fn broken(&mut self, plan: &Plan) -> Option<&'static str> {
        self.runs = self.runs.checked_sub(1)?;
        let outcome = run(plan, self.wiring, Telling::Nothing);
        outcome.violations.first().map(|violation| violation.promise)
    }

    /// Goes as far as it can with each step in turn; none if no step was possible.
    fn pass(&mut self, plan: &Plan) -> Option<Plan> {
        let mut smallest = plan.clone();
        for step in 0..STEPS {
            while let Some(smaller) = smallest.smaller(step).and_then(|smaller| self.failing(&smaller)) {
                smallest = smaller;
            }
        }
        (smallest != *plan).then_some(smallest)
    }

    fn failing(&mut self, plan: &Plan) -> Option<Plan> {
        let salts = (0..STREAMS).map(|more| (plan.salt + more) % STREAMS);
        salts.map(|salt| Plan { salt, ..plan.clone() }).find(|plan| self.broken(plan) == Some(self.promise))
    }
}

#[test]
fn a_failing_run_is_shrunk_to_one_that_breaks_the_same_promise() {
    let wiring = Wiring::broken(Flaw::Registry(RegistryFlaw::HasNoIndex));
    let broken = |plan: &Plan| Shrinking { wiring, promise: "", runs: 1 }.broken(plan);
    let (plan, promise) =
        (0..).map(Plan::of).find_map(|plan| broken(&plan).map(|promise| (plan, promise))).unwrap();
    let smallest = shrink(&plan, wiring, 60).unwrap();
    assert_eq!(smallest.violations.first().map(|violation| violation.promise), Some(promise));
    let size = |plan: &Plan| (plan.clients, plan.length, plan.odds.kinds().len());
    let ((clients, length, kinds), whole) = (size(&smallest.plan), size(&plan));
    assert!(clients <= whole.0 / 2 && length < whole.1 && kinds < whole.2, "{plan} became {}", smallest.plan);
    assert!(!smallest.trace.whole().is_empty(), "a run that somebody has to read is written down");
}

#[test]
fn a_run_that_breaks_nothing_has_nothing_to_shrink() {
    assert!(shrink(&Plan::of(0), Wiring::default(), 10).is_none());
}
