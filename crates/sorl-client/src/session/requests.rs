//! What the application asks of the service over and above being in channels, and what the answers are.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sorl_core::names::ChannelName;
use sorl_core::protocol::Action;
use sorl_core::time::Timestamp;

use super::Session;
use super::event::{Failure, Past, Publish, Reply, RequestId};
use super::line::Purpose;
use crate::wire::{Pong, Request, read_result};

impl Session {
    /// Publishes a message, once: retries are the caller's, with the same key.
    pub fn publish(&mut self, now: Timestamp, publish: &Publish<'_>) -> RequestId {
        let request = Request {
            data: Some(publish.data),
            key: publish.key,
            ephemeral: publish.ephemeral,
            ..Request::about(publish.channel)
        };
        self.ask(now, Action::Publish, &request)
    }

    /// Asks for a page of the past: at most `limit` messages, 50 unless said. It moves no cursor.
    pub fn history(
        &mut self,
        now: Timestamp,
        channel: &ChannelName,
        past: Past,
        limit: Option<u32>,
    ) -> RequestId {
        let (since, before) = match past {
            Past::Latest => (None, None),
            Past::Since(id) => (Some(id), None),
            Past::Before(id) => (None, Some(id)),
        };
        self.ask(now, Action::History, &Request { since, before, limit, ..Request::about(channel) })
    }

    /// Asks who is in `channel`.
    pub fn presence(&mut self, now: Timestamp, channel: &ChannelName) -> RequestId {
        self.ask(now, Action::Presence, &Request::about(channel))
    }

    /// Asks for a sign of life.
    pub fn ping(&mut self, now: Timestamp) -> RequestId {
        self.ask(now, Action::Ping, &Request::default())
    }

    /// The device woke up, or is online again: asks for a sign of life, unless there was one just now. If
    /// none comes, the connection is of no more use.
    pub fn wake(&mut self, now: Timestamp) {
        self.line.wake(now);
    }

    fn ask(&mut self, now: Timestamp, action: Action, request: &Request<'_>) -> RequestId {
        self.line.send(now, Purpose::Asked(action), action, request)
    }
}

/// The answer to a request of the application.
pub(super) fn reply_to(action: Action, result: &RawValue) -> Result<Reply, Failure> {
    match action {
        Action::Publish => read(result).map(Reply::Published),
        Action::History => read(result).map(Reply::History),
        Action::Presence => read(result).map(Reply::Presence),
        Action::Ping | Action::Subscribe | Action::Unsubscribe => {
            read::<Pong>(result).map(|pong| Reply::Pong(pong.at))
        }
    }
}

fn read<T: DeserializeOwned>(result: &RawValue) -> Result<T, Failure> {
    read_result(result).map_err(Failure::Refused)
}
