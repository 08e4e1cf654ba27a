//! Flaws of the gateway port: answers that are not what they seem.

use std::sync::Arc;

use async_trait::async_trait;
use sorl_core::ids::ConnectionId;
use sorl_core::ports::{CloseError, Gateway, PostError};
use sorl_core::protocol::Frame;

use crate::chance::Chance;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GatewayFlaw {
    /// Every fiftieth frame is acknowledged and dropped.
    DropsFrames,
    /// Connections are said to be closed and are not.
    ClosesNothing,
    /// A 429 counts as a success.
    TakesThrottledForTaken,
    /// A 410 counts as a success.
    TakesGoneForTaken,
}

/// A gateway with a flaw.
pub(super) struct Broken {
    pub(super) inner: Arc<dyn Gateway>,
    pub(super) flaw: GatewayFlaw,
    pub(super) chance: Chance,
}

#[async_trait]
impl Gateway for Broken {
    async fn post(&self, connection: &ConnectionId, frame: &Frame) -> Result<(), PostError> {
        if self.flaw == GatewayFlaw::DropsFrames && self.chance.happens(0.02) {
            return Ok(());
        }
        match (self.flaw, self.inner.post(connection, frame).await) {
            (GatewayFlaw::TakesThrottledForTaken, Err(PostError::Throttled))
            | (GatewayFlaw::TakesGoneForTaken, Err(PostError::Gone)) => Ok(()),
            (_, told) => told,
        }
    }

    async fn close(&self, connection: &ConnectionId) -> Result<(), CloseError> {
        if self.flaw == GatewayFlaw::ClosesNothing {
            return Ok(());
        }
        self.inner.close(connection).await
    }
}
