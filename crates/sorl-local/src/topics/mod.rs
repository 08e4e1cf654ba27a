//! The topics of all regions and their subscriptions: every region's `live` queue gets what any region's topics
//! get.
//!
//! Not the publishers' API (`http`), which parses and refuses. The invariant: what was acknowledged reaches every
//! region's queue; for a region that is cut off it is held here, and durably in its queue's rows, until the cut
//! is healed. What is published together reaches each queue together.

mod notification;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sorl_core::envelope::{Topic, TopicArn};
use sorl_core::ports::Clock;
use sorl_core::region::Region;

pub use notification::{Notice, NoticeAttribute};

use crate::faults::FaultCell;
use crate::queue::{Admission, Full, Outgoing, RecordQueue};
use crate::store::{Batch, Store, StoreError};

/// The account that everything local belongs to.
pub const ACCOUNT: &str = "000000000000";
const PARTITION: &str = "aws";

/// The topics. Cloning shares them.
#[derive(Clone)]
pub struct Topics(Arc<Inner>);

struct Inner {
    stage: String,
    queues: BTreeMap<Region, RecordQueue>,
    held: Mutex<Held>,
    store: Arc<dyn Store>,
    faults: FaultCell,
    clock: Arc<dyn Clock>,
}

/// What a cut keeps from its queue, by (to, from), in order of publication.
type Held = BTreeMap<(Region, Region), Vec<Admission>>;

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// There is no such topic.
    #[error("there is no topic {0}")]
    UnknownTopic(TopicArn),
    /// A queue is full: try again later.
    #[error("a region's queue is full")]
    Throttled,
    /// It may or may not be delivered.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Full> for PublishError {
    fn from(_: Full) -> Self {
        Self::Throttled
    }
}

impl Topics {
    pub(crate) fn new(
        stage: &str,
        queues: BTreeMap<Region, RecordQueue>,
        store: Arc<dyn Store>,
        faults: FaultCell,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let stage = stage.to_owned();
        Self(Arc::new(Inner { stage, queues, held: Mutex::default(), store, faults, clock }))
    }

    /// The address of a topic.
    #[must_use]
    pub fn arn(&self, region: &Region, topic: Topic) -> TopicArn {
        TopicArn {
            partition: PARTITION.to_owned(),
            region: region.clone(),
            account: ACCOUNT.to_owned(),
            stage: self.0.stage.clone(),
            topic,
        }
    }

    /// Whether there is such a topic.
    #[must_use]
    pub fn exists(&self, arn: &TopicArn) -> bool {
        self.0.queues.contains_key(&arn.region) && *arn == self.arn(&arn.region, arn.topic)
    }

    /// Publishes notices together: they reach each queue as neighbours. An answer means that they will be
    /// delivered, also after a crash where the store is durable.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn publish(&self, arn: &TopicArn, notices: &[Notice]) -> Result<(), PublishError> {
        if !self.exists(arn) {
            return Err(PublishError::UnknownTopic(arn.clone()));
        }
        let now = self.0.clock.now();
        let records: Vec<_> = notices
            .iter()
            .map(|notice| Outgoing { body: notice.body(arn, now).into(), delay: Duration::ZERO })
            .collect();
        let mut batch = Batch::default();
        let mut admissions = Vec::with_capacity(self.0.queues.len());
        for (region, queue) in &self.0.queues {
            let admission = queue.admit(records.clone())?;
            admission.write_to(&mut batch, now);
            admissions.push((region.clone(), admission));
        }
        if batch.is_empty() {
            self.accept(&arn.region, admissions);
            return Ok(());
        }
        let (topics, from) = (self.clone(), arn.region.clone());
        let accept = Box::new(move || topics.accept(&from, admissions));
        Ok(self.0.store.write_then(batch, accept).await?)
    }

    fn accept(&self, from: &Region, admissions: Vec<(Region, Admission)>) {
        let mut held = self.0.held.lock();
        for (region, admission) in admissions {
            held.entry((region, from.clone())).or_default().push(admission);
        }
        self.deliver_held(&mut held);
    }

    /// Delivers what no cut keeps any more.
    pub(crate) fn deliver(&self) {
        self.deliver_held(&mut self.0.held.lock());
    }

    fn deliver_held(&self, held: &mut Held) {
        let faults = self.0.faults.in_force();
        let now = self.0.clock.now();
        held.retain(|(to, from), admissions| {
            let kept = !faults.connects(from, to);
            if !kept {
                admissions.drain(..).for_each(|admission| admission.accept(now));
            }
            kept
        });
    }

    /// Records that cuts keep from a region's queue.
    #[must_use]
    pub fn held_for(&self, region: &Region) -> usize {
        let held = self.0.held.lock();
        let theirs = held.iter().filter(|((to, _), _)| to == region);
        theirs.flat_map(|(_, admissions)| admissions).map(Admission::records).sum()
    }

    /// Groups that cuts keep from their queues.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.held.lock().values().map(Vec::len).sum()
    }
}
