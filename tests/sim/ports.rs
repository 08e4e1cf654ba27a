//! The ports of one region, together: what a Lambda is given, and what a mutation takes apart.

use std::sync::Arc;

use sorl_core::ports::{Bus, Clock, Entropy, Gateway, Log, Queue, Registry};
use sorl_core::{command, deliver};

/// The ports of a region, as some layer of the wiring has them.
#[derive(Clone)]
pub(crate) struct PortSet {
    /// The connections table.
    pub(crate) registry: Arc<dyn Registry>,
    /// The messages table.
    pub(crate) log: Arc<dyn Log>,
    /// The `relay` topic.
    pub(crate) bus: Arc<dyn Bus>,
    /// The `bulk` and dead-letter queues.
    pub(crate) queue: Arc<dyn Queue>,
    /// `@connections`.
    pub(crate) gateway: Arc<dyn Gateway>,
}

impl PortSet {
    /// What `command` may touch.
    pub(crate) fn for_command<'a>(
        &'a self,
        clock: &'a dyn Clock,
        entropy: &'a dyn Entropy,
    ) -> command::Ports<'a> {
        command::Ports { registry: &*self.registry, log: &*self.log, bus: &*self.bus, clock, entropy }
    }

    /// What `deliver` may touch.
    pub(crate) fn for_deliver<'a>(&'a self, clock: &'a dyn Clock) -> deliver::Ports<'a> {
        deliver::Ports {
            registry: &*self.registry,
            log: &*self.log,
            bus: &*self.bus,
            queue: &*self.queue,
            gateway: &*self.gateway,
            clock,
        }
    }
}
