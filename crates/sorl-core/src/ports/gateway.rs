//! The gateway: `@connections` of the own region's WebSocket API.

use async_trait::async_trait;

use super::Unavailable;
use crate::ids::ConnectionId;
use crate::protocol::Frame;

/// Why a post did not reach a connection's gateway buffer.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// 410: there is no such connection, or its handshake is still pending.
    #[error("the connection is gone or still pending")]
    Gone,
    /// 429: the client's buffer is full, or the account is throttled; only the sum of outcomes tells which.
    #[error("throttled")]
    Throttled,
    /// 413: the frame is larger than 128 KB.
    #[error("the frame is too large")]
    TooLarge,
    /// 403: the role or the endpoint is wrong.
    #[error("forbidden")]
    Forbidden,
    /// Anything else, or no answer: the frame may or may not have been taken.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a connection could not be closed.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// 403: the role or the endpoint is wrong.
    #[error("forbidden")]
    Forbidden,
    /// 429, anything else, or no answer: the connection may or may not have been closed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Posts frames to connections of the own region and closes them.
///
/// - **`frames_of_a_connection_keep_their_order`**: of two posts to one connection, the second begun after the
///   first returned, the client sees the first before the second.
/// - **`unknown_connection_is_gone`**: a well-formed id that no connection has is [`PostError::Gone`].
/// - **`pending_connection_is_gone`**: so is one whose `$connect` has not returned.
/// - **`full_buffer_throttles`**: a client that does not read makes posts to it [`PostError::Throttled`], and
///   none to anybody else.
/// - **`oversize_is_refused`**: more than 128 KB is [`PostError::TooLarge`].
/// - **`closing_twice_is_closing_once`**: closing what is gone succeeds.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Posts one frame. A success means that the gateway took it, not that the client has it.
    ///
    /// # Errors
    /// See [`PostError`].
    async fn post(&self, connection: &ConnectionId, frame: &Frame) -> Result<(), PostError>;

    /// Closes the connection (`DELETE`); afterwards it is gone, for certain.
    ///
    /// # Errors
    /// See [`CloseError`].
    async fn close(&self, connection: &ConnectionId) -> Result<(), CloseError>;
}
