//! One region's replica: members by partition, and the index by connection.
//!
//! Pure state. The index is written apart from the rows, because it is told of them later.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use sorl_core::ids::ConnectionId;
use sorl_core::member::{Member, MemberKey, Partition};
use sorl_core::ports::MemberPage;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

/// Rows of all regions, as far as they are known here.
#[derive(Debug, Default)]
pub(super) struct Replica {
    members: BTreeMap<Partition, BTreeMap<ConnectionId, Member>>,
    index: BTreeMap<(Region, ConnectionId), BTreeSet<Partition>>,
}

impl Replica {
    pub(super) fn put(&mut self, member: Member) -> Option<Member> {
        let MemberKey { partition, connection } = member.key.clone();
        self.members.entry(partition).or_default().insert(connection, member)
    }

    pub(super) fn get(&self, key: &MemberKey) -> Option<&Member> {
        self.members.get(&key.partition)?.get(&key.connection)
    }

    pub(super) fn delete(&mut self, key: &MemberKey) -> Option<Member> {
        let partition = self.members.get_mut(&key.partition)?;
        let member = partition.remove(&key.connection);
        if partition.is_empty() {
            self.members.remove(&key.partition);
        }
        member
    }

    pub(super) fn page(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
        size: usize,
    ) -> MemberPage {
        let Some(partition) = self.members.get(partition) else { return MemberPage::default() };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rows = partition.range::<ConnectionId, _>((start, Bound::Unbounded)).map(|(_, row)| row);
        let members: Vec<_> = rows.by_ref().take(size).cloned().collect();
        let next = rows.next().and(members.last()).map(|last| last.connection().clone());
        MemberPage { members, next }
    }

    /// Tells the index whether the row stands.
    pub(super) fn index(&mut self, key: &MemberKey, stands: bool) {
        let MemberKey { partition, connection } = key.clone();
        let entry = (partition.region.clone(), connection);
        if stands {
            self.index.entry(entry).or_default().insert(partition);
        } else if let Some(partitions) = self.index.get_mut(&entry) {
            partitions.remove(&partition);
            if partitions.is_empty() {
                self.index.remove(&entry);
            }
        }
    }

    pub(super) fn rows_of(&self, region: &Region, connection: &ConnectionId) -> Vec<MemberKey> {
        let entry = (region.clone(), connection.clone());
        let partitions = self.index.get(&entry).into_iter().flatten();
        partitions
            .map(|partition| MemberKey { partition: partition.clone(), connection: connection.clone() })
            .collect()
    }

    /// The connection records of `region`: the rows of its connections in their users' personal channels.
    pub(super) fn connections(&self, region: &Region) -> Vec<Member> {
        self.members
            .iter()
            .filter(|(partition, _)| partition.region == *region && partition.channel.is_personal())
            .flat_map(|(_, rows)| rows.values().cloned())
            .collect()
    }

    /// Rows of `region` that expired before `before`.
    pub(super) fn expired(&self, region: &Region, before: Timestamp) -> Vec<MemberKey> {
        self.members
            .iter()
            .filter(|(partition, _)| partition.region == *region)
            .flat_map(|(_, rows)| rows.values())
            .filter(|row| row.is_expired(before))
            .map(|row| row.key.clone())
            .collect()
    }
}
