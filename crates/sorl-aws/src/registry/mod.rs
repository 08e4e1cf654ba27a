//! Core's registry over DynamoDB: the connections table, of which every region has a replica.
//!
//! Not the table itself, which the template makes. The invariant: a region writes and strongly reads only rows of
//! its own, so replicas never disagree about anything for longer than replication takes; what is strongly
//! consistent reads the table and never the index.
//!
//! | method | what DynamoDB is asked |
//! |---|---|
//! | `put` | `PutItem` |
//! | `get`, `audience`, `presence`, `blocks` | `Query` of the table |
//! | `rows_of` | `Query` of the index `by-connection` |
//! | `delete` | `DeleteItem` |
//! | `put_block`, `spend` | `PutItem` under a condition; what stands comes with the refusal |

mod blocks;
mod counters;
#[cfg(test)]
mod key_space;
mod row;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use sorl_core::ids::ConnectionId;
use sorl_core::member::{Block, Member, MemberKey, Partition};
use sorl_core::names::UserName;
use sorl_core::ports::{MemberPage, Rate, Registry, Unavailable};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use crate::table::{Query, Reading, Table};

const PORT: &str = "registry";
/// The index whose hash key is the attribute `connection`.
const INDEX: &str = "by-connection";

/// The port over one region's replica.
#[derive(Debug, Clone)]
pub struct AwsRegistry {
    table: Table,
    region: Region,
}

impl AwsRegistry {
    /// The registry of `region` in `table`.
    #[must_use]
    pub const fn new(client: aws_sdk_dynamodb::Client, table: String, region: Region) -> Self {
        Self { table: Table::new(client, table, PORT), region }
    }

    /// A region writes and strongly reads only rows of its own: anything else is a fault of the caller.
    fn own(&self, region: &Region) -> Result<(), Unavailable> {
        if *region == self.region {
            return Ok(());
        }
        Err(self.table.unavailable(format!("{} is asked for a row of {region}", self.region)))
    }

    async fn members(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
        reading: Reading,
    ) -> Result<MemberPage, Unavailable> {
        let start = after.map(|connection| row::key(partition, connection));
        let query = Query::of(row::partition(partition), reading).projected(row::MEMBER, &row::MEMBER_NAMES);
        let mut pages = self.table.pages(query.behind(start));
        let mut members = Vec::new();
        while let Some(rows) = pages.next().await? {
            members.extend(rows.iter().filter_map(|row| row::read_in(partition, row)));
            // A row that names no connection cannot be a place to go on from: its page is read through.
            let next = pages.rest().as_ref().and_then(row::read_connection);
            if next.is_some() {
                return Ok(MemberPage { members, next });
            }
        }
        Ok(MemberPage { members, next: None })
    }
}

#[async_trait]
impl Registry for AwsRegistry {
    async fn put(&self, member: &Member) -> Result<Option<Member>, Unavailable> {
        self.own(&member.key.partition.region)?;
        let replaced = self.table.put(row::write(member)).await?;
        // The very same row is this put's own first attempt, of which the SDK lost the answer.
        Ok(replaced.as_ref().and_then(row::read).filter(|replaced| replaced != member))
    }

    async fn get(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable> {
        self.own(&key.partition.region)?;
        let query = Query::of(row::partition(&key.partition), Reading::Strong).only(key.connection.as_str());
        let rows = self.table.all(query).await?;
        Ok(rows.iter().find_map(row::read))
    }

    async fn delete(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable> {
        self.own(&key.partition.region)?;
        let deleted = self.table.delete(row::key(&key.partition, &key.connection)).await?;
        Ok(deleted.as_ref().and_then(row::read))
    }

    async fn audience(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        self.own(&partition.region)?;
        self.table.in_time(self.members(partition, after, Reading::Strong)).await
    }

    async fn presence(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable> {
        self.table.in_time(self.members(partition, after, Reading::Eventual)).await
    }

    async fn rows_of(
        &self,
        region: &Region,
        connection: &ConnectionId,
    ) -> Result<Vec<MemberKey>, Unavailable> {
        let query = Query::of_index(INDEX, row::CONNECTION, row::connection(region, connection));
        let rows = self.table.in_time(self.table.all(query)).await?;
        Ok(rows.iter().filter_map(row::read_key).collect())
    }

    async fn put_block(&self, region: &Region, block: &Block) -> Result<(), Unavailable> {
        self.own(region)?;
        blocks::put(&self.table, region, block).await
    }

    async fn blocks(&self, region: &Region, user: &UserName) -> Result<Vec<Block>, Unavailable> {
        self.own(region)?;
        self.table.in_time(blocks::of(&self.table, region, user)).await
    }

    async fn spend(&self, region: &Region, rate: &Rate, now: Timestamp) -> Result<bool, Unavailable> {
        self.own(region)?;
        self.table.in_time(counters::spend(&self.table, region, rate, now)).await
    }
}
