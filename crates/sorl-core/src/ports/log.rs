//! The log: a region's own messages table, each channel's messages in id order, and late marks.

use std::time::Duration;

use async_trait::async_trait;

use super::{Partial, Unavailable};
use crate::ids::MessageId;
use crate::message::Message;
use crate::names::ChannelName;
use crate::time::Timestamp;

/// A message as the log keeps it.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// The message.
    pub message: Message,
    /// From then on it counts as gone, whether or not it was collected.
    pub expires_at: Timestamp,
}

/// The note that a channel's messages were delivered late: it names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateMark {
    /// Whose log it stands in.
    pub channel: ChannelName,
    /// When it was written.
    pub at: Timestamp,
    /// The late messages; not empty.
    pub ids: Vec<MessageId>,
    /// From then on it counts as gone.
    pub expires_at: Timestamp,
}

/// The late marks of a channel.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// The ids that they name, ascending, each once.
    pub ids: Vec<MessageId>,
    /// Whether there were more than asked for; then `ids` is some of them.
    pub truncated: bool,
}

/// Which way a log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// From old to new.
    Ascending,
    /// From new to old.
    Descending,
}

/// A range of a channel's log.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// Whose log.
    pub channel: ChannelName,
    /// Only ids greater than this.
    pub after: Option<MessageId>,
    /// Only ids less than this.
    pub before: Option<MessageId>,
    /// Which end comes first.
    pub order: Order,
    /// At most so many entries; at least 1.
    pub limit: usize,
}

/// A part of a range, in the order asked.
#[derive(Debug, Clone, Default)]
pub struct LogPage {
    /// The entries, expired ones perhaps among them.
    pub entries: Vec<LogEntry>,
    /// Whether the range goes on behind the last entry. A page that says so has at least one entry.
    pub more: bool,
}

/// Since when a namespace's messages are kept for `retention`, in this region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// From this acceptance time on.
    pub since: Timestamp,
    /// How long; zero keeps none.
    pub retention: Duration,
    /// Whether the stage itself began then: nothing was accepted before, so nothing from before is missing.
    pub begins_stage: bool,
}

/// A region's history.
///
/// - **`written_is_read`**: what `append` or `mark` acknowledged is seen by every later read (strongly
///   consistent).
/// - **`entries_sort_by_id`** within a channel, and no channel sees another's.
/// - **`appending_twice_is_appending_once`**.
/// - **`failures_are_told_apart`**: in a batch, only the items named in [`Partial`] may be missing.
/// - **`pages_lead_to_the_end`**: following `more` from the last entry on gives every entry of the range once.
/// - Expired rows may still be returned; readers filter.
#[async_trait]
pub trait Log: Send + Sync {
    /// Writes entries, of any number and of several channels.
    ///
    /// # Errors
    /// [`Partial`] names the entries that were not acknowledged.
    async fn append(&self, entries: &[LogEntry]) -> Result<(), Partial>;

    /// Writes a late mark.
    ///
    /// # Errors
    /// [`Unavailable`]: the mark may or may not stand.
    async fn mark(&self, mark: &LateMark) -> Result<(), Unavailable>;

    /// The ids named by the channel's marks stamped later than `after` and not expired at `now`; at most
    /// about `limit` ids are read.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn marks(
        &self,
        channel: &ChannelName,
        after: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Marks, Unavailable>;

    /// Those of `ids` that stand in the channel's log, ascending.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn read(&self, channel: &ChannelName, ids: &[MessageId]) -> Result<Vec<LogEntry>, Unavailable>;

    /// One page of a range.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn range(&self, query: &LogQuery) -> Result<LogPage, Unavailable>;

    /// The retentions that `namespace` had in this region, oldest first; empty means that the region never
    /// logged for it yet.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn epochs(&self, namespace: &str) -> Result<Vec<Epoch>, Unavailable>;
}
