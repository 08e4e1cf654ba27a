//! How a world begins: what a start means for the logs, and how the parts are put together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sorl_core::config::{Config, Site};
use sorl_core::ports::{Clock, Entropy, RecordSource};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use tokio::sync::Notify;

use super::{Inner, Place, SWEEP_EVERY, Sizes, Sweep, World};
use crate::bus::LocalBus;
use crate::dead_letters::DeadLetters;
use crate::faults::FaultCell;
use crate::log::{Beginnings, Expiry, LastRun, LocalLog};
use crate::queue::{LocalQueue, RecordQueue, Surroundings};
use crate::registry::{Blocks, GlobalTable, LocalRegistry};
use crate::store::{Batch, Key, Store, StoreError, Tag};
use crate::topics::Topics;

/// What the store belongs to.
#[derive(Serialize, Deserialize)]
struct Stage {
    stage: String,
    regions: BTreeSet<Region>,
    namespaces: BTreeSet<String>,
}

/// Writes what a start of the stage means for its logs: all of it or nothing.
pub(super) async fn begin(config: &Config, store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
    let key = Key::new(Tag::Stage);
    let before: Option<Stage> = match store.get(key.as_bytes())? {
        None => None,
        Some(value) => serde_json::from_slice(&value)
            .map_err(|fault| StoreError::Damaged(format!("the stage: {fault}")))?,
    };
    if let Some(before) = before.as_ref().filter(|before| before.stage != config.stage) {
        let reason = format!("the data belong to stage {}, not {}", before.stage, config.stage);
        return Err(StoreError::Foreign(reason));
    }
    let last_run = before.as_ref().map(|Stage { regions, namespaces, .. }| LastRun { regions, namespaces });
    let beginnings = Beginnings { config, last_run, now };
    let mut batch = Batch::default();
    for region in &config.regions {
        beginnings.note(store, region, &mut batch)?;
    }
    let stage = Stage {
        stage: config.stage.clone(),
        regions: config.regions.iter().cloned().collect(),
        namespaces: config.namespaces().map(|namespace| namespace.name.clone()).collect(),
    };
    // A struct of texts always serializes.
    batch.put(key, serde_json::to_vec(&stage).unwrap_or_default());
    store.write(batch).await
}

/// What all parts of a world share.
pub(super) struct Builder {
    pub(super) config: Arc<Config>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) store: Arc<dyn Store>,
    pub(super) faults: FaultCell,
    pub(super) rescheduled: Arc<Notify>,
}

impl Builder {
    pub(super) fn build(self, sizes: Sizes, now: Timestamp) -> Result<World, StoreError> {
        let table = Arc::new(GlobalTable::new(
            &self.config.regions,
            sizes.member_page,
            self.faults.clone(),
            Arc::clone(&self.clock),
            Arc::clone(&self.rescheduled),
        ));
        let expiry = Arc::new(Expiry::new(Arc::clone(&self.store), Arc::clone(&self.config)));
        let mut queues = BTreeMap::new();
        for region in &self.config.regions {
            queues.insert(region.clone(), self.queues(region, now)?);
        }
        let lives = queues.iter().map(|(region, (live, ..))| (region.clone(), live.clone())).collect();
        let (store, faults) = (Arc::clone(&self.store), self.faults.clone());
        let topics = Topics::new(&self.config.stage, lives, store, faults, Arc::clone(&self.clock));
        let mut places = BTreeMap::new();
        for (region, queues) in queues {
            let blocks = Blocks::open(region.clone(), Arc::clone(&self.store))?;
            let registry = LocalRegistry::new(region.clone(), Arc::clone(&table), blocks);
            let log =
                LocalLog::new(region.clone(), Arc::clone(&self.store), Arc::clone(&expiry), sizes.log_page);
            places.insert(region.clone(), Arc::new(self.place(region, queues, registry, log, &topics)));
        }
        let Self { config, store, faults, rescheduled, .. } = self;
        let sweep = Mutex::new(Sweep { at: now.plus(SWEEP_EVERY), is_behind: false });
        let ttl_late = sizes.ttl_late;
        let inner =
            Inner { config, places, topics, table, expiry, store, faults, sweep, ttl_late, rescheduled };
        Ok(World(Arc::new(inner)))
    }

    fn queues(
        &self,
        region: &Region,
        now: Timestamp,
    ) -> Result<(RecordQueue, RecordQueue, DeadLetters), StoreError> {
        let dead = DeadLetters::open(region.clone(), Arc::clone(&self.store), Arc::clone(&self.entropy))?;
        let around = Surroundings {
            region: region.clone(),
            store: Arc::clone(&self.store),
            faults: self.faults.clone(),
            entropy: Arc::clone(&self.entropy),
            dead: dead.clone(),
            rescheduled: Arc::clone(&self.rescheduled),
        };
        let live = RecordQueue::open(RecordSource::Live, around.clone(), now)?;
        let bulk = RecordQueue::open(RecordSource::Bulk, around, now)?;
        Ok((live, bulk, dead))
    }

    fn place(
        &self,
        region: Region,
        (live, bulk, dead): (RecordQueue, RecordQueue, DeadLetters),
        registry: LocalRegistry,
        log: LocalLog,
        topics: &Topics,
    ) -> Place {
        let entropy = Arc::clone(&self.entropy);
        let bus = LocalBus { region: region.clone(), topics: topics.clone(), entropy };
        let queue = LocalQueue { bulk: bulk.clone(), dead: dead.clone(), clock: Arc::clone(&self.clock) };
        let site = Site { region, config: Arc::clone(&self.config) };
        Place { site, registry, log, bus, queue, live, bulk, dead }
    }
}
