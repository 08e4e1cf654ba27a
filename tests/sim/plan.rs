//! The plan of a run: who takes part, for how long, and what goes wrong; drawn from the seed, or made smaller.
//!
//! Not what happens: that is the stream of chance of the same seed. The invariant: the same plan gives the same
//! run.

use std::fmt;
use std::time::Duration;

use crate::chance::Chance;
use crate::odds::{KINDS, Odds};
use crate::schedule::Resharding;
use crate::users::CLIENTS;

/// What a user does in a life, about.
const DEEDS: u32 = 20;
/// Steps by which a plan is made smaller that are no kinds of faults.
const OTHERS: usize = 7;
/// All steps, those first that save most.
pub(crate) const STEPS: usize = OTHERS + KINDS.len();
/// The shortest life that is worth a run.
const LENGTH_MIN: Duration = Duration::from_secs(30);

/// A run before it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// Which run.
    pub(crate) seed: u64,
    /// Another stream of chance of the same seed: zero but where a failing run is shrunk.
    pub(crate) salt: u64,
    /// What goes wrong.
    pub(crate) odds: Odds,
    /// How many clients take part.
    pub(crate) clients: usize,
    /// How many programs publish.
    pub(crate) publishers: usize,
    /// Whether an operator puts people out.
    pub(crate) operator: bool,
    /// How long the life under faults lasts.
    pub(crate) length: Duration,
    /// What each client does in it, about.
    pub(crate) deeds: u32,
}

impl Plan {
    /// The plan of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let chance = Chance::new(seed);
        let length = chance.pick(&[90, 300, 900, 2_000]).copied().unwrap_or(90);
        let odds = Odds::draw(&chance);
        let length = Duration::from_secs(length);
        let length = odds.resharded.map_or(length, |resharding| length.max(resharding.length_min()));
        // Who is kept out knocks all the while, and a row stays of each knock that goes wrong: in a run of hours, under
        // faults that never cease, more than an order that is about all of them gets done.
        let operator = odds.resharded != Some(Resharding::Down);
        Self { seed, salt: 0, odds, clients: CLIENTS, publishers: 2, operator, length, deeds: DEEDS }
    }

    /// The stream of what happens.
    pub(crate) fn chance(&self) -> Chance {
        Chance::new(self.seed ^ self.salt.rotate_left(32))
    }

    /// A step smaller, by the step's number below [`STEPS`]; none if it is that small already.
    pub(crate) fn smaller(&self, step: usize) -> Option<Self> {
        let plan = || self.clone();
        let smaller = match step {
            0 => Self { clients: self.clients.div_ceil(2), ..plan() },
            1 => Self { length: (self.length / 2).max(LENGTH_MIN), ..plan() },
            2 => Self { deeds: self.deeds.div_ceil(2), ..plan() },
            3 => Self { publishers: 0, ..plan() },
            4 => Self { operator: false, ..plan() },
            5 => Self { clients: self.clients.saturating_sub(1).max(1), ..plan() },
            6 => Self { publishers: self.publishers.min(1), ..plan() },
            kind => Self { odds: self.odds.without(KINDS.get(kind - OTHERS)?.1), ..plan() },
        };
        (smaller != *self).then_some(smaller)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, salt, clients, publishers, deeds, .. } = self;
        write!(
            f,
            "seed {seed}.{salt}: {clients} clients and {publishers} publishers for {} s, {deeds} deeds each",
            self.length.as_secs()
        )?;
        f.write_str(if self.operator { ", an operator; faults: " } else { "; faults: " })?;
        let kinds = self.odds.kinds();
        f.write_str(if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") }.as_str())
    }
}

#[test]
fn a_seed_has_one_plan_and_every_step_is_smaller() {
    let plan = Plan::of(3);
    assert_eq!(plan, Plan::of(3));
    for smaller in (0..STEPS).filter_map(|step| plan.smaller(step)) {
        assert!(smaller.clients <= plan.clients && smaller.length <= plan.length);
        assert!(smaller.odds.kinds().len() <= plan.odds.kinds().len());
    }
}
