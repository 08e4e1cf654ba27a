//! The faults of a run as data: how often what goes wrong, drawn once from the seed.
//!
//! Not the going wrong itself (`weather`, `gateway`, `delivery`, `mischief`). Each kind is off in half of the
//! runs, so that some runs have few kinds, and those often: what one fault hides, another run shows.

use std::time::Duration;

use crate::chance::Chance;
use crate::users::REGIONS;

/// Shares are of 1.
#[derive(Debug, Clone, Default)]
pub(crate) struct Odds {
    /// Port calls that take long, up to [`Odds::slow_for`].
    pub(crate) slow: f64,
    /// The longest of them.
    pub(crate) slow_for: Duration,
    /// Port calls that fail before their effect.
    pub(crate) refused: f64,
    /// Port calls whose effect happens and whose answer is lost.
    pub(crate) lost_reply: f64,
    /// Port calls at which the whole Lambda dies, before or after the effect.
    pub(crate) killed: f64,
    /// Posts to live connections answered 410.
    pub(crate) false_gone: f64,
    /// Posts answered 403.
    pub(crate) forbidden: f64,
    /// `disconnect`s that API Gateway never calls.
    pub(crate) no_disconnect: f64,
    /// Batches that are handed to two Lambdas at once.
    pub(crate) twice: f64,
    /// Records that are put back for a while before they are handed out: delayed, and so reordered.
    pub(crate) delayed: f64,
    /// The longest of these delays.
    pub(crate) delayed_for: Duration,
    /// Records that the queue itself delivers twice.
    pub(crate) duplicate: f64,
    /// Closed connections whose last frames are lost on the way.
    pub(crate) cut_off: f64,
    /// How far the clocks of two regions may be apart.
    pub(crate) skew: Duration,
    /// The regions that run the version of tomorrow: an upgrade is under way where they are some.
    pub(crate) newer: Vec<&'static str>,
}

impl Odds {
    /// Nothing goes wrong.
    pub(crate) fn none() -> Self {
        Self { slow_for: Duration::from_millis(1), delayed_for: Duration::from_millis(1), ..Self::default() }
    }

    /// What goes wrong in the run of a seed.
    pub(crate) fn draw(chance: &Chance) -> Self {
        let level = [0.003, 0.01, 0.03].get(chance.below(3)).copied().unwrap_or_default();
        let share = |weight: f64| if chance.happens(0.5) { level * weight } else { 0.0 };
        Self {
            slow: share(4.0),
            slow_for: chance.pick(&[2, 6, 12]).map_or(Duration::ZERO, |most| Duration::from_secs(*most)),
            refused: share(1.5),
            lost_reply: share(1.5),
            killed: share(0.6),
            false_gone: share(1.0),
            forbidden: share(0.3),
            no_disconnect: share(10.0),
            twice: share(6.0),
            delayed: share(10.0),
            delayed_for: chance
                .pick(&[20, 40, 240])
                .map_or(Duration::ZERO, |most| Duration::from_secs(*most)),
            duplicate: share(5.0),
            cut_off: if chance.happens(0.5) { 0.5 } else { 0.0 },
            skew: chance.pick(&[0, 0, 50, 1_000]).map_or(Duration::ZERO, |ms| Duration::from_millis(*ms)),
            newer: newer(chance),
        }
    }
}

/// No region in half of the runs, else each with even chances.
fn newer(chance: &Chance) -> Vec<&'static str> {
    if chance.happens(0.5) {
        return Vec::new();
    }
    REGIONS.into_iter().filter(|_| chance.happens(0.5)).collect()
}
