//! The blocks of one region: who is kept out, and until when.
//!
//! Kept over restarts where the store is durable: an operator's order that was accepted stands. A later order
//! replaces an earlier one, never the other way, in memory and in the rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use sorl_core::member::Block;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::Order;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use crate::store::{Batch, Key, Portion, Store, StoreError, Tag};

/// A block stays this long after its order, ended or not, so that an older order that a queue still holds finds
/// it: as long as a queue keeps records.
const KEPT_FOR: Duration = Duration::from_hours(14 * 24);

type Blocked = (UserName, Option<ChannelName>);

pub(crate) struct Blocks {
    region: Region,
    store: Arc<dyn Store>,
    standing: RwLock<BTreeMap<Blocked, Block>>,
}

impl Blocks {
    /// The blocks that the store has for the region.
    pub(crate) fn open(region: Region, store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let blocks = Self { region, store, standing: RwLock::default() };
        let range = Key::new(Tag::Block).text(blocks.region.as_str()).children();
        let rows = blocks.store.scan(range, Order::Ascending, Portion::rows(usize::MAX))?;
        for row in rows.rows {
            let block: Block = serde_json::from_slice(&row.value)
                .map_err(|fault| StoreError::Damaged(format!("a block: {fault}")))?;
            blocks.note(&block);
        }
        Ok(blocks)
    }

    fn note(&self, block: &Block) {
        let mut standing = self.standing.write();
        let blocked = (block.user.clone(), block.channel.clone());
        if standing.get(&blocked).is_none_or(|other| other.at <= block.at) {
            standing.insert(blocked, block.clone());
        }
    }

    pub(super) async fn put(&self, block: &Block) -> Result<(), StoreError> {
        self.note(block);
        if !self.store.is_durable() {
            return Ok(());
        }
        let mut batch = Batch::default();
        // A struct of texts and numbers always serializes.
        batch.put(self.key(block), serde_json::to_vec(block).unwrap_or_default());
        self.store.write(batch).await
    }

    pub(super) fn of(&self, user: &UserName) -> Vec<Block> {
        let standing = self.standing.read();
        let from = (user.clone(), None);
        let of_user = standing.range(from..).take_while(|((blocked, _), _)| blocked == user);
        of_user.map(|(_, block)| block.clone()).collect()
    }

    pub(super) fn sweep(&self, now: Timestamp) {
        let mut batch = Batch::default();
        self.standing.write().retain(|_, block| {
            let is_kept = block.until > now || block.at.plus(KEPT_FOR) > now;
            if !is_kept {
                batch.delete(self.key(block));
            }
            is_kept
        });
        if !batch.is_empty() && self.store.is_durable() {
            self.store.write_soon(batch);
        }
    }

    /// One row an order, so that two that are written at once cannot replace each other in the wrong order.
    fn key(&self, block: &Block) -> Key {
        let channel = block.channel.as_ref().map_or("", ChannelName::as_str);
        Key::new(Tag::Block)
            .text(self.region.as_str())
            .text(block.user.as_str())
            .text(channel)
            .number(block.at.as_millis())
    }
}
