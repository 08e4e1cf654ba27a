//! A client over real WebSockets: it connects, reconnects, and resumes by itself.
//!
//! A [`Client`] is a handle, cheap to clone; one task behind all clones drives the `session`. When the last
//! handle is dropped, the connection closes. [`Events`] are what the application hears; it should read them,
//! or drop them if it does not care.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sorl_client::{Client, Endpoint, Event, Options, Start, TokenProvider};
//! use sorl_core::{names::ChannelName, region::Region};
//!
//! let region = Region::parse("eu-north-1")?;
//! let url = "ws://127.0.0.1:4600/regions/eu-north-1".to_owned();
//! let tokens = TokenProvider::fixed("…".to_owned());
//! let (client, mut events) = Client::start(Options::new(vec![Endpoint { region, url }], tokens));
//! let room = ChannelName::parse("room:42")?;
//! client.subscribe(&room, Start::Now).await?;
//! client.publish(&room, &"hello").await?;
//! while let Some(event) = events.next().await {
//!     if let Event::Message { message, .. } = event {
//!         assert_eq!(message.data.get(), "\"hello\"");
//!         break;
//!     }
//! }
//! # Ok(()) }
//! ```

mod clock;
mod command;
mod dial;
mod driver;
mod events;
mod nearest;
mod options;
mod outbox;
mod publishing;
mod reading;
#[cfg(test)]
mod tests;
mod waiters;
mod wire;

use sorl_core::names::ChannelName;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

pub use dial::DialFault;
pub use events::Events;
pub use options::{Options, Tap, TokenFault, TokenProvider};

use crate::machine::Ask;
pub use crate::machine::{Endpoint, Lost, Members, Outgoing, Status};
use crate::session::{Exit, Failure, Reply, Subscription};
use crate::wire::Presence;
use command::Command;

/// Commands that wait for the driver.
const COMMANDS_MAX: usize = 64;

/// Why something that was asked of a client did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The service refused it, or did not answer.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The membership ended before it began.
    #[error("not a member: {0}")]
    Ended(Exit),
    /// The data is no JSON.
    #[error("the data cannot be written as JSON: {0}")]
    Data(String),
    /// The client has ended.
    #[error("the client is closed")]
    Closed,
}

/// A handle to a client.
#[derive(Debug, Clone)]
pub struct Client {
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<Status>,
}

impl Client {
    /// Starts a client on the present tokio runtime; it connects at once.
    #[must_use]
    pub fn start(options: Options) -> (Self, Events) {
        let (commands, wishes) = mpsc::channel(COMMANDS_MAX);
        let (outlet, events) = mpsc::channel(options.events_max.max(1));
        let (status, watched) = watch::channel(Status::Away);
        tokio::spawn(driver::run(options, wishes, outlet, status));
        (Self { commands, status: watched }, Events::new(events))
    }

    /// Becomes a member of `channel` and stays one across connections. Returns once the service has agreed;
    /// giving up the wait does not give up the wish. A [`Start`](crate::Start) says where it begins, a
    /// [`Subscription`] more.
    ///
    /// # Errors
    /// [`ClientError::Ended`] if the service refused it for good.
    pub async fn subscribe(
        &self,
        channel: &ChannelName,
        subscription: impl Into<Subscription>,
    ) -> Result<(), ClientError> {
        let (entry, entered) = oneshot::channel();
        self.command(Command::Subscribe(channel.clone(), subscription.into(), entry)).await?;
        entered.await.map_err(|_gone| ClientError::Closed)?.map_err(ClientError::Ended)
    }

    /// Is a member no more. Returns once the service knows.
    ///
    /// # Errors
    /// [`ClientError::Closed`].
    pub async fn unsubscribe(&self, channel: &ChannelName) -> Result<(), ClientError> {
        let (exit, exited) = oneshot::channel();
        self.command(Command::Unsubscribe(channel.clone(), exit)).await?;
        exited.await.map_err(|_gone| ClientError::Closed)?.map_err(ClientError::Ended)
    }

