//! A witness of one invocation of `deliver`: which messages it was handed, and when posts brought them.
//!
//! It stands between `deliver` and the gateway, and changes nothing: every post goes through as it is and is answered as
//! it was. Not what is made of it (`trace`, and `ways` of the embedded service).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use sorl_core::deliver::Record;
use sorl_core::envelope::{Notification, Relayed, Slice, Topic, read_external};
use sorl_core::ids::{ConnectionId, MessageId};
use sorl_core::message::Message;
use sorl_core::names::ChannelName;
use sorl_core::ports::{Clock, CloseError, Gateway, PostError, RecordSource};
use sorl_core::protocol::Frame;
use sorl_core::region::Region;

pub use crate::moment::Moment;

/// Messages that one log line names.
const NAMED_MAX: usize = 20;

/// A message that an invocation of `deliver` was handed.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Which message.
    pub id: MessageId,
    /// To where.
    pub channel: ChannelName,
    /// Where it was accepted.
    pub origin: Region,
    /// `websocket` or `sns`.
    pub via: &'static str,
    /// When it was accepted.
    pub accepted: Moment,
}

/// What became of the posts of one invocation that brought a message.
#[derive(Debug, Clone, Copy, Default)]
pub struct Posted {
    /// When the first was taken.
    pub first: Option<Moment>,
    /// When the last was taken.
    pub last: Option<Moment>,
    /// How many were taken.
    pub posts: u64,
    /// How many were answered 429.
    pub throttled: u64,
    /// How many found nobody.
    pub gone: u64,
}

/// One invocation, seen from outside.
pub struct Witness<'a> {
    gateway: &'a dyn Gateway,
    clock: &'a dyn Clock,
    frames: Mutex<Frames>,
}

/// What became of each distinct frame, by where its text lies: posts of the same frame share it. The text is held,
/// so that no other comes to lie there meanwhile.
type Frames = BTreeMap<usize, (Bytes, Posted)>;

/// What of a frame tells which messages it brings.
#[derive(Deserialize)]
struct Brings {
    #[serde(default)]
    messages: Vec<Brought>,
}

#[derive(Deserialize)]
struct Brought {
    id: MessageId,
}

impl<'a> Witness<'a> {
    /// Begins to watch what goes through the gateway.
    #[must_use]
    pub const fn new(gateway: &'a dyn Gateway, clock: &'a dyn Clock) -> Self {
        Self { gateway, clock, frames: Mutex::new(Frames::new()) }
    }

    /// What became of the posts, by the messages that they brought; the invocation is over.
    #[must_use]
    pub fn posted(self) -> BTreeMap<MessageId, Posted> {
        let mut posted: BTreeMap<_, Posted> = BTreeMap::new();
        for (text, of_frame) in self.frames.into_inner().unwrap_or_else(PoisonError::into_inner).into_values()
        {
            // Frames of presence bring no messages.
            let Ok(Brings { messages }) = serde_json::from_slice(&text) else { continue };
            for Brought { id } in messages {
                posted.entry(id).or_default().add(&of_frame);
            }
        }
        posted
    }

    fn saw(&self, frame: &Frame, outcome: &Result<(), PostError>) {
        let now = Moment::now(self.clock);
        let text = frame.text();
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, posted) =
            frames.entry(text.as_ptr().addr()).or_insert_with(|| (text.clone(), Posted::default()));
        posted.saw(outcome, now);
    }
}

/// The message that a record brings; none for slices, presence, control and what nobody can read.
#[must_use]
pub fn arrival(record: &Record, stage: &str) -> Option<Arrival> {
    if record.source != RecordSource::Live {
        return None;
    }
    let notification = Notification::parse(&record.body, stage).ok()?;
    let (message, via) = match notification.topic.topic {
        Topic::Messages => (read_external(&notification).ok()?.0, "sns"),
        Topic::Relay => match Relayed::parse(&notification.message).ok()? {
            Relayed::Message { message, .. } => (message, "websocket"),
            Relayed::Presence(_) => return None,
        },
        Topic::Control => return None,
    };
    let accepted = accepted_at(&message, via);
    Some(Arrival { id: message.id, channel: message.channel, origin: message.region, via, accepted })
}

/// The ids of the messages in these records, slices included, for a log line: the first twenty.
#[must_use]
pub fn message_ids<'r>(records: impl IntoIterator<Item = &'r Record>, stage: &str) -> String {
    let ids = records.into_iter().flat_map(|record| match record.source {
        RecordSource::Live => arrival(record, stage).into_iter().map(|arrival| arrival.id).collect(),
        RecordSource::Bulk => owed(&record.body),
    });
    ids.take(NAMED_MAX).map(|id| id.to_string()).collect::<Vec<_>>().join(" ")
}

fn owed(slice: &str) -> Vec<MessageId> {
    let slice = Slice::parse(slice).ok();
    slice.into_iter().flat_map(|slice| slice.messages).map(|owed| owed.message.id).collect()
}

/// When it was accepted: to the fraction that `command` put into the id, or the millisecond that SNS says.
fn accepted_at(message: &Message, via: &str) -> Moment {
    let spread = match (via, message.id.as_bytes()) {
        ("websocket", [_, _, _, _, _, _, high, low, ..]) => u16::from_be_bytes([high & 0x0f, *low]),
        _ => 0,
    };
    Moment::new(message.at(), spread)
}

impl Posted {
    fn saw(&mut self, outcome: &Result<(), PostError>, now: Moment) {
        match outcome {
            Ok(()) => {
                self.first.get_or_insert(now);
                self.last = Some(now);
                self.posts += 1;
            }
            Err(PostError::Throttled) => self.throttled += 1,
            Err(PostError::Gone) => self.gone += 1,
            Err(_) => {}
        }
    }

    fn add(&mut self, more: &Self) {
        self.first = self.first.into_iter().chain(more.first).min();
        self.last = self.last.max(more.last);
        self.posts += more.posts;
        self.throttled += more.throttled;
        self.gone += more.gone;
    }
}

#[async_trait]
impl Gateway for Witness<'_> {
    async fn post(&self, connection: &ConnectionId, frame: &Frame) -> Result<(), PostError> {
        let outcome = self.gateway.post(connection, frame).await;
        self.saw(frame, &outcome);
        outcome
    }

    async fn close(&self, connection: &ConnectionId) -> Result<(), CloseError> {
        self.gateway.close(connection).await
    }
}
