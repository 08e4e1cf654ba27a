//! The queue with faults: each slice of a batch fares for itself.

use async_trait::async_trait;
use sorl_core::envelope::Slice;
use sorl_core::ports::{DeadLetter, Partial, Queue, Unavailable};

use super::{Faulty, Split};
use crate::trace::messages_in;
use crate::weather::unavailable;

const PORT: &str = "queue";

#[async_trait]
impl Queue for Faulty<dyn Queue> {
    async fn send(&self, slices: &[Slice]) -> Result<(), Partial> {
        for slice in slices {
            self.invocation.note_with(|| sliced(slice));
        }
        self.invocation.reach(PORT).await;
        let split = Split::draw(slices.len(), &self.invocation);
        let told = self.inner.send(&split.items(slices)).await;
        self.invocation.come_back(PORT).await;
        split.outcome(PORT, told)
    }

    async fn bury(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        if self.invocation.weather().refuses_burial() {
            return Err(unavailable(PORT, "no dead letters now"));
        }
        self.invocation.note(format_args!("buries: {}", letter.reason));
        self.invocation.around(PORT, self.inner.bury(letter)).await
    }
}

fn sliced(slice: &Slice) -> String {
    let to: Vec<_> = slice.connections.iter().map(|to| to.connection.as_str()).collect();
    let (messages, to) = (messages_in(&slice.to_json()), to.join(" "));
    format!("slices {messages} for {to} (depth {}, {} s)", slice.depth, slice.delay.as_secs())
}
