//! What the application's handles ask of the driver.

use serde_json::value::RawValue;
use sorl_core::names::ChannelName;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::waiters::{Answer, Entry};
use crate::session::{Failure, Past, Publish, RequestId, Session, Start};

/// What the application wants.
#[derive(Debug)]
pub(super) enum Command {
    Subscribe(ChannelName, Start, Entry),
    Unsubscribe(ChannelName, Entry),
    Ask(Ask),
    /// To be connected, in this region if one is named.
    Connect(Option<Region>),
    /// To lose the connection as if a cable had been pulled, and come back.
    Drop,
    /// To lose the connection and stay away.
    Disconnect,
    /// To end.
    Close,
}

/// A request and who waits for its reply.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) what: What,
    pub(super) answer: Answer,
}

/// What is asked.
#[derive(Debug)]
pub(super) enum What {
    Publish { channel: ChannelName, data: Box<RawValue>, key: Option<String>, ephemeral: bool },
    History { channel: ChannelName, past: Past, limit: Option<u32> },
    Presence { channel: ChannelName },
    Ping,
}

impl What {
    pub(super) fn ask(&self, session: &mut Session, now: Timestamp) -> RequestId {
        match self {
            Self::Publish { channel, data, key, ephemeral } => {
                let publish = Publish { channel, data, key: key.as_deref(), ephemeral: *ephemeral };
                session.publish(now, &publish)
            }
            Self::History { channel, past, limit } => session.history(now, channel, *past, *limit),
            Self::Presence { channel } => session.presence(now, channel),
            Self::Ping => session.ping(now),
        }
    }
}

impl Ask {
    /// There is no connection, and none comes in time.
    pub(super) fn fail(self) {
        // Whoever asked may wait no more.
        self.answer.send(Err(Failure::Disconnected)).ok();
    }
}
