//! The ports with faults: each wraps one of core's ports and asks the weather before and after every call.
//!
//! Not the adapters underneath. What a port's documentation promises still holds here: an error says that the
//! effect may or may not have happened, and nothing acknowledged is undone.

mod bus;
mod gateway;
mod keys;
mod log;
mod queue;
mod registry;

use std::sync::Arc;

use sorl_core::ports::{Partial, Unavailable};

use crate::ports::PortSet;
use crate::weather::{Invocation, unavailable};

/// A port, and the invocation that calls it.
pub(crate) struct Faulty<P: ?Sized> {
    inner: Arc<P>,
    invocation: Invocation,
}

impl<P: ?Sized> Faulty<P> {
    /// `inner` as `invocation` meets it.
    pub(crate) fn new(inner: &Arc<P>, invocation: &Invocation) -> Self {
        Self { inner: Arc::clone(inner), invocation: invocation.clone() }
    }
}

/// All ports as `invocation` meets them.
pub(crate) fn faulty(ports: &PortSet, invocation: &Invocation) -> PortSet {
    PortSet {
        registry: Arc::new(Faulty::new(&ports.registry, invocation)),
        log: Arc::new(Faulty::new(&ports.log, invocation)),
        bus: Arc::new(Faulty::new(&ports.bus, invocation)),
        queue: Arc::new(Faulty::new(&ports.queue, invocation)),
        gateway: Arc::new(Faulty::new(&ports.gateway, invocation)),
    }
}

/// Which items of a batch reach the port, and which of those are reported lost all the same.
struct Split {
    reaching: Vec<usize>,
    failed: Vec<usize>,
}

impl Split {
    /// Each item fares for itself, as in the batch calls of AWS.
    fn draw(len: usize, invocation: &Invocation) -> Self {
        let mut split = Self { reaching: Vec::with_capacity(len), failed: Vec::new() };
        for item in 0..len {
            if invocation.is_refused() {
                split.failed.push(item);
                continue;
            }
            split.reaching.push(item);
            if invocation.loses_reply() {
                split.failed.push(item);
            }
        }
        split
    }

    fn items<T: Clone>(&self, items: &[T]) -> Vec<T> {
        self.reaching.iter().filter_map(|item| items.get(*item)).cloned().collect()
    }

    /// What the caller is told, given what the port told of the items that reached it.
    fn outcome(mut self, port: &'static str, told: Result<(), Partial>) -> Result<(), Partial> {
        let mut source: Option<Unavailable> = None;
        if let Err(partial) = told {
            self.failed.extend(partial.failed.iter().filter_map(|at| self.reaching.get(*at)).copied());
            source = Some(partial.source);
        }
        self.failed.sort_unstable();
        self.failed.dedup();
        if self.failed.is_empty() {
            return Ok(());
        }
        let source = source.unwrap_or_else(|| unavailable(port, "part of a batch failed"));
        Err(Partial { failed: self.failed, source })
    }
}
