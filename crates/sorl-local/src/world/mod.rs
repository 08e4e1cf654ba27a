//! The world: the state of all regions of one stage, and the passing of its time.
//!
//! Not the gateway and not the handlers. Nothing here sleeps or spawns: time is told ([`World::tick`]), so a driver
//! can run it by the clock and a simulator by hand. The invariant: over a durable store, a world made again finds
//! everything that the one before acknowledged.

mod beginning;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sorl_core::config::{Config, Site};
use sorl_core::ports::{Clock, Entropy, RecordSource};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use tokio::sync::Notify;

use crate::bus::LocalBus;
use crate::dead_letters::{Buried, DeadLetters};
use crate::faults::{FaultCell, Faults, FaultsRefused};
use crate::log::{Expiry, LocalLog};
use crate::queue::{LocalQueue, Outgoing, RecordQueue, SendError};
use crate::registry::{GlobalTable, LocalRegistry};
use crate::store::{Batch, Store, StoreError};
use crate::topics::Topics;

use beginning::{Builder, begin};

/// How often what expired is collected, if somebody ticks.
pub const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// How soon again if one sweep was not enough.
const SWEEP_AGAIN: Duration = Duration::from_millis(50);

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
    sweep: Mutex<Sweep>,
    ttl_late: Duration,
    rescheduled: Arc<Notify>,
}

/// When what expired is collected next.
struct Sweep {
    at: Timestamp,
    /// Whether the last one left something.
    is_behind: bool,
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

/// Sizes that tests make small, and times that they make long.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Rows in a page of the registry.
    pub member_page: usize,
    /// Rows in a page of the log.
    pub log_page: usize,
    /// How much later than it could be what expired is collected: DynamoDB takes up to days.
    pub ttl_late: Duration,
}

impl Default for Sizes {
    fn default() -> Self {
        let (member_page, log_page) = (crate::registry::PAGE_ROWS, crate::log::PAGE_ROWS);
        Self { member_page, log_page, ttl_late: Duration::ZERO }
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
        let (faults, rescheduled) = (FaultCell::new(faults), Arc::new(Notify::new()));
        Builder { config, clock, entropy, store, faults, rescheduled }.build(sizes, now)
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

    /// When something becomes due by itself. Collecting what expired is counted only while it is behind: whoever
    /// drives by the clock ticks at least every [`SWEEP_EVERY`] besides.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let queues = self.0.places.values().flat_map(|place| [place.live.next_due(), place.bulk.next_due()]);
        let sweep = self.0.sweep.lock();
        let behind = sweep.is_behind.then_some(sweep.at);
        queues.chain([self.0.table.next_due(), behind]).flatten().min()
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
        let taken = place.dead.take(id).map_err(SendError::from)?.ok_or(RedriveError::Unknown)?;
        let queue = match taken.letter().source() {
            RecordSource::Live => &place.live,
            RecordSource::Bulk => &place.bulk,
        };
        let record = Outgoing { body: taken.letter().body.as_str().into(), delay: Duration::ZERO };
        let admission = queue.admit(vec![record]).map_err(SendError::from)?;
        // One batch, so that a crash leaves the record in one of the two.
        let mut batch = Batch::default();
        admission.write_to(&mut batch, now);
        taken.delete(&mut batch);
        let move_over = move || {
            taken.confirm();
            admission.accept(now);
        };
        self.0.store.write_then(batch, Box::new(move_over)).await.map_err(SendError::from)?;
        Ok(())
    }

    /// Deletes a dead letter for good.
    ///
    /// # Errors
    /// [`RedriveError`]; then it still is a dead letter.
    pub async fn purge(&self, id: &str) -> Result<(), RedriveError> {
        let place = self.0.places.values().find(|place| place.dead.contains(id));
        let place = place.ok_or(RedriveError::Unknown)?;
        let taken = place.dead.take(id).map_err(SendError::from)?.ok_or(RedriveError::Unknown)?;
        let mut batch = Batch::default();
        taken.delete(&mut batch);
        self.0.store.write_then(batch, Box::new(|| taken.confirm())).await.map_err(SendError::from)?;
        Ok(())
    }

    fn sweep_if_due(&self, now: Timestamp) {
        let mut sweep = self.0.sweep.lock();
        if now < sweep.at {
            return;
        }
        let expired_by = now.minus(self.0.ttl_late);
        for place in self.0.places.values() {
            place.registry.sweep(expired_by);
            place.dead.sweep(expired_by);
        }
        sweep.is_behind = self.0.expiry.collect(expired_by).unwrap_or_else(|fault| {
            tracing::warn!(source = %fault, "what expired stays for now");
            false
        });
        sweep.at = now.plus(if sweep.is_behind { SWEEP_AGAIN } else { SWEEP_EVERY });
    }
}
