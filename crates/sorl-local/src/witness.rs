//! A witness of one invocation of `deliver`: which messages it was handed, and when posts brought them.
//!
//! It stands between `deliver` and the gateway, and changes nothing: every post goes through as it is and is
//! answered as it was. Not what is kept of it (`ways`).

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde::Deserialize;
use sorl_core::config::Site;
use sorl_core::envelope::{Notification, Relayed, Topic, read_external};
use sorl_core::ids::{ConnectionId, MessageId};
use sorl_core::message::Message;
use sorl_core::ports::{CloseError, Gateway, PostError, RecordSource};
use sorl_core::protocol::Frame;

use crate::queue::Received;
use crate::stage::Station;
use crate::ways::{Arrival, Moment, Posted};

/// One invocation, seen from outside.
pub(crate) struct Witness<'a> {
    station: &'a Station,
    handed: Vec<MessageId>,
    frames: Mutex<Frames>,
}

/// What became of each distinct frame, by where its text lies: posts of the same frame share it. The text is held,
/// so that no other comes to lie there meanwhile.
type Frames = BTreeMap<usize, (bytes::Bytes, Posted)>;

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
    /// Begins with what the invocation was handed; none if nobody watches.
    pub(crate) fn of(station: &'a Station, batch: &[Received]) -> Option<Self> {
        if !station.ways.is_watched(station.clock.now()) {
            return None;
        }
        let arrivals: Vec<_> =
            batch.iter().filter_map(|received| arrival(received, station.site())).collect();
        let handed = arrivals.iter().map(|arrival| arrival.id).collect();
        station.ways.received(&station.site().region, arrivals, Moment::now(station.clock.as_ref()));
        Some(Self { station, handed, frames: Mutex::default() })
    }

    /// The invocation is over.
    pub(crate) fn tell(self) {
        // What was posted to nobody is done with as well.
        let mut posted: BTreeMap<_, _> = self.handed.iter().map(|id| (*id, Posted::default())).collect();
        for (text, of_frame) in self.frames.into_inner().into_values() {
            // Frames of presence bring no messages.
            let Ok(Brings { messages }) = serde_json::from_slice(&text) else { continue };
            for Brought { id } in messages {
                posted.entry(id).or_default().add(&of_frame);
            }
        }
        let now = Moment::now(self.station.clock.as_ref());
        self.station.ways.done(&self.station.site().region, &posted, now);
    }

    fn saw(&self, frame: &Frame, outcome: &Result<(), PostError>) {
        let now = Moment::now(self.station.clock.as_ref());
        let text = frame.text();
        let mut frames = self.frames.lock();
        let (_, posted) =
            frames.entry(text.as_ptr().addr()).or_insert_with(|| (text.clone(), Posted::default()));
        posted.saw(outcome, now);
    }
}

/// The message that a record brings; none for slices, presence, control and what nobody can read.
fn arrival(received: &Received, site: &Site) -> Option<Arrival> {
    if received.record.source != RecordSource::Live {
        return None;
    }
    let notification = Notification::parse(&received.record.body, &site.config.stage).ok()?;
    let (message, via) = match notification.topic.topic {
        Topic::Messages => (read_external(&notification).ok()?.0, "sns"),
        Topic::Relay => match Relayed::parse(&notification.message).ok()? {
            Relayed::Message { message, .. } => (message, "websocket"),
            Relayed::Presence(_) => return None,
        },
        Topic::Control => return None,
    };
    let accepted = accepted_at(&message, via);
    let queued = Moment::new(received.queued_at, 0);
    Some(Arrival { id: message.id, channel: message.channel, origin: message.region, via, accepted, queued })
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
        let outcome = self.station.gateway.post(connection, frame).await;
        self.saw(frame, &outcome);
        outcome
    }

    async fn close(&self, connection: &ConnectionId) -> Result<(), CloseError> {
        self.station.gateway.close(connection).await
    }
}
