//! What bounds a single client, so that one of them can use up nothing that others need.
//!
//! Not the rate at which a user publishes, which is a namespace's. None: no bound, and nothing is read to keep it.

use crate::limits::CHANNELS_DEFAULT;

/// `[limits]` of connections and of what they subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Channels that a connection may be in, its user's personal one aside.
    pub channels: Option<usize>,
    /// Connections that a user may have, in all regions.
    pub connections: Option<usize>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { channels: Some(CHANNELS_DEFAULT), connections: None }
    }
}
