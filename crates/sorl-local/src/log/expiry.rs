//! Taking rows out of the logs: those that expired, and in memory, when room is short, those that would expire
//! first.
//!
//! The invariant: a row that goes before its time is named by a raised epoch in the same batch, so that whoever
//! would have needed it is told that there is a gap.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sorl_core::config::Config;
use sorl_core::ports::Order;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::{epochs, namespace_of, rows};
use crate::store::{Batch, Key, Portion, Store, StoreError, Tag};

/// Rows taken at once: a few milliseconds, a pause that nobody notices.
const BATCH_ROWS: usize = 500;

/// The order in which rows go.
pub(crate) struct Expiry {
    store: Arc<dyn Store>,
    config: Arc<Config>,
    /// Held by whoever takes rows for room, so that nobody raises an epoch from what it was before.
    taking: Mutex<()>,
}

impl Expiry {
    pub(crate) fn new(store: Arc<dyn Store>, config: Arc<Config>) -> Self {
        Self { store, config, taking: Mutex::default() }
    }

    /// Takes a batch of rows that expired up to `now`. Whether there are more.
    pub(crate) fn collect(&self, now: Timestamp) -> Result<bool, StoreError> {
        let range = Key::new(Tag::Expiry).into()..rows::expiry(now.plus(Duration::from_millis(1))).into();
        let expired = self.store.scan(range, Order::Ascending, Portion::rows(BATCH_ROWS))?;
        let mut batch = Batch::default();
        for row in &expired.rows {
            self.take(&row.key, &mut batch)?;
        }
        if !batch.is_empty() {
            self.store.write_soon(batch);
        }
        Ok(expired.more)
    }

    /// Takes rows until the store has room again, where it is bounded.
    pub(crate) fn make_room(&self) {
        if !self.is_crowded() {
            return;
        }
        let _taking = self.taking.lock();
        while self.is_crowded() {
            match self.take_first() {
                Ok(true) => {}
                Ok(false) => return,
                Err(fault) => {
                    tracing::error!(source = %fault, "the log cannot make room");
                    return;
                }
            }
        }
    }

    fn is_crowded(&self) -> bool {
        self.store.room().is_some_and(|room| room.used > room.total)
    }

    /// Takes the rows that would expire first. Whether there were any.
    fn take_first(&self) -> Result<bool, StoreError> {
        let range = Key::new(Tag::Expiry).children();
        let first = self.store.scan(range, Order::Ascending, Portion::rows(BATCH_ROWS))?;
        let mut batch = Batch::default();
        let mut gaps: BTreeMap<(Region, &str), Timestamp> = BTreeMap::new();
        for row in &first.rows {
            let Some(key) = self.take(&row.key, &mut batch)? else { continue };
            let (region, channel, at) = rows::read_key(key).ok_or_else(damaged)?;
            let until = gaps.entry((region, namespace_of(&self.config, &channel))).or_default();
            *until = at.max(*until);
        }
        for ((region, namespace), until) in gaps {
            epochs::raise(&*self.store, &region, namespace, until, &mut batch)?;
        }
        self.store.write_soon(batch);
        Ok(!first.rows.is_empty())
    }

    /// Adds to `batch` that a row goes, given its key in the expiry's order. None if it was written anew with
    /// another expiry: then only its old place in the order goes.
    fn take<'k>(&self, place: &'k [u8], batch: &mut Batch) -> Result<Option<&'k [u8]>, StoreError> {
        let (expires_at, key) = rows::read_expiry(place).ok_or_else(damaged)?;
        batch.delete(place);
        let value = self.store.get(key)?;
        let stands = value.as_deref().and_then(rows::read_value).is_some_and(|(at, _)| at == expires_at);
        if stands {
            batch.delete(key);
        }
        Ok(stands.then_some(key))
    }
}

fn damaged() -> StoreError {
    StoreError::Damaged("the order of expiry".to_owned())
}
