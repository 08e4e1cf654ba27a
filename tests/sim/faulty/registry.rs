//! The registry with faults.

use std::time::Duration;

use async_trait::async_trait;
use sorl_core::ids::ConnectionId;
use sorl_core::member::{Block, Member, MemberKey, Partition};
use sorl_core::names::UserName;
use sorl_core::ports::{MemberPage, Rate, Registry, Unavailable};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::Faulty;

const PORT: &str = "registry";
/// How far the index may be behind the table: a global index usually is within a second, and promises nothing.
const STALE: Duration = Duration::from_secs(10);

#[async_trait]
impl Registry for Faulty<dyn Registry> {
    async fn put(&self, member: &Member) -> Result<Option<Member>, Unavailable> {
        self.invocation.around(PORT, self.inner.put(member)).await
    }

    async fn get(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable> {
        self.invocation.around(PORT, self.inner.get(key)).await
    }

    async fn delete(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable> {
        self.invocation.around(PORT, self.inner.delete(key)).await
    }

    async fn audience(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        let page = self.invocation.around(PORT, self.inner.audience(partition, after)).await?;
        self.invocation.note_with(|| {
            let members: Vec<_> = page.members.iter().map(|member| member.connection().as_str()).collect();
            format!("in {} are {}", partition.channel, members.join(" "))
        });
        Ok(page)
    }

    async fn presence(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        self.invocation.around(PORT, self.inner.presence(partition, after)).await
    }

    async fn rows_of(
        &self,
        region: &Region,
        connection: &ConnectionId,
    ) -> Result<Vec<MemberKey>, Unavailable> {
        self.invocation.around(PORT, self.indexed(region, connection)).await
    }

    async fn put_block(&self, region: &Region, block: &Block) -> Result<(), Unavailable> {
        self.invocation.around(PORT, self.inner.put_block(region, block)).await
    }

    async fn blocks(&self, region: &Region, user: &UserName) -> Result<Vec<Block>, Unavailable> {
        self.invocation.around(PORT, self.inner.blocks(region, user)).await
    }

    async fn spend(&self, region: &Region, rate: &Rate, now: Timestamp) -> Result<bool, Unavailable> {
        self.invocation.around(PORT, self.inner.spend(region, rate, now)).await
    }
}

impl Faulty<dyn Registry> {
    /// What the index shows, now and then without what was written lately.
    async fn indexed(
        &self,
        region: &Region,
        connection: &ConnectionId,
    ) -> Result<Vec<MemberKey>, Unavailable> {
        let mut rows = self.inner.rows_of(region, connection).await?;
        let weather = self.invocation.weather();
        if weather.strikes("stale index", weather.odds().stale_index) {
            let mut old = Vec::with_capacity(rows.len());
            for key in rows {
                let row = self.inner.get(&key).await?;
                let is_old = row.is_some_and(|row| weather.now().since(row.since) >= STALE);
                old.extend(is_old.then_some(key));
            }
            rows = old;
        }
        Ok(rows)
    }
}
