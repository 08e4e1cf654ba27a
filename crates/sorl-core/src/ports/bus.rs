//! The bus: SNS's `relay` topic of the own region, from where every region's `live` queue is fed.

use async_trait::async_trait;

use super::Partial;
use crate::envelope::Relayed;

/// Publishes what Sorl itself accepted to all regions.
///
/// - **`accepted_reaches_every_region`**: an item that did not fail reaches the `live` queue of every region at
///   least once, in time, also regions that are cut off now.
/// - **`failures_are_told_apart`**: in a batch, only the items named in [`Partial`] may be lost.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Publishes each of `items`, of any number; the adapter keeps SNS's batch limits (10 items, 256 KiB).
    ///
    /// # Errors
    /// [`Partial`] names the items that were not acknowledged.
    async fn publish(&self, items: &[Relayed]) -> Result<(), Partial>;
}
