//! The queue with faults: each slice of a batch fares for itself.

use async_trait::async_trait;
use sorl_core::envelope::Slice;
use sorl_core::ports::{DeadLetter, Partial, Queue, Unavailable};

use super::{Faulty, Split};
use crate::trace::messages_in;

const PORT: &str = "queue";

#[async_trait]
impl Queue for Faulty<dyn Queue> {
    async fn send(&self, slices: &[Slice]) -> Result<(), Partial> {
        for slice in slices {
            let to: Vec<_> = slice.connections.iter().map(|to| to.connection.as_str()).collect();
            let messages = messages_in(&slice.to_json());
            let (depth, delay) = (slice.depth, slice.delay.as_secs());
            self.invocation
                .note(format_args!("slices {messages} for {} (depth {depth}, {delay} s)", to.join(" ")));
        }
        self.invocation.reach(PORT).await;
        let split = Split::draw(slices.len(), &self.invocation);
        let told = self.inner.send(&split.items(slices)).await;
        self.invocation.come_back(PORT).await;
        split.outcome(PORT, told)
    }

    async fn bury(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        self.invocation.note(format_args!("buries: {}", letter.reason));
        self.invocation.around(PORT, self.inner.bury(letter)).await
    }
}
