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
use sorl_core::batch::Batches;
use sorl_core::envelope::Slice;
use sorl_core::limits::SQS_BYTES_MAX;
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
        let Batches { batches, too_large: mut failed } =
            Batches::of(slices.iter().map(Slice::to_json), 0, SQS_BYTES_MAX);
        let mut source =
            failed.first().map(|_index| Unavailable::new(PORT, "a slice is larger than a queue takes"));
        for batch in batches {
            let indexes: Vec<_> = batch.iter().map(|(index, _)| *index).collect();
            if let Err(fault) = self.bulk.send(records(batch, slices), self.clock.now()).await {
                failed.extend(indexes);
                source = Some(Unavailable::new(PORT, fault));
            }
        }
        failed.sort_unstable();
        source.map_or(Ok(()), |source| Err(Partial { failed, source }))
    }

    async fn bury(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        self.dead.bury(letter, self.clock.now()).await.map_err(|fault| fault.of(PORT))
    }
}

/// The bodies of a batch as records, each with its slice's delay.
fn records(batch: Vec<(usize, String)>, slices: &[Slice]) -> Vec<Outgoing> {
    let delay = |index| slices.get(index).map(|slice: &Slice| slice.delay).unwrap_or_default();
    batch.into_iter().map(|(index, body)| Outgoing { body: body.into(), delay: delay(index) }).collect()
}
