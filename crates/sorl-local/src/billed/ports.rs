//! The ports, metered: each call is counted by what it asked of a table or topic, as the adapters of AWS ask it.
//!
//! The table of what is asked stands in `sorl_aws::registry` and `sorl_aws::log`.

use std::sync::Arc;

use async_trait::async_trait;
use sorl_core::batch::Batches;
use sorl_core::envelope::Relayed;
use sorl_core::ids::{ConnectionId, MessageId};
use sorl_core::limits::SNS_BYTES_MAX;
use sorl_core::member::{Block, Member, MemberKey, Partition};
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::{
    Bus, Epoch, LateMark, Log, LogEntry, LogPage, LogQuery, Marks, MemberPage, Partial, Rate, Registry,
    Unavailable,
};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::Tab;
use super::rows::{self, Reading};

/// A port, and what is counted of it.
#[derive(Clone)]
pub struct Metered<P> {
    port: P,
    tab: Arc<Tab>,
}

impl<P> Metered<P> {
    /// Counts what goes through `port`.
    pub(crate) const fn new(port: P, tab: Arc<Tab>) -> Self {
        Self { port, tab }
    }

    fn members(&self, page: &MemberPage, reading: Reading) {
        let bytes = page.members.iter().map(rows::member).sum();
        self.tab.member_reads.inc_by(rows::read(bytes, reading));
    }
}

#[async_trait]
impl<P: Registry> Registry for Metered<P> {
    async fn put(&self, member: &Member) -> Result<Option<Member>, Unavailable> {
        let replaced = self.port.put(member).await?;
        // The index changes only if the row is new: its keys do not.
        let of_index = if replaced.is_none() { rows::written(rows::of_index(&member.key)) } else { 0.0 };
        self.tab.member_writes.inc_by(rows::written(rows::member(member)) + of_index);
        Ok(replaced)
    }

    async fn get(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable> {
        self.tab.member_reads.inc_by(rows::read(0, Reading::Strong));
        self.port.get(key).await
    }

    async fn delete(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable> {
        let deleted = self.port.delete(key).await?;
        // A row that is not there costs a unit all the same.
        let units = deleted
            .as_ref()
            .map_or(1.0, |row| rows::written(rows::member(row)) + rows::written(rows::of_index(&row.key)));
        self.tab.member_writes.inc_by(units);
        Ok(deleted)
    }

    async fn audience(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        let page = self.port.audience(partition, after).await?;
        self.members(&page, Reading::Strong);
        Ok(page)
    }

    async fn presence(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        let page = self.port.presence(partition, after).await?;
        self.members(&page, Reading::Eventual);
        Ok(page)
    }

    async fn rows_of(
        &self,
        region: &Region,
        connection: &ConnectionId,
    ) -> Result<Vec<MemberKey>, Unavailable> {
        let found = self.port.rows_of(region, connection).await?;
        let bytes = found.iter().map(rows::of_index).sum();
        self.tab.member_reads.inc_by(rows::read(bytes, Reading::Eventual));
        Ok(found)
    }

    async fn put_block(&self, region: &Region, block: &Block) -> Result<(), Unavailable> {
        self.tab.member_writes.inc_by(rows::written(0));
        self.port.put_block(region, block).await
    }

    async fn blocks(&self, region: &Region, user: &UserName) -> Result<Vec<Block>, Unavailable> {
        self.tab.member_reads.inc_by(rows::read(0, Reading::Strong));
        self.port.blocks(region, user).await
    }

    async fn spend(&self, region: &Region, rate: &Rate, now: Timestamp) -> Result<bool, Unavailable> {
        self.tab.member_writes.inc_by(rows::written(0));
        self.port.spend(region, rate, now).await
    }
}

#[async_trait]
impl<P: Log> Log for Metered<P> {
    async fn append(&self, entries: &[LogEntry]) -> Result<(), Partial> {
        let units: f64 = entries.iter().map(|entry| rows::written(rows::message(entry))).sum();
        self.tab.log_writes.inc_by(units);
        self.port.append(entries).await
    }

    async fn mark(&self, mark: &LateMark) -> Result<(), Unavailable> {
        self.tab
            .log_writes
            .inc_by(rows::written(mark.ids.len() * "01234567-0123-0123-0123-0123456789ab ".len()));
        self.port.mark(mark).await
    }

    async fn marks(
        &self,
        channel: &ChannelName,
        after: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Marks, Unavailable> {
        self.tab.log_reads.inc_by(rows::read(0, Reading::Strong));
        self.port.marks(channel, after, now, limit).await
    }

    async fn read(&self, channel: &ChannelName, ids: &[MessageId]) -> Result<Vec<LogEntry>, Unavailable> {
        // A query each.
        self.tab.log_reads.inc_by(ids.len() as f64);
        self.port.read(channel, ids).await
    }

    async fn range(&self, query: &LogQuery) -> Result<LogPage, Unavailable> {
        let page = self.port.range(query).await?;
        let bytes = page.entries.iter().map(rows::message).sum();
        self.tab.log_reads.inc_by(rows::read(bytes, Reading::Strong));
        Ok(page)
    }

    async fn epochs(&self, namespace: &str) -> Result<Vec<Epoch>, Unavailable> {
        self.tab.log_reads.inc_by(rows::read(0, Reading::Strong));
        self.port.epochs(namespace).await
    }
}

#[async_trait]
impl<P: Bus> Bus for Metered<P> {
    async fn publish(&self, items: &[Relayed]) -> Result<(), Partial> {
        let batches = Batches::of(items.iter().map(Relayed::to_json), 0, SNS_BYTES_MAX).batches;
        for batch in batches {
            self.tab.published(batch.iter().map(|(_, text)| text.len()).sum());
        }
        self.port.publish(items).await
    }
}
