//! Ports that fail where a test wants them to, over the real ones.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use sorl_core::authorize::VerifyKey;
use sorl_core::envelope::Slice;
use sorl_core::ids::{ConnectionId, MessageId};
use sorl_core::member::{MemberKey, Partition};
use sorl_core::names::ChannelName;
use sorl_core::ports::{
    DeadLetter, Epoch, Keys, LateMark, Log, LogEntry, LogPage, LogQuery, MemberPage, Partial, Queue,
    Registry, Unavailable,
};
use sorl_core::region::Region;
use sorl_tests::over::{Over, OverLog, OverRegistry};

fn down() -> Unavailable {
    Unavailable::new("broken", "on purpose")
}

/// A log that does as it is asked, but for what is set.
pub(crate) struct BrokenLog<'a> {
    pub(crate) log: &'a dyn Log,
    /// The first entry of a batch.
    pub(crate) refuses_first: bool,
    pub(crate) refuses_marks: bool,
    /// What marks name is not there any more.
    pub(crate) lost_marked: bool,
    /// From the first reading on, nothing of the past counts as complete.
    pub(crate) loses_when_read: bool,
    pub(crate) is_read: AtomicBool,
}

impl<'a> BrokenLog<'a> {
    /// Nothing of it is broken yet.
    pub(crate) const fn of(log: &'a dyn Log) -> Self {
        Self {
            log,
            refuses_first: false,
            refuses_marks: false,
            lost_marked: false,
            loses_when_read: false,
            is_read: AtomicBool::new(false),
        }
    }
}

#[async_trait]
impl OverLog for BrokenLog<'_> {
    fn log(&self) -> &dyn Log {
        self.log
    }

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

    async fn read(&self, channel: &ChannelName, ids: &[MessageId]) -> Result<Vec<LogEntry>, Unavailable> {
        if self.lost_marked { Ok(Vec::new()) } else { self.log.read(channel, ids).await }
    }

    async fn range(&self, query: &LogQuery) -> Result<LogPage, Unavailable> {
        self.is_read.store(true, Ordering::Relaxed);
        self.log.range(query).await
    }

    async fn epochs(&self, namespace: &str) -> Result<Vec<Epoch>, Unavailable> {
        let lost = self.loses_when_read && self.is_read.load(Ordering::Relaxed);
        if lost { Ok(Vec::new()) } else { self.log.epochs(namespace).await }
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

/// A registry that counts nobody: partitions and the index cannot be read.
pub(crate) struct Uncounted<'a>(pub(crate) &'a dyn Registry);

#[async_trait]
impl OverRegistry for Uncounted<'_> {
    fn registry(&self) -> &dyn Registry {
        self.0
    }

    async fn audience(&self, _: &Partition, _: Option<&ConnectionId>) -> Result<MemberPage, Unavailable> {
        Err(down())
    }

    async fn presence(&self, _: &Partition, _: Option<&ConnectionId>) -> Result<MemberPage, Unavailable> {
        Err(down())
    }

    async fn rows_of(&self, _: &Region, _: &ConnectionId) -> Result<Vec<MemberKey>, Unavailable> {
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

/// A registry that reads so many pages of audiences and no more, or whose replica is far behind.
pub(crate) struct BrokenRegistry<'a> {
    inner: &'a dyn Registry,
    pages: AtomicUsize,
    is_behind: bool,
}

impl<'a> BrokenRegistry<'a> {
    /// It reads so many pages.
    pub(crate) const fn with_pages(inner: &'a dyn Registry, pages: usize) -> Over<Self> {
        Over(Self { inner, pages: AtomicUsize::new(pages), is_behind: false })
    }

    /// What is read eventually consistent is as it was before anybody came.
    pub(crate) const fn behind(inner: &'a dyn Registry) -> Over<Self> {
        Over(Self { inner, pages: AtomicUsize::new(usize::MAX), is_behind: true })
    }
}

#[async_trait]
impl OverRegistry for BrokenRegistry<'_> {
    fn registry(&self) -> &dyn Registry {
        self.inner
    }

    async fn audience(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        let left =
            self.pages.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |pages| pages.checked_sub(1));
        left.map_err(|_none| down())?;
        self.inner.audience(partition, after).await
    }

    async fn presence(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        if self.is_behind { Ok(MemberPage::default()) } else { self.inner.presence(partition, after).await }
    }

    async fn rows_of(
        &self,
        region: &Region,
        connection: &ConnectionId,
    ) -> Result<Vec<MemberKey>, Unavailable> {
        if self.is_behind { Ok(Vec::new()) } else { self.inner.rows_of(region, connection).await }
    }
}
