//! Core's bus over the `relay` topic of the own region.

use std::sync::Arc;

use async_trait::async_trait;
use sorl_core::envelope::{Relayed, Topic};
use sorl_core::limits::{BATCH_MAX, SNS_BYTES_MAX};
use sorl_core::ports::{Bus, Entropy, Partial, Unavailable};
use sorl_core::region::Region;

use crate::clock::random_uuid;
use crate::topics::{Notice, Topics};

const PORT: &str = "bus";

/// The port over the topics.
#[derive(Clone)]
pub struct LocalBus {
    pub(crate) region: Region,
    pub(crate) topics: Topics,
    pub(crate) entropy: Arc<dyn Entropy>,
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, items: &[Relayed]) -> Result<(), Partial> {
        let mut failed = Vec::new();
        let mut source = None;
        for batch in batches(items) {
            let (indexes, notices): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|(index, text)| (index, self.notice(text))).unzip();
            if let Err(fault) = self.publish_batch(&notices).await {
                failed.extend(indexes);
                source = Some(fault);
            }
        }
        source.map_or(Ok(()), |source| Err(Partial { failed, source }))
    }
}

impl LocalBus {
    fn notice(&self, message: String) -> Notice {
        Notice { message_id: random_uuid(&*self.entropy), message, ..Notice::default() }
    }

    async fn publish_batch(&self, notices: &[Notice]) -> Result<(), Unavailable> {
        if notices.iter().any(|notice| notice.message.len() > SNS_BYTES_MAX) {
            return Err(Unavailable::new(PORT, "an item is larger than a topic takes"));
        }
        let arn = self.topics.arn(&self.region, Topic::Relay);
        self.topics.publish(&arn, notices).await.map_err(|fault| Unavailable::new(PORT, fault))
    }
}

/// The items as texts, in batches within SNS's limits; one that is too large stands alone.
fn batches(items: &[Relayed]) -> Vec<Vec<(usize, String)>> {
    let mut batches: Vec<Vec<(usize, String)>> = Vec::new();
    let mut bytes = 0;
    for (index, item) in items.iter().enumerate() {
        let text = item.to_json();
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_MAX && bytes + text.len() <= SNS_BYTES_MAX => {
                bytes += text.len();
                batch.push((index, text));
            }
            _ => {
                bytes = text.len();
                batches.push(vec![(index, text)]);
            }
        }
    }
    batches
}
