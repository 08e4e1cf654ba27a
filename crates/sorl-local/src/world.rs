//! The world: the state of all regions of one stage, and the passing of its time.
//!
//! Not the gateway and not the handlers. Nothing here sleeps or spawns: time is told ([`World::tick`]), so a driver
//! can run it by the clock and a simulator by hand. The invariant: over a durable store, a world made again finds
//! everything that the one before acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sorl_core::config::{Config, Site};
use sorl_core::ports::{Clock, Entropy, RecordSource};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use tokio::sync::Notify;

use crate::bus::LocalBus;
use crate::dead_letters::{Buried, DeadLetters};
use crate::faults::{FaultCell, Faults, FaultsRefused};
use crate::log::{Beginnings, Expiry, LocalLog};
use crate::queue::{LocalQueue, Outgoing, RecordQueue, SendError, Surroundings};
use crate::registry::{Blocks, GlobalTable, LocalRegistry};
use crate::store::{Batch, Key, Store, StoreError, Tag};
use crate::topics::Topics;

/// How often what expired is collected, if somebody ticks.
pub const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// All regions of a stage. Cloning shares it.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    config: Arc<Config>,
    places: BTreeMap<Region, Arc<Place>>,
    topics: Topics,
    table: Arc<GlobalTable>,
    expiry: Arc<Expiry>,
    store: Arc<dyn Store>,
    faults: FaultCell,
    next_sweep: Mutex<Timestamp>,
    rescheduled: Arc<Notify>,
}

/// One region's state: the core ports' adapters, and the queues behind them.
pub struct Place {
    /// Which region of which stage, as the handlers take it.
    pub site: Site,
    /// Members, blocks and counters.
    pub registry: LocalRegistry,
    /// History.
    pub log: LocalLog,
    /// The `relay` topic.
    pub bus: LocalBus,
    /// What `deliver` sends to.
    pub queue: LocalQueue,
    /// What the topics feed.
    pub live: RecordQueue,
    /// What `deliver` feeds.
    pub bulk: RecordQueue,
    /// What can never succeed.
    pub dead: DeadLetters,
}

/// Sizes that tests make small.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Rows in a page of the registry.
    pub member_page: usize,
    /// Rows in a page of the log.
    pub log_page: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { member_page: crate::registry::PAGE_ROWS, log_page: crate::log::PAGE_ROWS }
    }
}

/// Why a dead letter was not put back.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// No region has it.
    #[error("there is no such dead letter")]
    Unknown,
    /// Its queue did not take it.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// What the store belongs to.
#[derive(Serialize, Deserialize)]
struct Stage {
    stage: String,
    regions: BTreeSet<Region>,
}

impl World {
    /// The stage that `config` describes, with what `store` has of it.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read or belongs to another stage.
    pub async fn new(
        config: Arc<Config>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        store: Arc<dyn Store>,
        faults: Faults,
    ) -> Result<Self, StoreError> {
        Self::with_sizes(config, clock, entropy, store, faults, Sizes::default()).await
    }

    /// Like [`World::new`], with other sizes.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read or belongs to another stage.
    pub async fn with_sizes(
        config: Arc<Config>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        store: Arc<dyn Store>,
        faults: Faults,
        sizes: Sizes,
    ) -> Result<Self, StoreError> {
        let now = clock.now();
        begin(&config, &*store, now).await?;
        let builder = Builder {
            faults: FaultCell::new(faults),
            rescheduled: Arc::new(Notify::new()),
            config,
            clock,
            entropy,
            store,
        };
        builder.build(sizes, now)
    }

    /// A region's state; none for a region that the stage does not have.
    #[must_use]
    pub fn region(&self, region: &Region) -> Option<&Arc<Place>> {
        self.0.places.get(region)
    }

    /// All regions' states, by name.
    pub fn places(&self) -> impl Iterator<Item = &Arc<Place>> {
        self.0.places.values()
    }

