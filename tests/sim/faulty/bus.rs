//! The bus with faults: each item of a batch fares for itself.

use async_trait::async_trait;
use sorl_core::envelope::Relayed;
use sorl_core::ports::{Bus, Partial};

use super::{Faulty, Split};

const PORT: &str = "bus";

#[async_trait]
impl Bus for Faulty<dyn Bus> {
    async fn publish(&self, items: &[Relayed]) -> Result<(), Partial> {
        self.invocation.reach(PORT).await;
        let split = Split::draw(items.len(), &self.invocation);
        let told = self.inner.publish(&split.items(items)).await;
        self.invocation.come_back(PORT).await;
        split.outcome(PORT, told)
    }
}
