//! The local arms: a world in memory, and one on disk, their time in the suite's hand and their pages small.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sorl_core::config::Config;
use sorl_core::limits::BATCH_MAX;
use sorl_core::ports::{Bus, Clock, DeadLetter, Entropy, Log, Order, Queue, RecordSource, Registry};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use sorl_local::faults::Faults;
use sorl_local::queue::{RecordQueue, VISIBILITY};
use sorl_local::store::{Batch, DiskStore, MemoryStore, Portion, Room, Rows, Store, StoreError, Then};
use sorl_local::world::{Place, Sizes, World};

use crate::arm::Arm;

/// 2025-11-24: ids of a plausible age.
const START: u64 = 1_764_000_000_000;
/// So small that every clause turns pages.
const PAGES_OF_THREE: Sizes = Sizes { member_page: 3, log_page: 3, ttl_late: Duration::ZERO };

/// A world, and what the suite holds of it.
pub(crate) struct LocalArm {
    world: World,
    clock: Arc<HandClock>,
    store: Arc<FlakyStore>,
    regions: [Region; 2],
    folder: Option<PathBuf>,
}

/// A world in memory.
pub(crate) async fn memory() -> LocalArm {
    LocalArm::over(Arc::new(MemoryStore::default()), None).await
}

/// A world on disk.
pub(crate) async fn disk() -> LocalArm {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!("sorl-contract-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    LocalArm::over(Arc::new(DiskStore::open(&folder).unwrap()), Some(folder)).await
}

impl LocalArm {
    async fn over(store: Arc<dyn Store>, folder: Option<PathBuf>) -> Self {
        let clock = Arc::new(HandClock(AtomicU64::new(START)));
        let store = Arc::new(FlakyStore { store, ..FlakyStore::default() });
        let config = Arc::new(Config::default());
        let regions = [config.regions[0].clone(), config.regions[1].clone()];
        let (time, chance) = (Arc::clone(&clock), Arc::new(Counting::default()));
        let rows = Arc::clone(&store);
        let world = World::with_sizes(config, time, chance, rows, Faults::default(), PAGES_OF_THREE);
        Self { world: world.await.unwrap(), clock, store, regions, folder }
    }

    fn place(&self, region: &Region) -> &Place {
        self.world.region(region).expect("a region of the stage")
    }

    fn record_queue(&self, region: &Region, source: RecordSource) -> &RecordQueue {
        match source {
            RecordSource::Live => &self.place(region).live,
            RecordSource::Bulk => &self.place(region).bulk,
        }
    }
}

impl Drop for LocalArm {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            drop(std::fs::remove_dir_all(folder));
        }
    }
}

#[async_trait]
impl Arm for LocalArm {
    fn here(&self) -> Region {
        self.regions[0].clone()
    }

    fn there(&self) -> Region {
        self.regions[1].clone()
    }

    fn registry(&self, region: &Region) -> Arc<dyn Registry> {
        Arc::new(self.place(region).registry.clone())
    }

    fn bus(&self, region: &Region) -> Arc<dyn Bus> {
        Arc::new(self.place(region).bus.clone())
    }

    fn log(&self) -> Arc<dyn Log> {
        Arc::new(self.place(&self.here()).log.clone())
    }

    fn queue(&self) -> Arc<dyn Queue> {
        Arc::new(self.place(&self.here()).queue.clone())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn pass(&self, time: Duration) {
        self.clock.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
        self.world.tick(self.now());
    }

    async fn settle(&self) {
        while let Some(due) = self.world.next_due() {
            self.pass(due.since(self.now())).await;
        }
    }

    async fn take(&self, region: &Region, source: RecordSource) -> Vec<String> {
        let queue = self.record_queue(region, source);
        let mut bodies = Vec::new();
        loop {
            let received = queue.receive(self.now(), BATCH_MAX);
            if received.is_empty() {
                return bodies;
            }
            for received in received {
                queue.delete(received.receipt);
                bodies.push(received.record.body);
            }
        }
    }

    async fn lose(&self, region: &Region, source: RecordSource) -> Vec<String> {
        let received = self.record_queue(region, source).receive(self.now(), BATCH_MAX);
        self.pass(VISIBILITY).await;
        received.into_iter().map(|received| received.record.body).collect()
    }

    async fn buried(&self) -> Vec<DeadLetter> {
        let letters = self.place(&self.here()).dead.list().unwrap();
        let letter = |buried: sorl_local::dead_letters::Buried| DeadLetter {
            source: buried.source(),
            body: buried.body,
            reason: buried.reason,
        };
        letters.into_iter().map(letter).collect()
    }

    async fn cut(&self, region: Option<&Region>) {
        let cut: BTreeSet<_> = region.into_iter().cloned().collect();
        self.world.set_faults(Faults { cut, ..Faults::default() }).unwrap();
        self.world.tick(self.now());
    }

    fn disturb(&self, on: bool) {
        self.store.disturbed.store(on, Ordering::Relaxed);
    }
}

/// Time that stands still until it is moved.
struct HandClock(AtomicU64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

#[derive(Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn bits(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// A store whose writes fail when the suite wants them to.
struct FlakyStore {
    store: Arc<dyn Store>,
    disturbed: AtomicBool,
    writes: AtomicU64,
}

impl Default for FlakyStore {
    fn default() -> Self {
        let (disturbed, writes) = (AtomicBool::new(false), AtomicU64::new(0));
        Self { store: Arc::new(MemoryStore::default()), disturbed, writes }
    }
}

#[async_trait]
impl Store for FlakyStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.store.get(key)
    }

    fn scan(&self, range: Range<Vec<u8>>, order: Order, portion: Portion) -> Result<Rows, StoreError> {
        self.store.scan(range, order, portion)
    }

    async fn write_then(&self, batch: Batch, then: Then) -> Result<(), StoreError> {
        if !self.disturbed.load(Ordering::Relaxed) {
            return self.store.write_then(batch, then).await;
        }
        match self.writes.fetch_add(1, Ordering::Relaxed) % 4 {
            1 => Err(StoreError::Late),
            3 => {
                self.store.write_then(batch, then).await?;
                Err(StoreError::Late)
            }
            _ => self.store.write_then(batch, then).await,
        }
    }

    fn write_soon(&self, batch: Batch) {
        self.store.write_soon(batch);
    }

    fn is_durable(&self) -> bool {
        self.store.is_durable()
    }

    fn room(&self) -> Option<Room> {
        self.store.room()
    }

    async fn close(&self) {
        self.store.close().await;
    }
}
