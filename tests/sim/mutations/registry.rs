//! Flaws of the registry.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sorl_core::ids::ConnectionId;
use sorl_core::member::{Block, Member, MemberKey, Partition};
use sorl_core::names::UserName;
use sorl_core::ports::{Clock, MemberPage, Registry, Unavailable};
use sorl_core::region::Region;
use sorl_tests::over::OverRegistry;

use crate::executor::Timeline;

/// How far an eventually consistent read is behind.
const LAG: Duration = Duration::from_secs(1);

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RegistryFlaw {
    /// Clean-up deletes the row of another connection of the channel.
    DeletesAnotherRow,
    /// Deletes are acknowledged and not done.
    DeletesNothing,
    /// Members in any shard but the first are overlooked.
    ForgetsAShard,
    /// Members beyond the first page are overlooked.
    ForgetsPages,
    /// Rows count for a day, whatever they say.
    IgnoresExpiry,
    /// Blocks are not looked for.
    ReadsNoBlocks,
    /// Blocks are acknowledged and not written.
    WritesNoBlocks,
    /// The rows of a connection are not found.
    HasNoIndex,
    /// Members are acknowledged first and put a moment later, so that `subscribe` reads the log too soon.
    PutsMembersLate,
    /// `deliver` overlooks who came last, as an index that lags does.
    LagsBehind,
}

/// A registry with a flaw.
pub(super) struct Broken {
    pub(super) inner: Arc<dyn Registry>,
    pub(super) flaw: RegistryFlaw,
    /// Whether it is `deliver`'s.
    pub(super) delivers: bool,
    pub(super) clock: Timeline,
}

impl Broken {
    fn is(&self, flaw: RegistryFlaw) -> bool {
        self.flaw == flaw
    }

    /// Another row of the partition, if there is one.
    async fn other(&self, key: &MemberKey) -> Result<MemberKey, Unavailable> {
        let page = self.inner.audience(&key.partition, None).await?;
        let other = page.members.into_iter().map(|member| member.key).find(|other| other != key);
        Ok(other.unwrap_or_else(|| key.clone()))
    }
}

#[async_trait]
impl OverRegistry for Broken {
    fn registry(&self) -> &dyn Registry {
        &*self.inner
    }

    async fn put(&self, member: &Member) -> Result<Option<Member>, Unavailable> {
        if self.is(RegistryFlaw::PutsMembersLate) {
            let (registry, member, clock) = (Arc::clone(&self.inner), member.clone(), self.clock.clone());
            self.clock.spawn(async move {
                clock.sleep(LAG).await;
                drop(registry.put(&member).await);
            });
            return Ok(None);
        }
        self.inner.put(member).await
    }

    async fn delete(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable> {
        match self.flaw {
            RegistryFlaw::DeletesAnotherRow if self.delivers => {
                let other = self.other(key).await?;
                self.inner.delete(&other).await
            }
            RegistryFlaw::DeletesNothing => self.inner.get(key).await,
            _ => self.inner.delete(key).await,
        }
    }

    async fn audience(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        if self.is(RegistryFlaw::ForgetsAShard) && partition.shard > 0 {
            return Ok(MemberPage::default());
        }
        let mut page = self.inner.audience(partition, after).await?;
        if self.is(RegistryFlaw::ForgetsPages) {
            page.next = None;
        }
        if self.is(RegistryFlaw::IgnoresExpiry) {
            for member in &mut page.members {
                member.expires_at = member.expires_at.plus(Duration::from_hours(24));
            }
        }
        if self.is(RegistryFlaw::LagsBehind) && self.delivers {
            let newly = self.clock.now().minus(LAG);
            page.members.retain(|member| member.since < newly);
        }
        Ok(page)
    }

    async fn rows_of(
        &self,
        region: &Region,
        connection: &ConnectionId,
    ) -> Result<Vec<MemberKey>, Unavailable> {
        let rows = self.inner.rows_of(region, connection).await?;
        Ok(if self.is(RegistryFlaw::HasNoIndex) { Vec::new() } else { rows })
    }

    async fn put_block(&self, region: &Region, block: &Block) -> Result<(), Unavailable> {
        if self.is(RegistryFlaw::WritesNoBlocks) {
            return Ok(());
        }
        self.inner.put_block(region, block).await
    }

    async fn blocks(&self, region: &Region, user: &UserName) -> Result<Vec<Block>, Unavailable> {
        let blocks = self.inner.blocks(region, user).await?;
        Ok(if self.is(RegistryFlaw::ReadsNoBlocks) { Vec::new() } else { blocks })
    }
}
