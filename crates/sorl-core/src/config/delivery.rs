//! What bounds delivery in a region, and how it is shared between what is new and mass audiences.

use crate::limits::{AUDIENCE_INLINE_DEFAULT, POST_RATE_DEFAULT};

/// `[limits]` of posting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delivery {
    /// Posts a second that the account may make in one region: API Gateway's quota, unless it was raised.
    pub post_rate: u32,
    /// The part of them, above 0 and up to 1, that slices may take: mass audiences and retries. What is new keeps the
    /// rest, and so its latency.
    pub bulk_share: f64,
    /// Members of a channel that one invocation posts to itself; those beyond go to slices.
    pub inline_max: usize,
}

impl Delivery {
    /// Posts a second of all slices of a region.
    #[must_use]
    pub fn bulk_rate(&self) -> f64 {
        f64::from(self.post_rate) * self.bulk_share
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self { post_rate: POST_RATE_DEFAULT, bulk_share: 0.8, inline_max: AUDIENCE_INLINE_DEFAULT }
    }
}
