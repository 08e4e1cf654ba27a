//! When which configuration is rolled out: one at once, or another number of shards in two steps, as operators do it.
//!
//! Not what a step does in its region (`rollout`). The invariant is the order that the documents ask for: more shards
//! are read in every region before any is written, and fewer are written for as long as a member's row may live before
//! fewer are read. What becomes of a stage whose operator does not keep to it is a flaw (`mutations/rollout.rs`).

use std::sync::Arc;
use std::time::Duration;

use sorl_core::config::Config;
use sorl_core::limits::CONNECTION_AGE_MAX;
use sorl_core::region::Region;

use crate::chance::Chance;
use crate::mutations::RolloutFlaw;
use crate::plan::Plan;
use crate::rollout::{LAST_WRITE, Rollout, Step};
use crate::stage::START;
use crate::users::{Shards, Version};

/// How the number of shards is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resharding {
    /// More are read, then more are written.
    Up,
    /// Fewer are written, then fewer are read.
    Down,
}

impl Resharding {
    /// How long a run is at least that has life before, between and after the steps.
    pub(crate) const fn length_min(self) -> Duration {
        match self {
            Self::Up => Duration::from_mins(15),
            Self::Down => Duration::from_hours(3),
        }
    }

    /// What is written and read at first, then, and in the end.
    fn numbers(self, flaw: Option<RolloutFlaw>) -> [Shards; 3] {
        let [few, covered, many] = [(1, 1), (1, 3), (3, 3)].map(|(written, read)| Shards { written, read });
        let at_once = flaw == Some(RolloutFlaw::ChangesShardsAtOnce);
        match self {
            Self::Up => [few, if at_once { many } else { covered }, many],
            Self::Down => [many, if at_once { few } else { covered }, few],
        }
    }

    /// Between the end of the first step everywhere and the beginning of the second.
    fn rest(self, flaw: Option<RolloutFlaw>) -> Duration {
        match self {
            Self::Down if flaw != Some(RolloutFlaw::LowersShardsTooSoon) => LAST_WRITE + CONNECTION_AGE_MAX,
            _ => LAST_WRITE,
        }
    }
}

/// The versions of a run's configuration in the order in which they are rolled out.
pub(crate) fn versions(plan: &Plan, grows: bool, flaw: Option<RolloutFlaw>) -> Vec<Version> {
    let [before, after] = if plan.odds.reconfigured {
        let before = Version { is_larger: !grows, ..Version::USUAL };
        [before, Version { is_larger: grows, shows_past: false, ..before }]
    } else {
        [Version::USUAL; 2]
    };
    let Some(resharding) = plan.odds.resharded else { return vec![before, after] };
    let numbers = resharding.numbers(flaw).map(Some);
    [before, after, after]
        .into_iter()
        .zip(numbers)
        .map(|(version, shards)| Version { shards, ..version })
        .collect()
}

/// The steps of a run, at their own time in each region.
pub(crate) struct Schedule {
    configs: Vec<Arc<Config>>,
    windows: Vec<Window>,
}

/// When a step is taken, in milliseconds: it begins between two times since the start, and lasts no longer than that.
struct Window {
    from: u64,
    to: u64,
    lasts: u64,
}

impl Schedule {
    /// Of these versions, the first of which a run begins with.
    pub(crate) fn of(plan: &Plan, configs: Vec<Arc<Config>>, flaw: Option<RolloutFlaw>) -> Self {
        let part = |parts: u32| millis(plan.length / parts);
        let windows = match plan.odds.resharded {
            // Somewhere in the middle of the run.
            None => vec![Window { from: part(3), to: 2 * part(3), lasts: 45_000 }],
            Some(resharding) => {
                let unit = part(if resharding == Resharding::Up { 8 } else { 16 });
                let second = 2 * unit + millis(resharding.rest(flaw));
                [0, second].map(|from| Window { from, to: from + unit, lasts: unit }).into()
            }
        };
        Self { configs, windows }
    }

    /// What a run begins with.
    pub(crate) fn first(&self) -> Arc<Config> {
        self.configs.first().cloned().unwrap_or_default()
    }

    /// The roll-out in one region.
    pub(crate) fn rollout(&self, region: &Region, chance: &Chance) -> Rollout {
        let steps = self.windows.iter().zip(self.configs.iter().skip(1));
        let steps = steps.map(|(window, config)| {
            let begins = START.plus(chance.millis(window.from, window.to));
            Step { config: Arc::clone(config), begins, ends: begins.plus(chance.millis(0, window.lasts)) }
        });
        Rollout { region: region.clone(), first: self.first(), steps: steps.collect() }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
