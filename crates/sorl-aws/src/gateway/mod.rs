//! Core's gateway over `@connections`.
//!
//! Not the retries: `deliver` owns those, by slices, and nothing here makes one. Closing is rare and goes through
//! the SDK's client; posting is what `deliver` spends its time on, and goes over connections and with signatures of
//! its own (`post`). The invariant: what an answer means is told by its status, which AWS always sends, not by an
//! error type or a body, which it sometimes does not.

mod dial;
mod endpoint;
mod link;
mod pool;
mod post;
mod sign;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_apigatewaymanagement::config::http::HttpResponse;
use aws_sdk_apigatewaymanagement::error::{DisplayErrorContext, SdkError};
use sorl_core::ids::ConnectionId;
use sorl_core::ports::{CloseError, Gateway, PostError, Unavailable};
use sorl_core::protocol::Frame;

use crate::clients;
use endpoint::Endpoint;
pub use endpoint::EndpointError;
use post::Poster;

const PORT: &str = "gateway";
const GONE: u16 = 410;
const FORBIDDEN: u16 = 403;
const THROTTLED: u16 = 429;
const TOO_LARGE: u16 = 413;

/// The port over the own region's WebSocket API.
#[derive(Debug)]
pub struct AwsGateway {
    poster: Poster,
    client: aws_sdk_apigatewaymanagement::Client,
}

impl AwsGateway {
    /// The gateway at `endpoint`, with the region and the credentials of `configuration`.
    ///
    /// # Errors
    /// [`EndpointError`] if the endpoint is no URL that can be posted to.
    pub fn new(configuration: &SdkConfig, endpoint: &str) -> Result<Self, EndpointError> {
        let poster = Poster::new(configuration, Endpoint::parse(endpoint)?);
        Ok(Self { poster, client: clients::gateway(configuration, endpoint) })
    }
}

#[async_trait]
impl Gateway for AwsGateway {
    async fn post(&self, connection: &ConnectionId, frame: &Frame) -> Result<(), PostError> {
        match self.poster.post(connection, frame).await? {
            200..=299 => Ok(()),
            GONE => Err(PostError::Gone),
            FORBIDDEN => Err(PostError::Forbidden),
            THROTTLED => Err(PostError::Throttled),
            TOO_LARGE => Err(PostError::TooLarge),
            // A 400 means nothing to us: ids are well formed here, so it is no word about the connection.
            status => Err(Unavailable::new(PORT, format!("a post was answered {status}")).into()),
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

/// The answer's status; none if there was no answer.
fn status<E>(fault: &SdkError<E, HttpResponse>) -> Option<u16> {
    fault.raw_response().map(|response| response.status().as_u16())
}

fn unavailable<E: std::error::Error + 'static>(fault: SdkError<E, HttpResponse>) -> Unavailable {
    Unavailable::new(PORT, DisplayErrorContext(fault).to_string())
}
