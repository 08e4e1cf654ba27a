//! Ports that fail where a test wants them to, over the real ones.

use async_trait::async_trait;
use sorl_core::authorize::VerifyKey;
use sorl_core::envelope::Slice;
use sorl_core::ids::{ConnectionId, MessageId};
use sorl_core::member::{Block, Member, MemberKey, Partition};
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::{
    DeadLetter, Epoch, Keys, LateMark, Log, LogEntry, LogPage, LogQuery, Marks, MemberPage, Partial, Queue, Rate,
    Registry, Unavailable,
};
use sorl_core::region::Region;
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

/// A registry that counts nobody: partitions and the index cannot be read.
pub(crate) struct Uncounted<'a>(pub(crate) &'a dyn Registry);

#[async_trait]
impl Registry for Uncounted<'_> {
    async fn put(&self, member: &Member) -> Result<Option<Member>, Unavailable> {
        self.0.put(member).await
    }

    async fn get(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable> {
        self.0.get(key).await
    }

    async fn delete(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable> {
        self.0.delete(key).await
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

    async fn put_block(&self, region: &Region, block: &Block) -> Result<(), Unavailable> {
        self.0.put_block(region, block).await
    }

    async fn blocks(&self, region: &Region, user: &UserName) -> Result<Vec<Block>, Unavailable> {
        self.0.blocks(region, user).await
    }

    async fn spend(&self, region: &Region, rate: &Rate, now: Timestamp) -> Result<bool, Unavailable> {
        self.0.spend(region, rate, now).await
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
