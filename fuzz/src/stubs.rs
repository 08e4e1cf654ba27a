//! Ports that hold nothing but the caller's own connection and take everything, so that a frame goes as far as it can.
//!
//! Not a service (`sorl-local` is one): nothing is remembered but what went to the bus.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use sorl_core::envelope::Relayed;
use sorl_core::ids::{ConnectionId, MessageId};
use sorl_core::member::{Block, Member, MemberKey, Partition};
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::{
    Bus, Clock, Entropy, Epoch, LateMark, Log, LogEntry, LogPage, LogQuery, Marks, MemberPage, Partial, Rate,
    Registry, Unavailable,
};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

/// When everything happens.
pub const NOW: Timestamp = Timestamp::from_millis(1_764_000_000_000);

/// Every port of `command`.
#[derive(Default)]
pub struct Nothing {
    /// What was published.
    pub published: Mutex<Vec<Relayed>>,
}

impl Clock for Nothing {
    fn now(&self) -> Timestamp {
        NOW
    }
}

impl Entropy for Nothing {
    fn bits(&self) -> u64 {
        0x0123_4567_89ab_cdef
    }
}

#[async_trait]
impl Bus for Nothing {
    async fn publish(&self, items: &[Relayed]) -> Result<(), Partial> {
        if let Ok(mut published) = self.published.lock() {
            published.extend_from_slice(items);
        }
        Ok(())
    }
}

#[async_trait]
impl Registry for Nothing {
    async fn put(&self, _member: &Member) -> Result<Option<Member>, Unavailable> {
        Ok(None)
    }

    async fn get(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable> {
        // A connection's own record stands in its user's personal channel.
        let owner =
            key.partition.channel.as_str().strip_prefix('@').and_then(|user| UserName::parse(user).ok());
        let expires_at = NOW.plus(Duration::from_secs(60));
        Ok(owner.map(|user| Member { key: key.clone(), user, since: NOW, expires_at }))
    }

    async fn delete(&self, _key: &MemberKey) -> Result<Option<Member>, Unavailable> {
        Ok(None)
    }

    async fn audience(&self, _: &Partition, _: Option<&ConnectionId>) -> Result<MemberPage, Unavailable> {
        Ok(MemberPage::default())
    }

    async fn presence(&self, _: &Partition, _: Option<&ConnectionId>) -> Result<MemberPage, Unavailable> {
        Ok(MemberPage::default())
    }

    async fn rows_of(&self, _: &Region, _: &ConnectionId) -> Result<Vec<MemberKey>, Unavailable> {
        Ok(Vec::new())
    }

    async fn put_block(&self, _region: &Region, _block: &Block) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn blocks(&self, _region: &Region, _user: &UserName) -> Result<Vec<Block>, Unavailable> {
        Ok(Vec::new())
    }

    async fn spend(&self, _region: &Region, _rate: &Rate, _now: Timestamp) -> Result<bool, Unavailable> {
        Ok(true)
    }
}

#[async_trait]
impl Log for Nothing {
    async fn append(&self, _entries: &[LogEntry]) -> Result<(), Partial> {
        Ok(())
    }

    async fn mark(&self, _mark: &LateMark) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn marks(
        &self,
        _channel: &ChannelName,
        _after: Timestamp,
        _now: Timestamp,
        _limit: usize,
    ) -> Result<Marks, Unavailable> {
        Ok(Marks::default())
    }

    async fn read(&self, _channel: &ChannelName, _ids: &[MessageId]) -> Result<Vec<LogEntry>, Unavailable> {
        Ok(Vec::new())
    }

    async fn range(&self, _query: &LogQuery) -> Result<LogPage, Unavailable> {
        Ok(LogPage::default())
    }

    async fn epochs(&self, _namespace: &str) -> Result<Vec<Epoch>, Unavailable> {
        Ok(Vec::new())
    }
}
