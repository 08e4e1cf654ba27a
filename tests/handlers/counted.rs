//! Ports that count what is read of them, and a registry with a crowd in it that nobody had to put there.
//!
//! Not ports that fail (`broken`). What is read is read from the port below, and counted once it was asked for.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sorl_core::ids::ConnectionId;
use sorl_core::member::{Member, MemberKey, Partition};
use sorl_core::names::UserName;
use sorl_core::ports::{Log, LogPage, LogQuery, MemberPage, Registry, Unavailable};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use sorl_tests::over::{Over, OverLog, OverRegistry};

use crate::stage::{HOME, Stage};

/// A read that is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// A page of members, strongly consistent.
    Audience,
    /// A page of members from the replica.
    Presence,
    /// The rows of a connection, by the index.
    Index,
    /// A page of the log, of so many messages.
    Range(usize),
}

/// Registry and log, and what was read of them, in order.
pub(crate) struct Counted<'a> {
    registry: &'a dyn Registry,
    log: &'a dyn Log,
    reads: Mutex<Vec<Read>>,
    rows: AtomicUsize,
}

impl<'a> Counted<'a> {
    /// The stage's own at home.
    pub(crate) fn of(stage: &'a Stage) -> Over<Self> {
        Self::over(&stage.place(HOME).registry, stage)
    }

    /// Another registry, and the stage's own log.
    pub(crate) fn over(registry: &'a dyn Registry, stage: &'a Stage) -> Over<Self> {
        Over(Self {
            registry,
            log: &stage.place(HOME).log,
            reads: Mutex::default(),
            rows: AtomicUsize::new(0),
        })
    }

    fn count(&self, read: Read) {
        self.reads.lock().unwrap().push(read);
    }

    /// What was read since this was asked last.
    pub(crate) fn take(&self) -> Vec<Read> {
        std::mem::take(&mut self.reads.lock().unwrap())
    }

    /// How many rows were read by their key since then; they are not among the reads.
    pub(crate) fn rows(&self) -> usize {
        self.rows.swap(0, Ordering::Relaxed)
    }

    /// How often such a page was read since then.
    pub(crate) fn pages(&self, of: Read) -> usize {
        self.take().into_iter().filter(|read| *read == of).count()
    }
}

#[async_trait]
impl OverRegistry for Counted<'_> {
    fn registry(&self) -> &dyn Registry {
        self.registry
    }

    async fn get(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable> {
        self.rows.fetch_add(1, Ordering::Relaxed);
        self.registry.get(key).await
    }

    async fn audience(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        self.count(Read::Audience);
        self.registry.audience(partition, after).await
    }

    async fn presence(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        self.count(Read::Presence);
        self.registry.presence(partition, after).await
    }

    async fn rows_of(
        &self,
        region: &Region,
        connection: &ConnectionId,
    ) -> Result<Vec<MemberKey>, Unavailable> {
        self.count(Read::Index);
        self.registry.rows_of(region, connection).await
    }
}

#[async_trait]
impl OverLog for Counted<'_> {
    fn log(&self) -> &dyn Log {
        self.log
    }

    async fn range(&self, query: &LogQuery) -> Result<LogPage, Unavailable> {
        self.count(Read::Range(query.limit));
        self.log.range(query).await
    }
}

/// Members in a page of a crowd.
const PAGE: usize = 1_000;

/// A registry in whose first shard, at home, every channel has so many members, all of one user.
pub(crate) struct Crowd<'a> {
    registry: &'a dyn Registry,
    members: usize,
    now: Timestamp,
}

impl<'a> Crowd<'a> {
    pub(crate) const fn of(members: usize, registry: &'a dyn Registry, now: Timestamp) -> Over<Self> {
        Over(Self { registry, members, now })
    }

    fn page(&self, partition: &Partition, after: Option<&ConnectionId>) -> MemberPage {
        if partition.region.as_str() != HOME || partition.shard > 0 {
            return MemberPage::default();
        }
        let first = after.map_or(0, |last| last.as_str()[1..].parse::<usize>().unwrap() + 1);
        let end = self.members.min(first + PAGE);
        let members: Vec<_> = (first..end).map(|n| self.member(partition, n)).collect();
        let next = members.last().filter(|_| end < self.members).map(|last| last.connection().clone());
        MemberPage { members, next }
    }

    fn member(&self, partition: &Partition, n: usize) -> Member {
        let connection = ConnectionId::parse(&format!("c{n:06}")).unwrap();
        Member {
            key: MemberKey { partition: partition.clone(), connection },
            user: UserName::parse("user").unwrap(),
            since: self.now,
            expires_at: self.now.plus(Duration::from_hours(1)),
        }
    }
}

#[async_trait]
impl OverRegistry for Crowd<'_> {
    fn registry(&self) -> &dyn Registry {
        self.registry
    }

    async fn audience(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        Ok(self.page(partition, after))
    }

    async fn presence(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        Ok(self.page(partition, after))
    }
}
