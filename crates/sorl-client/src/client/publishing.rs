//! Publishing, as the application asks for it. The tries are the machine's.

use serde::Serialize;
use serde_json::value::to_raw_value;
use sorl_core::names::ChannelName;
use tokio::sync::oneshot;

use super::command::Command;
use super::{Client, ClientError};
use crate::machine::{Ask, Outgoing};
use crate::session::{Failure, Reply};
use crate::wire::Published;

impl Client {
    /// Publishes `data`. Returns once the service has accepted it; shown once however often it was tried.
    /// Without a connection it waits for one, in the order of the calls.
    ///
    /// # Errors
    /// [`ClientError::Failed`] if it was refused, could not be got through for two minutes, or if too many
    /// publishes wait already.
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
        let (answer, answered) = oneshot::channel();
        self.command(Command::Publish(outgoing, answer)).await?;
        let reply = answered.await.map_err(|_gone| ClientError::Closed)?.map_err(ClientError::Failed)?;
        published(&reply)
    }

    /// Publishes a message with a single try, under its key if it has one.
    ///
    /// # Errors
    /// [`ClientError::Failed`] if it was refused, or if what became of it is not known.
    pub async fn send_once(&self, outgoing: Outgoing) -> Result<Published, ClientError> {
        published(&self.ask(Ask::Publish(outgoing)).await?)
    }
}

fn published(reply: &Reply) -> Result<Published, ClientError> {
    match reply {
        Reply::Published(published) => Ok(*published),
        _ => Err(ClientError::Failed(Failure::Unknown)),
    }
}
