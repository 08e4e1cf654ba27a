//! Core's bus over the `relay` topic of the own region.

use std::sync::Arc;

use async_trait::async_trait;
use sorl_core::batch::Batches;
use sorl_core::envelope::{Relayed, Topic};
use sorl_core::limits::SNS_BYTES_MAX;
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
        let Batches { batches, too_large: mut failed } =
            Batches::of(items.iter().map(Relayed::to_json), 0, SNS_BYTES_MAX);
        let mut source =
            failed.first().map(|_index| Unavailable::new(PORT, "an item is larger than a topic takes"));
        for batch in batches {
            let (indexes, notices): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|(index, text)| (index, self.notice(text))).unzip();
            if let Err(fault) = self.publish_batch(&notices).await {
                failed.extend(indexes);
                source = Some(fault);
            }
        }
        failed.sort_unstable();
        source.map_or(Ok(()), |source| Err(Partial { failed, source }))
    }
}

impl LocalBus {
    fn notice(&self, message: String) -> Notice {
        Notice { message_id: random_uuid(&*self.entropy), message, ..Notice::default() }
    }

    async fn publish_batch(&self, notices: &[Notice]) -> Result<(), Unavailable> {
        let arn = self.topics.arn(&self.region, Topic::Relay);
        self.topics.publish(&arn, notices).await.map_err(|fault| Unavailable::new(PORT, fault))
    }
}
