//! Publishing: one message, tried again under one key until the service says yes or no.
//!
//! The invariant: all tries of one publish carry one key, so the service takes them for one message. That is
//! certain for 15 minutes, so it gives up long before.

use std::time::Duration;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use sorl_core::names::ChannelName;
use tokio::time::{Instant, sleep};

use super::command::What;
use super::{Client, ClientError};
use crate::backoff::full_jitter;
use crate::session::{Failure, Reply};
use crate::wire::Published;

/// Time after which a publish that cannot be got through is given up.
const PATIENCE: Duration = Duration::from_mins(2);

/// A message to publish.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Where to.
    pub channel: ChannelName,
    /// Any JSON.
    pub data: Box<RawValue>,
    /// The same for everything that is this one message, at most 64 bytes; drawn at random unless said.
    pub key: Option<String>,
    /// Whether it is kept out of the history.
    pub ephemeral: bool,
}

impl Client {
    /// Publishes `data`. Returns once the service has accepted it; shown once however often it was tried.
    ///
    /// # Errors
    /// [`ClientError::Failed`] if it was refused, or could not be got through for two minutes.
    pub async fn publish<T: Serialize + ?Sized + Sync>(
        &self,
        channel: &ChannelName,
        data: &T,
    ) -> Result<Published, ClientError> {
        let data = to_raw_value(data).map_err(|fault| ClientError::Data(fault.to_string()))?;
        self.send(Outgoing { channel: channel.clone(), data, key: None, ephemeral: false }).await
    }

    /// Publishes a message that says all about itself; otherwise as [`Client::publish`].
    ///
    /// # Errors
    /// As [`Client::publish`].
    pub async fn send(&self, mut outgoing: Outgoing) -> Result<Published, ClientError> {
        outgoing.key.get_or_insert_with(|| format!("{:032x}", rand::random::<u128>()));
        let deadline = Instant::now() + PATIENCE;
        let mut failures = 0;
        loop {
            let fault = match self.send_once(outgoing.clone()).await {
                Err(ClientError::Failed(fault)) if fault.is_temporary() => fault,
                settled => return settled,
            };
            let pause = full_jitter(failures, rand::random());
            if Instant::now() + pause >= deadline {
                return Err(ClientError::Failed(fault));
            }
            failures = failures.saturating_add(1);
            sleep(pause).await;
        }
    }

    /// Publishes a message with a single try, under its key if it has one.
    ///
    /// # Errors
    /// [`ClientError::Failed`] if it was refused, or if what became of it is not known.
    pub async fn send_once(&self, outgoing: Outgoing) -> Result<Published, ClientError> {
        let Outgoing { channel, data, key, ephemeral } = outgoing;
        match self.ask(What::Publish { channel, data, key, ephemeral }).await? {
            Reply::Published(published) => Ok(published),
            _ => Err(ClientError::Failed(Failure::Unknown)),
        }
    }
}
