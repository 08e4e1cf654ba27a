//! The gateway with faults: posts that fail without a reason, 410 for who is there, 429 of the account.

use async_trait::async_trait;
use sorl_core::ids::ConnectionId;
use sorl_core::ports::{CloseError, Gateway, PostError};
use sorl_core::protocol::Frame;

use super::Faulty;
use crate::trace::messages_in;

const PORT: &str = "gateway";

#[async_trait]
impl Gateway for Faulty<dyn Gateway> {
    async fn post(&self, connection: &ConnectionId, frame: &Frame) -> Result<(), PostError> {
        let result = self.invocation.around(PORT, self.answer(connection, frame)).await;
        self.invocation.note_with(|| {
            let messages = messages_in(&String::from_utf8_lossy(frame.text()));
            match &result {
                Ok(()) => format!("posted {messages} to {connection}"),
                Err(fault) => format!("did not post {messages} to {connection}: {fault}"),
            }
        });
        result
    }

    async fn close(&self, connection: &ConnectionId) -> Result<(), CloseError> {
        self.invocation.note(format_args!("closes {connection}"));
        self.invocation.around(PORT, self.inner.close(connection)).await
    }
}

impl Faulty<dyn Gateway> {
    async fn answer(&self, connection: &ConnectionId, frame: &Frame) -> Result<(), PostError> {
        let weather = self.invocation.weather();
        let odds = weather.odds();
        if weather.throttles() {
            return Err(PostError::Throttled);
        }
        if weather.strikes("410 for a live connection", odds.false_gone) {
            return Err(PostError::Gone);
        }
        if weather.strikes("403", odds.forbidden) {
            return Err(PostError::Forbidden);
        }
        self.inner.post(connection, frame).await
    }
}
