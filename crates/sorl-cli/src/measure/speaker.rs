//! Who publishes in one region: over its WebSocket, or to its SNS topic as programs of others do.
//!
//! The invariant: a message is acknowledged by [`Speaker::publish`] when the service, or SNS, said so, and only then.
//! One try each: what is refused is told by its code, and who measures decides.

use std::time::Duration;

use anyhow::bail;
use aws_sdk_sns::error::{ProvideErrorMetadata as _, SdkError};
use serde::Serialize;
use serde_json::value::RawValue;
use sorl_client::{Client, ClientError, Endpoint, Failure, Options, Outgoing, TokenProvider};
use sorl_core::names::ChannelName;

use super::member::why;
use crate::target::{RegionAddress, Target};

/// Time to connect, further attempts included.
const CONNECTED_WITHIN: Duration = Duration::from_secs(30);

/// How messages are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Via {
    /// By a client, over its region's WebSocket
    Ws,
    /// By a program, to its region's SNS topic
    Sns,
}

impl Via {
    /// As a sentence says it.
    pub(crate) const fn told(self) -> &'static str {
        match self {
            Self::Ws => "over WebSockets",
            Self::Sns => "through SNS",
        }
    }
}

/// Publishes in one region.
#[derive(Debug)]
pub(crate) enum Speaker {
    /// Over its WebSocket.
    Ws(Client),
    /// To its topic, by ARN.
    Sns(aws_sdk_sns::Client, String),
}

/// The message as publishers write it to SNS.
#[derive(Serialize)]
struct Envelope<'a> {
    channel: &'a ChannelName,
    data: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ephemeral: bool,
}

impl Speaker {
    /// A speaker in a region, connected.
    pub(crate) async fn open(
        via: Via,
        target: &Target,
        place: &RegionAddress,
        tokens: TokenProvider,
    ) -> anyhow::Result<Self> {
        if via == Via::Sns {
            let sdk = target.aws(&place.region).await;
            return Ok(Self::Sns(aws_sdk_sns::Client::new(&sdk), place.topic.clone()));
        }
        let endpoint = Endpoint { region: place.region.clone(), url: place.url.clone() };
        let (client, events) =
            Client::start(Options::new(vec![endpoint], tokens).in_region(place.region.clone()));
        // A speaker does not listen.
        drop(events);
        match tokio::time::timeout(CONNECTED_WITHIN, client.connected()).await {
            Ok(connected) => connected.map(drop)?,
            Err(_) => bail!("nobody can publish in {}: {}", place.region, why(&client, CONNECTED_WITHIN)),
        }
        Ok(Self::Ws(client))
    }

    /// Publishes once.
    ///
    /// # Errors
    /// The code of the refusal, or of what is not known.
    pub(crate) async fn publish(&self, outgoing: Outgoing) -> Result<(), String> {
        match self {
            Self::Ws(client) => match client.send_once(outgoing).await {
                Ok(_) => Ok(()),
                Err(fault) => Err(code(&fault)),
            },
            Self::Sns(sns, topic) => {
                let message = envelope(&outgoing)?;
                match sns.publish().topic_arn(topic).message(message).send().await {
                    Ok(_) => Ok(()),
                    Err(SdkError::ServiceError(fault)) => {
                        Err(fault.err().code().unwrap_or("service_error").to_owned())
                    }
                    Err(SdkError::TimeoutError(_)) => Err("no_reply".to_owned()),
                    Err(_) => Err("unreachable".to_owned()),
                }
            }
        }
    }

    /// Ends its connection.
    pub(crate) async fn close(self) {
        if let Self::Ws(client) = self {
            client.close().await;
        }
    }
}

fn envelope(outgoing: &Outgoing) -> Result<String, String> {
    let Outgoing { channel, data, key, ephemeral } = outgoing;
    serde_json::to_string(&Envelope { channel, data, key: key.as_deref(), ephemeral: *ephemeral })
        .map_err(|fault| fault.to_string())
}

fn code(fault: &ClientError) -> String {
    match fault {
        ClientError::Failed(Failure::Refused(refusal)) => refusal.code.as_str().to_owned(),
        ClientError::Failed(Failure::Unknown) => "no_reply".to_owned(),
        ClientError::Failed(Failure::Disconnected) => "disconnected".to_owned(),
        other => other.to_string(),
    }
}
