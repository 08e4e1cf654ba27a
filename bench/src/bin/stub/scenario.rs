//! A scenario: who is in which channel, what comes in how many invocations, and how the gateway behaves.
//!
//! Channel `room:c` has the connections `c·members … (c+1)·members`, so a channel's audience and a connection's
//! channel are arithmetic, and no two channels share a connection.

use std::time::Duration;

use serde::Deserialize;

/// Before the number of a connection in its id; behind it stands `=`, as in most ids of API Gateway.
const HEAD: &str = "L0SMc";
/// Digits of that number.
const DIGITS: usize = 10;

/// What one run does.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Scenario {
    /// Channels; record `i` of a run goes to channel `i % channels`.
    pub(crate) channels: usize,
    /// Members of each.
    pub(crate) members: usize,
    /// Records of an invocation, each one message.
    pub(crate) records: usize,
    /// Invocations, slices not counted.
    pub(crate) invocations: usize,
    /// Before each answer to a post.
    #[serde(default)]
    latency_ms: u64,
    /// Connections of a hundred that are gone.
    #[serde(default)]
    gone: usize,
    /// Posts of a hundred whose first attempt is answered 429.
    #[serde(default)]
    throttled: usize,
    /// Slices of one invocation, as the template's event source has it.
    #[serde(default = "ten")]
    pub(crate) bulk_batch: usize,
}

const fn ten() -> usize {
    10
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            channels: 0,
            members: 0,
            records: 0,
            invocations: 0,
            latency_ms: 0,
            gone: 0,
            throttled: 0,
            bulk_batch: 10,
        }
    }
}

impl Scenario {
    pub(crate) const fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms)
    }

    /// The channel of the run's `nth` record.
    pub(crate) const fn channel_of(&self, nth: usize) -> usize {
        nth % self.channels
    }

    pub(crate) const fn is_gone(&self, connection: usize) -> bool {
        connection % 100 < self.gone
    }

    /// Whether the first attempt to post this message to this connection is throttled.
    pub(crate) const fn is_throttled(&self, connection: usize, message: usize) -> bool {
        (connection * 7 + message * 13) % 100 + self.throttled >= 100
    }

    /// The channel's number, if there is such a channel.
    pub(crate) fn channel_named(&self, name: &str) -> Option<usize> {
        let channel = name.strip_prefix("room:")?.parse().ok()?;
        (channel < self.channels).then_some(channel)
    }
}

pub(crate) fn channel_name(channel: usize) -> String {
    format!("room:{channel}")
}

pub(crate) fn connection_id(connection: usize) -> String {
    format!("{HEAD}{connection:0DIGITS$}=")
}

/// The number of a connection in its id, however that is encoded.
pub(crate) fn connection_in(id: &str) -> Option<usize> {
    id.strip_prefix(HEAD)?.get(..DIGITS)?.parse().ok()
}
