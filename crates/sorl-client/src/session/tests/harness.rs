//! A session and what it did: frames as JSON, events, and whether it wants another connection.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::*;
use sorl_core::ids::{MessageId, Tail};

/// Noon of some day, in ms.
pub(super) const START: u64 = 1_764_000_000_000;

/// A session, its clock, and what came of the calls so far.
pub(super) struct Bench {
    pub(super) session: Session,
    pub(super) now: Timestamp,
    pub(super) jitter: u32,
    pub(super) sent: Vec<Value>,
    pub(super) events: Vec<Event>,
    pub(super) reconnects: Vec<Reconnect>,
    pub(super) ended: bool,
}

impl Bench {
    /// A session without a user, not connected.
    pub(super) fn new() -> Self {
        Self::of(None)
    }

    /// A session of `user`.
    pub(super) fn of(user: Option<&str>) -> Self {
        let user = user.map(|user| UserName::parse(user).unwrap());
        Self {
            session: Session::new(user.as_ref()),
            now: Timestamp::from_millis(START),
            jitter: 1 << 31,
            sent: Vec::new(),
            events: Vec::new(),
            reconnects: Vec::new(),
            ended: false,
        }
    }

    /// A session that is a member of `c`, with the cursor `id(0)` gained in `region`.
    pub(super) fn member(region: &str) -> Self {
        let mut bench = Self::new();
        bench.open(region);
        bench.subscribe("c", Start::Now);
        bench.reply(subscribed("c", &[], id(0), region));
        bench.events.clear();
        bench
    }

    pub(super) fn open(&mut self, region: &str) {
        self.session.opened(self.now, Region::parse(region).unwrap());
        self.settle();
    }

    pub(super) fn close(&mut self) {
        self.session.closed();
        self.settle();
    }

    /// The connection drops and the next one opens.
    pub(super) fn reopen(&mut self, region: &str) {
        self.close();
        self.open(region);
    }

    pub(super) fn subscribe(&mut self, channel: &str, start: Start) {
        self.session.subscribe(self.now, &name(channel), start);
        self.settle();
    }

    pub(super) fn unsubscribe(&mut self, channel: &str) {
        self.session.unsubscribe(self.now, &name(channel));
        self.settle();
    }

    pub(super) fn publish(&mut self, text: &str) -> RequestId {
        let data = serde_json::value::to_raw_value(text).unwrap();
        let channel = name("c");
        let publish = Publish { channel: &channel, data: &data, key: Some("k"), ephemeral: false };
        let request = self.session.publish(self.now, &publish);
        self.settle();
        request
    }

    pub(super) fn frame(&mut self, frame: &Value) {
        self.text(&frame.to_string());
    }

    pub(super) fn text(&mut self, frame: &str) {
        self.session.received(Moment { now: self.now, jitter: self.jitter }, frame);
        self.settle();
    }

    /// The service answers the last request.
    pub(super) fn reply(&mut self, result: impl Into<Value>) {
        let id = self.last()["id"].clone();
        self.frame(&json!({"type": "reply", "id": id, "result": result.into()}));
    }

    /// The service refuses the last request.
    pub(super) fn refuse(&mut self, code: &str, temporary: bool) {
        let id = self.last()["id"].clone();
        self.frame(&json!({"type": "error", "id": id,
            "error": {"code": code, "message": "no", "temporary": temporary}}));
    }

    /// A live message of channel `c`.
    pub(super) fn live(&mut self, id: MessageId) {
        self.frame(&json!({"type": "messages", "messages": [message("c", id)]}));
    }

    pub(super) fn wait(&mut self, duration: Duration) {
        self.now = self.now.plus(duration);
        self.session.tick(Moment { now: self.now, jitter: self.jitter });
        self.settle();
    }

    /// The last frame that was sent.
    pub(super) fn last(&self) -> &Value {
        self.sent.last().expect("a frame was sent")
    }

    /// The frames sent since the last look.
    pub(super) fn take_sent(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.sent)
    }

    /// The ids of the messages that the application was told, in that order.
    pub(super) fn shown(&self) -> Vec<MessageId> {
        let message = |event: &Event| match event {
            Event::Message { message, .. } => Some(message.id),
            _ => None,
        };
        self.events.iter().filter_map(message).collect()
    }

    pub(super) fn gaps(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Gap { .. })).count()
    }

    /// How memberships ended.
    pub(super) fn exits(&self) -> Vec<Exit> {
        let exit = |event: &Event| match event {
            Event::Unsubscribed { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        self.events.iter().filter_map(exit).collect()
    }

    /// The failure of a request.
    pub(super) fn failure(&self, request: RequestId) -> Option<Failure> {
        self.events.iter().find_map(|event| match event {
            Event::Replied { request: other, outcome: Err(failure) } if *other == request => {
                Some(failure.clone())
            }
            _ => None,
        })
    }

    /// Where `c` would resume: what `subscribe` sends after a drop.
    pub(super) fn resumes_at(&mut self) -> (Value, Value) {
        self.reopen("z");
        let last = self.last();
        assert_eq!(last["action"], "subscribe");
        (last["since"].clone(), last["region"].clone())
    }

    fn settle(&mut self) {
        for effect in self.session.drain() {
            match effect {
                Effect::Send(frame) => self.sent.push(serde_json::from_str(&frame).unwrap()),
                Effect::Tell(event) => self.events.push(event),
                Effect::Reconnect(reason) => self.reconnects.push(reason),
                Effect::End => self.ended = true,
            }
        }
    }
}

pub(super) fn name(channel: &str) -> ChannelName {
    ChannelName::parse(channel).unwrap()
}

/// The id of the message accepted `second`s after [`START`].
pub(super) fn id(second: u64) -> MessageId {
    MessageId::new(Timestamp::from_millis(START + second * 1_000), 0, Tail::from_bits(second))
}

/// A cursor as it stands in frames.
pub(super) fn place(second: u64, region: &str) -> (Value, Value) {
    (json!(id(second)), json!(region))
}

pub(super) fn message(channel: &str, id: MessageId) -> Value {
    json!({"id": id, "channel": channel, "data": {"text": "hi"}, "user": "bob", "verified": true,
        "at": id.time(), "region": "a"})
}

/// The reply to `subscribe` that brings everything.
pub(super) fn subscribed(channel: &str, messages: &[MessageId], cursor: MessageId, region: &str) -> Value {
    let messages: Vec<_> = messages.iter().map(|id| message(channel, *id)).collect();
    json!({"channel": channel, "messages": messages, "recovered": true, "more": false,
        "cursor": cursor, "region": region})
}

/// The reply to `subscribe` after which pages follow.
pub(super) fn subscribed_in_part(messages: &[MessageId], cursor: MessageId, region: &str) -> Value {
    let mut reply = subscribed("c", messages, cursor, region);
    reply["more"] = json!(true);
    reply
}

/// A page of history.
pub(super) fn page(messages: &[MessageId], cursor: MessageId, more: bool) -> Value {
    let messages: Vec<_> = messages.iter().map(|id| message("c", *id)).collect();
    json!({"messages": messages, "more": more, "cursor": cursor})
}
