//! Core's registry over a global table: one replica a region, written at once at home and later elsewhere.

mod blocks;
mod counters;
mod replica;
mod table;

use std::sync::Arc;

use async_trait::async_trait;
use sorl_core::ids::ConnectionId;
use sorl_core::member::{Block, Member, MemberKey, Partition};
use sorl_core::names::UserName;
use sorl_core::ports::{MemberPage, Rate, Registry, Unavailable};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

pub(crate) use blocks::Blocks;
pub(crate) use table::{GlobalTable, PAGE_ROWS};

use counters::Counters;

const PORT: &str = "registry";

/// The port over one region's replica.
#[derive(Clone)]
pub struct LocalRegistry {
    region: Region,
    table: Arc<GlobalTable>,
    blocks: Arc<Blocks>,
    counters: Arc<Counters>,
}

impl LocalRegistry {
    pub(crate) fn new(region: Region, table: Arc<GlobalTable>, blocks: Blocks) -> Self {
        Self { region, table, blocks: Arc::new(blocks), counters: Arc::default() }
    }

    /// The region's connections, as a scan of the table finds them: each by its row in its user's personal channel,
    /// expired ones perhaps among them.
    #[must_use]
    pub fn connections(&self) -> Vec<Member> {
        self.table.connections(&self.region)
    }

    /// Collects what expired a while ago.
    pub(crate) fn sweep(&self, now: Timestamp) {
        self.table.sweep(&self.region, now);
        self.blocks.sweep(now);
        self.counters.sweep(now);
    }

    /// A region writes and strongly reads only rows of its own: anything else is a fault of the caller.
    fn own(&self, region: &Region) -> Result<(), Unavailable> {
        if *region == self.region {
            return Ok(());
        }
        Err(Unavailable::new(PORT, format!("{} is asked for a row of {region}", self.region)))
    }
}

#[async_trait]
impl Registry for LocalRegistry {
    async fn put(&self, member: &Member) -> Result<Option<Member>, Unavailable> {
        self.own(&member.key.partition.region)?;
        Ok(self.table.put(&self.region, member))
    }

    async fn get(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable> {
        self.own(&key.partition.region)?;
        Ok(self.table.get(&self.region, key))
    }

    async fn delete(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable> {
        self.own(&key.partition.region)?;
        Ok(self.table.delete(&self.region, key))
    }

    async fn audience(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        self.own(&partition.region)?;
        Ok(self.table.page(&self.region, partition, after))
    }

    async fn presence(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        Ok(self.table.page(&self.region, partition, after))
    }

    async fn rows_of(
        &self,
        region: &Region,
        connection: &ConnectionId,
    ) -> Result<Vec<MemberKey>, Unavailable> {
        Ok(self.table.rows_of(&self.region, region, connection))
    }

    async fn put_block(&self, region: &Region, block: &Block) -> Result<(), Unavailable> {
        self.own(region)?;
        self.blocks.put(block).await.map_err(|fault| fault.of(PORT))
    }

    async fn blocks(&self, region: &Region, user: &UserName) -> Result<Vec<Block>, Unavailable> {
        self.own(region)?;
        Ok(self.blocks.of(user))
    }

    async fn spend(&self, region: &Region, rate: &Rate, now: Timestamp) -> Result<bool, Unavailable> {
        self.own(region)?;
        Ok(self.counters.spend(rate, now))
    }
}
