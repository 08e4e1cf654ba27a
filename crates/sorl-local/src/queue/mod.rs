//! The queues of a region: [`RecordQueue`] as SQS keeps one, and [`LocalQueue`], core's port, which sends to
//! `bulk` and buries dead letters.
//!
//! Not the topics, which feed `live` (`topics`), and not who receives (`delivery`).

mod line;
mod records;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use sorl_core::envelope::Slice;
use sorl_core::limits::{BATCH_MAX, SQS_BYTES_MAX};
use sorl_core::ports::{Clock, DeadLetter, Partial, Queue, Unavailable};

pub use line::retry_delay;
pub(crate) use records::Surroundings;
pub use records::{
    Admission, Full, Outgoing, RECEIVES_MAX, Receipt, Received, RecordQueue, SendError, VISIBILITY,
};
pub(crate) use rows::name;

use crate::dead_letters::DeadLetters;

const PORT: &str = "queue";

/// The port over a region's `bulk` queue and dead letters.
#[derive(Clone)]
pub struct LocalQueue {
    pub(crate) bulk: RecordQueue,
    pub(crate) dead: DeadLetters,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Queue for LocalQueue {
    async fn send(&self, slices: &[Slice]) -> Result<(), Partial> {
        let mut failed = Vec::new();
        for (first, batch) in (0..).step_by(BATCH_MAX).zip(slices.chunks(BATCH_MAX)) {
            let (records, oversize) = records(batch, first);
            let indexes = (first..first + batch.len()).filter(|index| !oversize.contains(index));
            if let Err(fault) = self.bulk.send(records, self.clock.now()).await {
                let fault = Arc::new(fault);
                failed.extend(indexes.map(|index| (index, Unavailable::new(PORT, Arc::clone(&fault)))));
            }
            let too_large = |index| (index, Unavailable::new(PORT, "a slice is larger than a queue takes"));
            failed.extend(oversize.into_iter().map(too_large));
        }
        partial(failed)
    }

    async fn bury(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        self.dead.bury(letter, self.clock.now()).await.map_err(|fault| fault.of(PORT))
    }
}

/// The slices of a batch as records, and the indexes of those that no queue takes.
fn records(batch: &[Slice], first: usize) -> (Vec<Outgoing>, Vec<usize>) {
    let (mut records, mut oversize) = (Vec::new(), Vec::new());
    for (index, slice) in (first..).zip(batch) {
        let body = slice.to_json();
        if body.len() > SQS_BYTES_MAX {
            oversize.push(index);
        } else {
            records.push(Outgoing { body: body.into(), delay: slice.delay });
        }
    }
    (records, oversize)
}

fn partial(mut failed: Vec<(usize, Unavailable)>) -> Result<(), Partial> {
    failed.sort_by_key(|(index, _)| *index);
    let indexes = failed.iter().map(|(index, _)| *index).collect();
    match failed.pop() {
        None => Ok(()),
        Some((_, source)) => Err(Partial { failed: indexes, source }),
    }
}