    /// Who is in `channel`, over all regions.
    ///
    /// # Errors
    /// [`ClientError::Failed`] if the service refused or did not answer.
    pub async fn presence(&self, channel: &ChannelName) -> Result<Presence, ClientError> {
        match self.ask(Ask::Presence(channel.clone())).await? {
            Reply::Presence(presence) => Ok(presence),
            _ => Err(ClientError::Failed(Failure::Unknown)),
        }
    }

    /// Who is in `channel`, kept up to date while this client is its member and the receiver lives: by
    /// snapshots, and between them by joins and leaves, where the namespace tells of them.
    ///
    /// # Errors
    /// [`ClientError::Closed`].
    pub async fn members(&self, channel: &ChannelName) -> Result<watch::Receiver<Members>, ClientError> {
        let (answer, list) = oneshot::channel();
        self.command(Command::Members(channel.clone(), answer)).await?;
        list.await.map_err(|_gone| ClientError::Closed)
    }

    /// The service's time.
    ///
    /// # Errors
    /// [`ClientError::Failed`] if the service did not answer.
    pub async fn ping(&self) -> Result<Timestamp, ClientError> {
        match self.ask(Ask::Ping).await? {
            Reply::Pong(at) => Ok(at),
            _ => Err(ClientError::Failed(Failure::Unknown)),
        }
    }

    /// Moves to `region`: the connection it has delivers until the one there has brought everything. Without
    /// effect if it is there already, or knows no such region.
    ///
    /// # Errors
    /// [`ClientError::Closed`].
    pub async fn use_region(&self, region: &Region) -> Result<(), ClientError> {
        self.command(Command::Connect(Some(region.clone()))).await
    }

    /// Comes back after [`Client::disconnect`], or waits no longer for the next attempt.
    ///
    /// # Errors
    /// [`ClientError::Closed`].
    pub async fn connect(&self) -> Result<(), ClientError> {
        self.command(Command::Connect(None)).await
    }

    /// Looks whether the service still is there, and waits no longer if it waits for the next attempt: for a
    /// device that woke up, or is online again.
    ///
    /// # Errors
    /// [`ClientError::Closed`].
    pub async fn wake(&self) -> Result<(), ClientError> {
        self.command(Command::Wake).await
    }

    /// Loses the connection without a word, as if a cable had been pulled, and comes back at once.
    ///
    /// # Errors
    /// [`ClientError::Closed`].
    pub async fn drop_connection(&self) -> Result<(), ClientError> {
        self.command(Command::Cut).await
    }

    /// Loses the connection without a word and stays away until [`Client::connect`] or
    /// [`Client::use_region`].
    ///
    /// # Errors
    /// [`ClientError::Closed`].
    pub async fn disconnect(&self) -> Result<(), ClientError> {
        self.command(Command::Disconnect).await
    }

    /// Ends it for good. Returns when the connection is gone.
    pub async fn close(mut self) {
        // A client that has ended already is closed as well.
        self.command(Command::Close).await.ok();
        self.status.wait_for(|status| matches!(status, Status::Closed)).await.ok();
    }

    /// Where it is with its connection, now and from now on.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// The region that it is connected to, as soon as it is.
    ///
    /// # Errors
    /// [`ClientError::Closed`].
    pub async fn connected(&self) -> Result<Region, ClientError> {
        let mut status = self.status.clone();
        let settled = status
            .wait_for(|status| matches!(status, Status::Connected(_) | Status::Closed))
            .await
            .map_err(|_gone| ClientError::Closed)?;
        match &*settled {
            Status::Connected(region) => Ok(region.clone()),
            _ => Err(ClientError::Closed),
        }
    }

    async fn ask(&self, what: Ask) -> Result<Reply, ClientError> {
        let (answer, answered) = oneshot::channel();
        self.command(Command::Ask(what, answer)).await?;
        answered.await.map_err(|_gone| ClientError::Closed)?.map_err(ClientError::Failed)
    }

    async fn command(&self, command: Command) -> Result<(), ClientError> {
        self.commands.send(command).await.map_err(|_gone| ClientError::Closed)
    }
}
