//! Flaws of the topics and the queues: what is acknowledged and not done.

use std::sync::Arc;

use async_trait::async_trait;
use sorl_core::envelope::{Relayed, Slice};
use sorl_core::ports::{Bus, DeadLetter, Partial, Queue, Unavailable};

use crate::chance::Chance;
use crate::ports::PortSet;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendingFlaw {
    /// Slices that are retries are acknowledged and dropped.
    DropsRetries,
    /// Slices of an audience that one invocation does not post to itself are.
    DropsAudiences,
    /// Slices that go on reading an audience are.
    DropsReadings,
    /// Every tenth slice is.
    DropsSomeSlices,
    /// Every fiftieth publish is acknowledged and dropped.
    DropsPublishes,
    /// What was not sent counts as sent.
    SwallowsErrors,
    /// Dead letters are acknowledged and dropped.
    BuriesNothing,
}

/// A bus or a queue with a flaw.
struct Broken<P: ?Sized> {
    inner: Arc<P>,
    flaw: SendingFlaw,
    chance: Chance,
}

/// Bus and queue with the flaw.
pub(super) fn apply(flaw: SendingFlaw, ports: PortSet, chance: &Chance) -> PortSet {
    let bus = Broken { inner: ports.bus, flaw, chance: chance.clone() };
    let queue = Broken { inner: ports.queue, flaw, chance: chance.clone() };
    PortSet { bus: Arc::new(bus), queue: Arc::new(queue), ..ports }
}

#[async_trait]
impl Bus for Broken<dyn Bus> {
    async fn publish(&self, items: &[Relayed]) -> Result<(), Partial> {
        let told = match self.flaw {
            SendingFlaw::DropsPublishes if self.chance.happens(0.02) => Ok(()),
            _ => self.inner.publish(items).await,
        };
        if self.flaw == SendingFlaw::SwallowsErrors { Ok(()) } else { told }
    }
}

impl Broken<dyn Queue> {
    /// Sends some; the others' loss is not told.
    async fn send_only(
        &self,
        slices: &[Slice],
        is_sent: impl Fn(&Slice) -> bool + Send,
    ) -> Result<(), Partial> {
        let sent: Vec<_> = slices.iter().filter(|slice| is_sent(slice)).cloned().collect();
        self.inner.send(&sent).await
    }
}

#[async_trait]
impl Queue for Broken<dyn Queue> {
    async fn send(&self, slices: &[Slice]) -> Result<(), Partial> {
        let told = match self.flaw {
            SendingFlaw::DropsRetries => self.send_only(slices, |slice| slice.depth < 2).await,
            SendingFlaw::DropsAudiences => self.send_only(slices, |slice| slice.depth != 1).await,
            SendingFlaw::DropsReadings => self.send_only(slices, |slice| slice.rest.is_none()).await,
            SendingFlaw::DropsSomeSlices if self.chance.happens(0.1) => Ok(()),
            _ => self.inner.send(slices).await,
        };
        if self.flaw == SendingFlaw::SwallowsErrors { Ok(()) } else { told }
    }

    async fn bury(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        if self.flaw == SendingFlaw::BuriesNothing {
            return Ok(());
        }
        self.inner.bury(letter).await
    }
}
