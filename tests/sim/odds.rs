//! The faults of a run as data: how often what goes wrong, drawn once from the seed.
//!
//! Not the going wrong itself (`weather`, `gateway`, `delivery`, `outside`, `faulty`). Each kind is off in half of
//! the runs, so that some runs have few kinds, and those often: what one fault hides, another run shows. Each can
//! be switched off by itself ([`KINDS`]), which is how a failing run is shrunk.

use std::time::Duration;

use crate::chance::Chance;
use crate::schedule::Resharding;
use crate::users::REGIONS;

/// How late what expired is collected where TTL is late: DynamoDB says days.
const TTL_LATE: Duration = Duration::from_hours(72);

/// What befalls whole regions for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spell {
    /// A region is cut off from all others.
    Cut,
    /// Replication takes seconds.
    Lag,
    /// Replication takes as long as it likes, each item for itself.
    Reorder,
    /// The account is throttled.
    Throttle,
    /// A queue is not subscribed to a topic: what it missed comes when it is again.
    Unsubscribed,
}

/// Shares are of 1.
#[derive(Debug, Clone, Default, PartialEq)]
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
    /// Batches that become visible again while a Lambda works on them.
    pub(crate) overlapping: f64,
    /// Batches that no Lambda sees, though the queue handed them out.
    pub(crate) lost_batch: f64,
    /// Records that come again long after they were done with and deleted.
    pub(crate) redelivered: f64,
    /// Records that are put back for a while before they are handed out: delayed, and so reordered.
    pub(crate) delayed: f64,
    /// The longest of these delays.
    pub(crate) delayed_for: Duration,
    /// Records that the queue itself delivers twice.
    pub(crate) duplicate: f64,
    /// Batches for which a Lambda has little time.
    pub(crate) short_of_time: f64,
    /// Reads of the index that do not show what is a few seconds old.
    pub(crate) stale_index: f64,
    /// Closed connections whose last frames are lost on the way.
    pub(crate) cut_off: f64,
    /// How far the clocks of two regions may be apart.
    pub(crate) skew: Duration,
    /// How late what expired is collected.
    pub(crate) ttl_late: Duration,
    /// The regions that run the version of tomorrow: an upgrade is under way where they are some.
    pub(crate) newer: Vec<&'static str>,
    /// Whether another configuration is rolled out during the run.
    pub(crate) reconfigured: bool,
    /// What befalls whole regions.
    pub(crate) spells: Vec<Spell>,
    /// How the number of shards is changed during the run, if it is.
    pub(crate) resharded: Option<Resharding>,
}

/// How a kind is switched off.
pub(crate) type SwitchOff = fn(&mut Odds);

