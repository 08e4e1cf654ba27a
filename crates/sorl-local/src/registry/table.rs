//! The global table: all replicas, and what is under way between them.
//!
//! What travels is not a write but the news that a row changed: on arrival the row is copied as it stands at home
//! then. So news may be late, repeated or reordered, later writes always win, and a region that is cut off for
//! hours owes its return no more than the rows that differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use sorl_core::ids::ConnectionId;
use sorl_core::member::{Member, MemberKey, Partition};
use sorl_core::ports::{Clock, MemberPage};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use tokio::sync::Notify;

use super::replica::Replica;
use crate::faults::{FaultCell, Faults};

/// Members in a page: as many rows as DynamoDB puts into its megabyte, rounded down.
pub(crate) const PAGE_ROWS: usize = 1_000;
/// How long an expired row still stands; DynamoDB takes up to days, so readers must not rely on it.
const COLLECTED_AFTER: Duration = Duration::from_mins(1);

/// The connections table of all regions.
pub(crate) struct GlobalTable {
    replicas: BTreeMap<Region, RwLock<Replica>>,
    news: Mutex<News>,
    page_rows: usize,
    faults: FaultCell,
    clock: Arc<dyn Clock>,
    rescheduled: Arc<Notify>,
}

/// What is under way, by (from, to). From a region to itself: to its index.
type News = BTreeMap<(Region, Region), Link>;

/// Changed rows on one way, each once.
#[derive(Default)]
struct Link {
    due: BTreeSet<(Timestamp, MemberKey)>,
    keys: BTreeMap<MemberKey, Timestamp>,
}

impl Link {
    /// Adds a changed row; if news of it is under way already, that will do.
    fn add(&mut self, key: &MemberKey, due_at: Timestamp) {
        if !self.keys.contains_key(key) {
            self.keys.insert(key.clone(), due_at);
            self.due.insert((due_at, key.clone()));
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    fn pop_due(&mut self, now: Timestamp) -> Option<MemberKey> {
        if self.next_due()? > now {
            return None;
        }
        let (_, key) = self.due.pop_first()?;
        self.keys.remove(&key);
        Some(key)
    }

    fn remove(&mut self, key: &MemberKey) {
        if let Some(due_at) = self.keys.remove(key) {
            self.due.remove(&(due_at, key.clone()));
        }
    }
}

impl GlobalTable {
    pub(crate) fn new(
        regions: &[Region],
        page_rows: usize,
        faults: FaultCell,
        clock: Arc<dyn Clock>,
        rescheduled: Arc<Notify>,
    ) -> Self {
        let replicas = regions.iter().map(|region| (region.clone(), RwLock::default())).collect();
        Self { replicas, news: Mutex::default(), page_rows, faults, clock, rescheduled }
    }

    pub(super) fn put(&self, home: &Region, member: &Member) -> Option<Member> {
        let replaced = self.replicas.get(home)?.write().put(member.clone());
        self.spread(home, &member.key, replaced.is_none());
        replaced
    }

    pub(super) fn get(&self, home: &Region, key: &MemberKey) -> Option<Member> {
        self.replicas.get(home)?.read().get(key).cloned()
    }

    pub(super) fn delete(&self, home: &Region, key: &MemberKey) -> Option<Member> {
        let deleted = self.replicas.get(home)?.write().delete(key);
        if deleted.is_some() {
            self.spread(home, key, true);
        }
        deleted
    }

    pub(super) fn page(
        &self,
        here: &Region,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> MemberPage {
        let replica = self.replicas.get(here);
        replica.map(|replica| replica.read().page(partition, after, self.page_rows)).unwrap_or_default()
    }

    pub(super) fn rows_of(
        &self,
        here: &Region,
        region: &Region,
        connection: &ConnectionId,
    ) -> Vec<MemberKey> {
        let replica = self.replicas.get(here);
        replica.map(|replica| replica.read().rows_of(region, connection)).unwrap_or_default()
    }

    /// The connection records of `home`.
    pub(super) fn connections(&self, home: &Region) -> Vec<Member> {
        self.replicas.get(home).map(|replica| replica.read().connections(home)).unwrap_or_default()
    }

    /// Deletes rows of `home` that expired a while ago.
    pub(super) fn sweep(&self, home: &Region, now: Timestamp) {
        let Some(replica) = self.replicas.get(home) else { return };
        let expired = replica.read().expired(home, now.minus(COLLECTED_AFTER));
        for key in expired {
            // The row may have been written anew since it was looked at.
            let is_expired = |row: &Member| row.is_expired(now);
            let mut rows = replica.write();
            if rows.get(&key).is_some_and(is_expired) {
                rows.delete(&key);
                drop(rows);
                self.spread(home, &key, true);
            }
        }
    }

    /// Sends out the news that a row of `home` changed; to the index only if it came or went.
    fn spread(&self, home: &Region, key: &MemberKey, for_index: bool) {
        let faults = self.faults.in_force();
        let now = self.clock.now();
        let mut sooner = false;
        let mut news = self.news.lock();
        for to in self.replicas.keys().filter(|to| for_index || *to != home) {
            let lag = if to == home { faults.index_lag() } else { faults.lag() };
            if to == home && lag.is_zero() {
                self.arrive(home, home, key);
                continue;
            }
            let link = news.entry((home.clone(), to.clone())).or_default();
            sooner |= link.next_due().is_none_or(|due_at| now.plus(lag) < due_at);
            link.add(key, now.plus(lag));
            self.drop_if_settled(home, to, key, link);
        }
        drop(news);
        if sooner {
            self.rescheduled.notify_one();
        }
    }

    /// A row that came and went while a region was cut off is no news for it.
    fn drop_if_settled(&self, home: &Region, to: &Region, key: &MemberKey, link: &mut Link) {
        let stands = |region: &Region| self.replicas.get(region).is_some_and(|r| r.read().get(key).is_some());
        if to != home && !stands(home) && !stands(to) {
            link.remove(key);
        }
    }

    /// Carries out what is due.
    pub(crate) fn tick(&self, now: Timestamp) {
        let faults = self.faults.in_force();
        let mut news = self.news.lock();
        for ((from, to), link) in open_links(&mut news, &faults) {
            while let Some(key) = link.pop_due(now) {
                self.arrive(from, to, &key);
            }
        }
    }

    fn arrive(&self, from: &Region, to: &Region, key: &MemberKey) {
        let (Some(home), Some(replica)) = (self.replicas.get(from), self.replicas.get(to)) else { return };
        let row = home.read().get(key).cloned();
        let mut replica = replica.write();
        replica.index(key, row.is_some());
        if from == to {
            return;
        }
        match row {
            Some(row) => drop(replica.put(row)),
            None => drop(replica.delete(key)),
        }
    }

    /// When something becomes due; nothing on a way that is cut.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let faults = self.faults.in_force();
        let mut news = self.news.lock();
        open_links(&mut news, &faults).filter_map(|(_, link)| link.next_due()).min()
    }
}

fn open_links<'a>(
    news: &'a mut News,
    faults: &'a Faults,
) -> impl Iterator<Item = (&'a (Region, Region), &'a mut Link)> {
    news.iter_mut().filter(|((from, to), _)| faults.connects(from, to))
}
