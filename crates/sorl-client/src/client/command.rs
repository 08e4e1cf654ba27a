//! What the application's handles ask of the driver.

use sorl_core::names::ChannelName;
use sorl_core::region::Region;
use tokio::sync::{oneshot, watch};

use super::waiters::{Answer, Entry};
use crate::machine::{Ask, Members, Outgoing};
use crate::session::Subscription;

/// What the application wants.
#[derive(Debug)]
pub(super) enum Command {
    Subscribe(ChannelName, Subscription, Entry),
    Unsubscribe(ChannelName, Entry),
    Publish(Outgoing, Answer),
    Ask(Ask, Answer),
    Members(ChannelName, oneshot::Sender<watch::Receiver<Members>>),
    /// To be connected, in this region if one is named.
    Connect(Option<Region>),
    /// To see whether the connection still is there.
    Wake,
    /// To lose the connection as if a cable had been pulled, and come back.
    Cut,
    /// To lose the connection and stay away.
    Disconnect,
    /// To end.
    Close,
}
