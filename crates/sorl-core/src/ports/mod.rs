//! The ports: everything that a handler may touch, and nothing about how.
//!
//! Each guarantee in a port's documentation has a **bold name**; the contract test of that name runs against
//! every adapter. A port never blocks for ever: **`answers_in_time`** holds for every call of every port (an
//! adapter has a time-out of its own and says [`Unavailable`]). Every write may be made twice and must not
//! matter.

mod ambient;
mod bus;
mod gateway;
mod keys;
mod log;
mod queue;
mod registry;

pub use ambient::{Clock, Entropy};
pub use bus::Bus;
pub use gateway::{CloseError, Gateway, PostError};
pub use keys::Keys;
pub use log::{Epoch, LateMark, Log, LogEntry, LogPage, LogQuery, Marks, Order};
pub use queue::{DeadLetter, Queue, RecordSource};
pub use registry::{MemberPage, Rate, Registry};

/// A dependency did not answer, or answered that it could not: the same call may succeed later, and may or
/// may not have taken effect. The text is for the log, never for a client.
#[derive(Debug, thiserror::Error)]
#[error("{port} is unavailable")]
pub struct Unavailable {
    /// Which port.
    pub port: &'static str,
    /// What the adapter knows.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Unavailable {
    /// A failure of `port` because of `source`.
    pub fn new(port: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { port, source: source.into() }
    }
}

/// A batch of which some items may not have taken effect: `failed` holds their indexes, ascending. All
/// others are durably done. Items that failed may have taken effect too.
#[derive(Debug, thiserror::Error)]
#[error("{} items of the batch failed", failed.len())]
pub struct Partial {
    /// Indexes of the items that are not known to have taken effect.
    pub failed: Vec<usize>,
    /// Why, of one of them.
    #[source]
    pub source: Unavailable,
}

impl Partial {
    /// None of a batch of `len` items is known to have taken effect.
    #[must_use]
    pub fn all(len: usize, source: Unavailable) -> Self {
        Self { failed: (0..len).collect(), source }
    }
}
