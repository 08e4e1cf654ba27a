//! The registry: the connections table, global, each region writing only rows of its own.

use std::time::Duration;

use async_trait::async_trait;

use super::Unavailable;
use crate::ids::ConnectionId;
use crate::member::{Block, Member, MemberKey, Partition};
use crate::names::UserName;
use crate::region::Region;
use crate::time::Timestamp;

/// A part of a partition's members, ordered by connection id.
#[derive(Debug, Clone, Default)]
pub struct MemberPage {
    /// The rows, expired ones perhaps among them.
    pub members: Vec<Member>,
    /// Where the next page starts (exclusive); none at the end.
    pub next: Option<ConnectionId>,
}

/// A bound on how often a user publishes in a namespace, counted in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// Who publishes.
    pub user: UserName,
    /// Where.
    pub namespace: String,
    /// How often in a window.
    pub count: u32,
    /// The window.
    pub window: Duration,
}

/// The members of channels, the blocks of users, and their publish counters.
///
/// - **`put_is_read_at_once`**: own-region rows are read strongly consistent by `get`, `audience`, `blocks`.
/// - **`deleted_is_gone_at_once`**: likewise.
/// - **`replaced_row_is_told`**: `put` and `delete` return the row that stood there before.
/// - **`pages_lead_to_the_end`**: following `next` gives every row that stood throughout, once.
/// - **`replicas_converge`**: `presence` and `rows_of` show every write of any region, in time.
/// - **`older_block_never_replaces_newer`**, by [`Block::at`].
/// - **`rate_is_never_exceeded`**: of concurrent `spend`s at most `count` a window succeed.
/// - Expired rows may still be returned; readers filter.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Writes a member's row, whether or not it stood.
    ///
    /// # Errors
    /// [`Unavailable`]: it may or may not stand.
    async fn put(&self, member: &Member) -> Result<Option<Member>, Unavailable>;

    /// Reads a row of the own region, strongly consistent.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn get(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable>;

    /// Deletes a row of the own region; returns it if it stood.
    ///
    /// # Errors
    /// [`Unavailable`]: it may or may not stand.
    async fn delete(&self, key: &MemberKey) -> Result<Option<Member>, Unavailable>;

    /// One page of a partition of the own region, strongly consistent.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn audience(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable>;

    /// One page of a partition of any region, eventually consistent, from the local replica.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn presence(
        &self,
        partition: &Partition,
        after: Option<&ConnectionId>,
    ) -> Result<MemberPage, Unavailable>;

    /// The rows of a connection of the own region, by the index: eventually consistent, so that rows written
    /// a moment ago may be missing and deleted ones still there.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn rows_of(
        &self,
        region: &Region,
        connection: &ConnectionId,
    ) -> Result<Vec<MemberKey>, Unavailable>;

    /// Writes a block for the own region, unless a newer one stands.
    ///
    /// # Errors
    /// [`Unavailable`]: it may or may not stand.
    async fn put_block(&self, region: &Region, block: &Block) -> Result<(), Unavailable>;

    /// The user's blocks in the own region, strongly consistent, ended ones perhaps among them.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn blocks(&self, region: &Region, user: &UserName) -> Result<Vec<Block>, Unavailable>;

    /// Counts one publish against `rate`, in the own region; `false` if the window is used up.
    ///
    /// # Errors
    /// [`Unavailable`]: it may or may not have been counted.
    async fn spend(&self, region: &Region, rate: &Rate, now: Timestamp) -> Result<bool, Unavailable>;
}
