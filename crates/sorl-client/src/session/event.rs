//! What a session says: to its connection, and to the application.

use std::fmt;
use std::time::Duration;

use serde_json::value::RawValue;
use sorl_core::envelope::PresenceEvent;
use sorl_core::error::{ErrorCode, Refusal};
use sorl_core::ids::MessageId;
use sorl_core::message::Message;
use sorl_core::names::ChannelName;
use sorl_core::time::Timestamp;

use super::progress::Cursor;
use crate::wire::{Page, Presence, Published};

/// What is to be done, in this order.
#[derive(Debug)]
pub enum Effect {
    /// Write this frame, over the current connection.
    Send(String),
    /// The current connection is of no more use: open another, with a fresh token. After a
    /// [`Reconnect::Bye`] this one may deliver until then.
    Reconnect(Reconnect),
    /// Close the connection and open none.
    End,
    /// Tell the application.
    Tell(Event),
}

/// Why a connection is of no more use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconnect {
    /// What became of a `subscribe` or `unsubscribe` is unknown, or nothing comes any more.
    Silent,
    /// The token expired.
    Expired,
    /// The service said `bye`, with this code.
    Bye(String),
}

/// What the application learns.
#[derive(Debug)]
pub enum Event {
    /// A message, each one once.
    Message {
        /// The message.
        message: Message,
        /// How it came.
        origin: Origin,
    },
    /// Somebody joined or left.
    Presence {
        /// Where.
        channel: ChannelName,
        /// Who did what.
        events: Vec<PresenceEvent>,
    },
    /// The client is a member on this connection.
    Subscribed {
        /// Of what.
        channel: ChannelName,
        /// Whether it resumed from a cursor.
        resumed: bool,
    },
    /// The last page of a recovery came.
    Recovered {
        /// Where.
        channel: ChannelName,
    },
    /// Something was missed that recovery cannot bring.
    Gap {
        /// Where.
        channel: ChannelName,
    },
    /// The client is a member no more, and no attempt is made to become one.
    Unsubscribed {
        /// Of what.
        channel: ChannelName,
        /// Why.
        reason: Exit,
    },
    /// What became of a request.
    Replied {
        /// Which.
        request: RequestId,
        /// The answer to it.
        outcome: Result<Reply, Failure>,
    },
    /// The service announced the close of the connection.
    Bye {
        /// Why.
        code: String,
        /// Whether the client comes back.
        reconnect: bool,
    },
    /// The service could not tell what a frame was to be.
    Complaint(Refusal),
}

/// How a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// As it was published.
    Live,
    /// After a gap.
    Recovered,
    /// Because `rewind` asked for it.
    Rewound,
}

/// Why a membership ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// The application asked for it.
    Requested,
    /// An operator took the channel away.
    Operator,
    /// The service refused it for good.
    Refused(Refusal),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("it was left"),
            Self::Operator => f.write_str("an operator took the channel away"),
            Self::Refused(refusal) => write!(f, "{}: {}", refusal.code.as_str(), refusal.message),
        }
    }
}

/// A request's number, never used twice by one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(super) u64);

/// The answer to a request of the application.
#[derive(Debug)]
pub enum Reply {
    /// To `publish`.
    Published(Published),
    /// To `history`.
    History(Page),
    /// To `presence`.
    Presence(Presence),
    /// To `ping`: the service's time.
    Pong(Timestamp),
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The service refused it.
    #[error("{code}: {message}", code = .0.code.as_str(), message = .0.message)]
    Refused(Refusal),
    /// No reply within 30 s: it may have happened or not.
    #[error("no reply within 30 s: it may have happened or not")]
    Unknown,
    /// The connection was lost before the reply, or there was none: it may have happened or not.
    #[error("not connected: it may have happened or not")]
    Disconnected,
    /// It was not sent: too many publishes wait for the service already.
    #[error("not sent: too many publishes wait for the service already")]
    QueueFull,
}

impl Failure {
    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        match self {
            // A fresh token comes with the next connection.
            Self::Refused(refusal) => refusal.temporary || matches!(refusal.code, ErrorCode::Expired),
            Self::Unknown | Self::Disconnected | Self::QueueFull => true,
        }
    }
}

/// Where a membership begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Start {
    /// Now.
    #[default]
    Now,
    /// With so many of the latest messages, at most 100.
    Rewind(u32),
    /// After a cursor that another session had.
    Since(Cursor),
}

/// How a channel is to be followed: `Start::Now.into()`, or with more said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Where it begins.
    pub start: Start,
    /// In the order of ids: every message is held back for so long, and shown after all with smaller ids that
    /// came meanwhile. Unless said, messages are shown as they come, which over regions is almost that order.
    pub ordered: Option<Duration>,
}

impl Subscription {
    /// Holds every message back for `time`, to show them in the order of their ids.
    #[must_use]
    pub fn ordered(self, time: Duration) -> Self {
        Self { ordered: Some(time), ..self }
    }
}

impl From<Start> for Subscription {
    fn from(start: Start) -> Self {
        Self { start, ordered: None }
    }
}

/// A message to publish.
#[derive(Debug, Clone, Copy)]
pub struct Publish<'a> {
    /// Where to.
    pub channel: &'a ChannelName,
    /// Any JSON.
    pub data: &'a RawValue,
    /// Kept on retries, so that they count as the same message; at most 64 bytes.
    pub key: Option<&'a str>,
    /// Whether it is kept out of the history.
    pub ephemeral: bool,
}

/// Which part of the past; bounds are exclusive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Past {
    /// The latest messages.
    #[default]
    Latest,
    /// Those after an id.
    Since(MessageId),
    /// Those before an id.
    Before(MessageId),
}
