//! Core's gateway over `@connections`.
//!
//! Not the retries: `deliver` owns those, by slices, and the client makes none. The invariant: what an answer means
//! is told by its status, which AWS always sends, not by an error type or a body, which it sometimes does not.

use async_trait::async_trait;
use aws_sdk_apigatewaymanagement::config::http::HttpResponse;
use aws_sdk_apigatewaymanagement::error::{DisplayErrorContext, SdkError};
use aws_sdk_apigatewaymanagement::primitives::Blob;
use sorl_core::ids::ConnectionId;
use sorl_core::ports::{CloseError, Gateway, PostError, Unavailable};
use sorl_core::protocol::Frame;

const PORT: &str = "gateway";
const GONE: u16 = 410;
const FORBIDDEN: u16 = 403;
const THROTTLED: u16 = 429;
const TOO_LARGE: u16 = 413;

/// The port over the own region's WebSocket API.
#[derive(Debug, Clone)]
pub struct AwsGateway {
    client: aws_sdk_apigatewaymanagement::Client,
}

impl AwsGateway {
    /// The gateway at the client's endpoint.
    #[must_use]
    pub const fn new(client: aws_sdk_apigatewaymanagement::Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl Gateway for AwsGateway {
    async fn post(&self, connection: &ConnectionId, frame: &Frame) -> Result<(), PostError> {
        let call = self.client.post_to_connection().connection_id(connection.as_str());
        match call.data(Blob::new(frame.text().to_vec())).send().await {
            Ok(_posted) => Ok(()),
            Err(fault) => Err(match status(&fault) {
                Some(GONE) => PostError::Gone,
                Some(FORBIDDEN) => PostError::Forbidden,
                Some(THROTTLED) => PostError::Throttled,
                Some(TOO_LARGE) => PostError::TooLarge,
                _ => PostError::Unavailable(unavailable(fault)),
            }),
        }
    }

    async fn close(&self, connection: &ConnectionId) -> Result<(), CloseError> {
        match self.client.delete_connection().connection_id(connection.as_str()).send().await {
            Ok(_closed) => Ok(()),
            Err(fault) => match status(&fault) {
                Some(GONE) => Ok(()),
                Some(FORBIDDEN) => Err(CloseError::Forbidden),
                _ => Err(CloseError::Unavailable(unavailable(fault))),
            },
        }
    }
}

/// The answer's status; none if there was no answer. A 400 means nothing to us: ids are well formed here, so it is
/// no word about the connection.
fn status<E>(fault: &SdkError<E, HttpResponse>) -> Option<u16> {
    fault.raw_response().map(|response| response.status().as_u16())
}

fn unavailable<E: std::error::Error + 'static>(fault: SdkError<E, HttpResponse>) -> Unavailable {
    Unavailable::new(PORT, DisplayErrorContext(fault).to_string())
}