    /// The stage's configuration.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.0.config
    }

    /// The topics of all regions.
    #[must_use]
    pub fn topics(&self) -> &Topics {
        &self.0.topics
    }

    /// The rows underneath.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// The faults in force, for whoever fails by them.
    #[must_use]
    pub fn faults(&self) -> &FaultCell {
        &self.0.faults
    }

    /// Replaces the faults in force; what a healed cut kept is delivered at once.
    ///
    /// # Errors
    /// [`FaultsRefused`] names all that is wrong; then the former stay in force.
    pub fn set_faults(&self, faults: Faults) -> Result<(), FaultsRefused> {
        faults.check(&self.0.config.regions)?;
        self.0.faults.replace(faults);
        self.0.topics.deliver();
        self.0.rescheduled.notify_one();
        Ok(())
    }

    /// Lets time pass up to `now`: moves due replication and due records, and now and then collects what expired.
    pub fn tick(&self, now: Timestamp) {
        self.0.table.tick(now);
        self.0.topics.deliver();
        for place in self.0.places.values() {
            place.live.tick(now);
            place.bulk.tick(now);
        }
        self.sweep_if_due(now);
    }

    /// When something becomes due by itself. Collecting what expired is not counted: whoever drives by the clock
    /// ticks at least every [`SWEEP_EVERY`] besides.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let queues = self.0.places.values().flat_map(|place| [place.live.next_due(), place.bulk.next_due()]);
        queues.chain([self.0.table.next_due()]).flatten().min()
    }

    /// Waits until [`World::next_due`] may have come nearer. A notice given while nobody waited is not lost.
    pub async fn rescheduled(&self) {
        self.0.rescheduled.notified().await;
    }

    /// All dead letters, by region, then by age.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn dead_letters(&self) -> Result<Vec<Buried>, StoreError> {
        let lists = self.0.places.values().map(|place| place.dead.list());
        lists.collect::<Result<Vec<_>, _>>().map(|lists| lists.into_iter().flatten().collect())
    }

    /// Puts a dead letter back on the queue it came from, in its region.
    ///
    /// # Errors
    /// [`RedriveError`]; then it still is a dead letter.
    pub async fn redrive(&self, id: &str, now: Timestamp) -> Result<(), RedriveError> {
        let place = self.0.places.values().find(|place| place.dead.contains(id));
        let place = place.ok_or(RedriveError::Unknown)?;
        let letter = place.dead.take(id).map_err(SendError::from)?.ok_or(RedriveError::Unknown)?;
        if let Err(fault) = self.put_back(place, &letter, now).await {
            place.dead.give_back(letter);
            return Err(fault.into());
        }
        Ok(())
    }

    /// One batch, so that a crash leaves the record in one of the two.
    async fn put_back(&self, place: &Place, letter: &Buried, now: Timestamp) -> Result<(), SendError> {
        let queue = match letter.source() {
            RecordSource::Live => &place.live,
            RecordSource::Bulk => &place.bulk,
        };
        let record = Outgoing { body: letter.body.as_str().into(), delay: Duration::ZERO };
        let admission = queue.admit(vec![record])?;
        let mut batch = Batch::default();
        admission.write_to(&mut batch, now);
        place.dead.forget(&letter.id, &mut batch);
        self.0.store.write(batch).await?;
        admission.accept(now);
        Ok(())
    }

    fn sweep_if_due(&self, now: Timestamp) {
        let mut next_sweep = self.0.next_sweep.lock();
        if now < *next_sweep {
            return;
        }
        *next_sweep = now.plus(SWEEP_EVERY);
        drop(next_sweep);
        for place in self.0.places.values() {
            place.registry.sweep(now);
            place.dead.sweep(now);
        }
        if let Err(fault) = self.0.expiry.collect(now) {
            tracing::warn!(source = %fault, "what expired stays for now");
        }
    }
}

/// Writes what a start of the stage means for its logs: all of it or nothing.
async fn begin(config: &Config, store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
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
    let beginnings = Beginnings { config, known: before.as_ref().map(|before| &before.regions), now };
    let mut batch = Batch::default();
    for region in &config.regions {
        beginnings.note(store, region, &mut batch)?;
    }
    let stage = Stage { stage: config.stage.clone(), regions: config.regions.iter().cloned().collect() };
    // A struct of texts always serializes.
    batch.put(key, serde_json::to_vec(&stage).unwrap_or_default());
    store.write(batch).await
}

struct Builder {
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    store: Arc<dyn Store>,
    faults: FaultCell,
    rescheduled: Arc<Notify>,
}

impl Builder {
    fn build(self, sizes: Sizes, now: Timestamp) -> Result<World, StoreError> {
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
        let next_sweep = Mutex::new(now.plus(SWEEP_EVERY));
        let inner = Inner { config, places, topics, table, expiry, store, faults, next_sweep, rescheduled };
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
