//! Options of a channel, chosen by its prefix.

use std::time::Duration;

use crate::grants::Rights;

/// The options of all channels with one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// The prefix; `default` for channels without a section, `@` for personal ones.
    pub name: String,
    /// How long messages are kept; zero keeps none.
    pub history: Duration,
    /// Whether members may be listed.
    pub presence: bool,
    /// Whether joins and leaves are told to members.
    pub join_leave: bool,
    /// How many partitions new members are spread over.
    pub shards: u16,
    /// How many partitions delivery reads; at least `shards`.
    pub shards_read: u16,
    /// Publishes per user and region; none: no bound.
    pub rate: Option<PublishRate>,
    /// Rights of tokens without the claim.
    pub grants: Rights,
}

/// How often a user may publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishRate {
    /// So often
    pub count: u32,
    /// in this window.
    pub window: Duration,
}

impl Namespace {
    pub(super) fn default_for(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            history: Duration::from_hours(24),
            presence: true,
            join_leave: false,
            shards: 1,
            shards_read: 1,
            rate: None,
            grants: Rights::NONE,
        }
    }

    /// Whether messages are kept at all.
    #[must_use]
    pub const fn keeps_history(&self) -> bool {
        !self.history.is_zero()
    }
}
