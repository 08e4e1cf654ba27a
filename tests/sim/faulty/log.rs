//! The log with faults.

use async_trait::async_trait;
use sorl_core::ids::MessageId;
use sorl_core::names::ChannelName;
use sorl_core::ports::{Epoch, LateMark, Log, LogEntry, LogPage, LogQuery, Marks, Partial, Unavailable};
use sorl_core::time::Timestamp;

use super::{Faulty, Split};
use crate::trace::messages_in;

const PORT: &str = "log";

#[async_trait]
impl Log for Faulty<dyn Log> {
    async fn append(&self, entries: &[LogEntry]) -> Result<(), Partial> {
        self.invocation.reach(PORT).await;
        let split = Split::draw(entries.len(), &self.invocation);
        let reaching = split.items(entries);
        let told = self.inner.append(&reaching).await;
        self.invocation.note_with(|| {
            let written = reaching.iter().map(|entry| messages_in(entry.message.data.get()));
            format!("logged {}", written.collect::<Vec<_>>().join(" "))
        });
        self.invocation.come_back(PORT).await;
        split.outcome(PORT, told)
    }

    async fn mark(&self, mark: &LateMark) -> Result<(), Unavailable> {
        self.invocation.note(format_args!("marks {} late in {}", mark.ids.len(), mark.channel));
        self.invocation.around(PORT, self.inner.mark(mark)).await
    }

    async fn marks(
        &self,
        channel: &ChannelName,
        after: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Marks, Unavailable> {
        self.invocation.around(PORT, self.inner.marks(channel, after, now, limit)).await
    }

    async fn read(&self, channel: &ChannelName, ids: &[MessageId]) -> Result<Vec<LogEntry>, Unavailable> {
        self.invocation.around(PORT, self.inner.read(channel, ids)).await
    }

    async fn range(&self, query: &LogQuery) -> Result<LogPage, Unavailable> {
        self.invocation.around(PORT, self.inner.range(query)).await
    }

    async fn epochs(&self, namespace: &str) -> Result<Vec<Epoch>, Unavailable> {
        self.invocation.around(PORT, self.inner.epochs(namespace)).await
    }
}
