//! Ports that fail where a test wants them to, over the real ones.

use async_trait::async_trait;
use sorl_core::authorize::VerifyKey;
use sorl_core::envelope::Slice;
use sorl_core::ids::MessageId;
use sorl_core::names::ChannelName;
use sorl_core::ports::{
    DeadLetter, Epoch, Keys, LateMark, Log, LogEntry, LogPage, LogQuery, Marks, Partial, Queue, Unavailable,
};
use sorl_core::time::Timestamp;

fn down() -> Unavailable {
    Unavailable::new("broken", "on purpose")
}

/// A log that does not take the first entry of a batch, or no marks.
pub(crate) struct BrokenLog<'a> {
    pub(crate) log: &'a dyn Log,
    pub(crate) refuses_first: bool,
    pub(crate) refuses_marks: bool,
}

#[async_trait]
impl Log for BrokenLog<'_> {
    async fn append(&self, entries: &[LogEntry]) -> Result<(), Partial> {
        if !self.refuses_first {
            return self.log.append(entries).await;
        }
        self.log.append(&entries[1..]).await?;
        Err(Partial { failed: vec![0], source: down() })
    }

    async fn mark(&self, mark: &LateMark) -> Result<(), Unavailable> {
        if self.refuses_marks { Err(down()) } else { self.log.mark(mark).await }
    }

    async fn marks(
        &self,
        channel: &ChannelName,
        after: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Marks, Unavailable> {
        self.log.marks(channel, after, now, limit).await
    }

    async fn read(&self, channel: &ChannelName, ids: &[MessageId]) -> Result<Vec<LogEntry>, Unavailable> {
        self.log.read(channel, ids).await
    }

    async fn range(&self, query: &LogQuery) -> Result<LogPage, Unavailable> {
        self.log.range(query).await
    }

    async fn epochs(&self, namespace: &str) -> Result<Vec<Epoch>, Unavailable> {
        self.log.epochs(namespace).await
    }
}

/// A queue that takes nothing.
pub(crate) struct BrokenQueue;

#[async_trait]
impl Queue for BrokenQueue {
    async fn send(&self, slices: &[Slice]) -> Result<(), Partial> {
        Err(Partial::all(slices.len(), down()))
    }

    async fn bury(&self, _letter: &DeadLetter) -> Result<(), Unavailable> {
        Err(down())
    }
}

/// Keys that nobody asks for: a handshake without a token needs none.
pub(crate) struct NoKeys;

#[async_trait]
impl Keys for NoKeys {
    async fn find(&self, _kid: Option<&str>) -> Result<Vec<VerifyKey>, Unavailable> {
        Err(down())
    }
}