/// Every kind, and how it is switched off.
pub(crate) const KINDS: [(&str, SwitchOff); 25] = [
    ("slow call", |odds| odds.slow = 0.0),
    ("error before the effect", |odds| odds.refused = 0.0),
    ("lost reply", |odds| odds.lost_reply = 0.0),
    ("killed Lambda", |odds| odds.killed = 0.0),
    ("410 for a live connection", |odds| odds.false_gone = 0.0),
    ("403", |odds| odds.forbidden = 0.0),
    ("disconnect never called", |odds| odds.no_disconnect = 0.0),
    ("visibility expired", |odds| odds.overlapping = 0.0),
    ("lost batch", |odds| odds.lost_batch = 0.0),
    ("redelivered record", |odds| odds.redelivered = 0.0),
    ("delayed record", |odds| odds.delayed = 0.0),
    ("duplicate record", |odds| odds.duplicate = 0.0),
    ("deadline reached", |odds| odds.short_of_time = 0.0),
    ("stale index", |odds| odds.stale_index = 0.0),
    ("last frames lost", |odds| odds.cut_off = 0.0),
    ("clock skew", |odds| odds.skew = Duration::ZERO),
    ("late TTL", |odds| odds.ttl_late = Duration::ZERO),
    ("upgrade", |odds| odds.newer.clear()),
    ("configuration changed", |odds| odds.reconfigured = false),
    ("shards changed", |odds| odds.resharded = None),
    ("region cut", |odds| odds.never(Spell::Cut)),
    ("replication lags", |odds| odds.never(Spell::Lag)),
    ("replication reordered", |odds| odds.never(Spell::Reorder)),
    ("429 of the account", |odds| odds.never(Spell::Throttle)),
    ("topic without a subscriber", |odds| odds.never(Spell::Unsubscribed)),
];

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
            slow_for: seconds(chance, &[2, 6, 12]),
            refused: share(1.5),
            lost_reply: share(1.5),
            killed: share(0.6),
            false_gone: share(1.0),
            forbidden: share(0.3),
            no_disconnect: share(10.0),
            overlapping: share(6.0),
            lost_batch: share(2.0),
            redelivered: share(2.0),
            delayed: share(10.0),
            delayed_for: seconds(chance, &[20, 40, 240]),
            duplicate: share(5.0),
            short_of_time: share(3.0),
            stale_index: share(10.0),
            cut_off: if chance.happens(0.5) { 0.5 } else { 0.0 },
            skew: chance.pick(&[0, 0, 50, 1_000]).map_or(Duration::ZERO, |ms| Duration::from_millis(*ms)),
            ttl_late: if chance.happens(0.5) { TTL_LATE } else { Duration::ZERO },
            newer: newer(chance),
            reconfigured: chance.happens(0.5),
            spells: spells(chance),
            // The last to be drawn: a seed whose shards stay is the run that it was before shards were changed.
            resharded: resharded(chance),
        }
        .over_hours()
    }

    /// A run of hours has about as many faults as another, and not as many a second: what they leave behind would pile
    /// up, until no invocation came to the end of its pages of three rows any more.
    fn over_hours(mut self) -> Self {
        if self.resharded == Some(Resharding::Down) {
            self.ttl_late = Duration::ZERO;
            let shares = [
                &mut self.slow,
                &mut self.refused,
                &mut self.lost_reply,
                &mut self.killed,
                &mut self.false_gone,
                &mut self.forbidden,
                &mut self.no_disconnect,
                &mut self.overlapping,
                &mut self.lost_batch,
                &mut self.redelivered,
                &mut self.delayed,
                &mut self.short_of_time,
            ];
            shares.into_iter().for_each(|share| *share /= 10.0);
        }
        self
    }

    /// The kinds that are in force.
    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        let in_force = KINDS.iter().filter(|(_, switch_off)| self.without(*switch_off) != *self);
        in_force.map(|(kind, _)| *kind).collect()
    }

    /// The same with one kind switched off.
    pub(crate) fn without(&self, switch_off: SwitchOff) -> Self {
        let mut without = self.clone();
        switch_off(&mut without);
        without
    }

    fn never(&mut self, spell: Spell) {
        self.spells.retain(|other| *other != spell);
    }
}

fn seconds(chance: &Chance, choice: &[u64]) -> Duration {
    chance.pick(choice).map_or(Duration::ZERO, |most| Duration::from_secs(*most))
}

/// No region in half of the runs, else each with even chances.
fn newer(chance: &Chance) -> Vec<&'static str> {
    if chance.happens(0.5) {
        return Vec::new();
    }
    REGIONS.into_iter().filter(|_| chance.happens(0.5)).collect()
}

/// Seldom, and fewer shards more seldom still: such a run takes hours of its life, and so the time of some others.
fn resharded(chance: &Chance) -> Option<Resharding> {
    let (up, down) = (Some(Resharding::Up), Some(Resharding::Down));
    chance
        .pick(&[None, None, up, down, None, None, up, None, None, None, up, None, None, None, up, None])
        .copied()
        .flatten()
}

fn spells(chance: &Chance) -> Vec<Spell> {
    let all = [Spell::Cut, Spell::Lag, Spell::Reorder, Spell::Throttle, Spell::Unsubscribed];
    all.into_iter().filter(|_| chance.happens(0.5)).collect()
}
