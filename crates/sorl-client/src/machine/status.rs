//! Where a client is with its connection.

use std::sync::Arc;

use sorl_core::region::Region;

use crate::client::DialFault;

/// Where a client is with its connection.
#[derive(Debug, Clone)]
pub enum Status {
    /// An attempt is being made.
    Connecting {
        /// Where to.
        region: Region,
        /// Why the last connection, or attempt at one, came to nothing, since there was one.
        after: Option<Arc<Lost>>,
    },
    /// There is a connection.
    Connected(Region),
    /// There is none; after a while, another attempt will be made.
    Waiting(Arc<Lost>),
    /// There is none, as the application wished.
    Away,
    /// The client has ended and comes back no more: its handle was dropped or closed, or the service said so.
    Closed,
}

impl Status {
    /// Why there is no connection, if there is none against the application's wish.
    #[must_use]
    pub fn lost(&self) -> Option<&Lost> {
        match self {
            Self::Waiting(lost) | Self::Connecting { after: Some(lost), .. } => Some(lost),
            _ => None,
        }
    }
}

/// Whether the application has nothing to learn from a status after the other.
pub(super) fn same(one: &Status, other: &Status) -> bool {
    match (one, other) {
        (
            Status::Connecting { region: a, after: lost },
            Status::Connecting { region: b, after: other_lost },
        ) => a == b && lost.as_ref().map(Arc::as_ptr) == other_lost.as_ref().map(Arc::as_ptr),
        (Status::Connected(a), Status::Connected(b)) => a == b,
        (Status::Waiting(a), Status::Waiting(b)) => Arc::ptr_eq(a, b),
        (Status::Away, Status::Away) | (Status::Closed, Status::Closed) => true,
        _ => false,
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// An attempt failed.
    #[error("no connection to {region} at {url}")]
    Failed {
        /// Where.
        region: Region,
        /// At which address.
        url: String,
        /// Why.
        #[source]
        fault: DialFault,
    },
    /// The connection ended.
    #[error("the connection to {region} ended: {reason}")]
    Ended {
        /// Where.
        region: Region,
        /// What is known of the reason.
        reason: String,
    },
}
