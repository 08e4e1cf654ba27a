//! A gateway that answers as it is told and keeps what was posted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::Value;
use sorl_core::ids::ConnectionId;
use sorl_core::ports::{CloseError, Gateway, PostError, Unavailable};
use sorl_core::protocol::Frame;

/// How posts to a connection are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    Ok,
    Gone,
    Throttled,
    TooLarge,
    Forbidden,
    Nothing,
}

#[derive(Default)]
pub(crate) struct Scripted {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    answers: BTreeMap<String, Answers>,
    posts: Vec<(String, Value)>,
    bytes: u64,
    closed: BTreeSet<String>,
    refuses_to_close: bool,
}

impl Scripted {
    pub(crate) fn answer(&self, connection: &str, answers: Answers) {
        self.state.lock().unwrap().answers.insert(connection.to_owned(), answers);
    }

    pub(crate) fn refuse_to_close(&self, refuses: bool) {
        self.state.lock().unwrap().refuses_to_close = refuses;
    }

    pub(crate) fn is_closed(&self, connection: &str) -> bool {
        self.state.lock().unwrap().closed.contains(connection)
    }

    /// Bytes of all frames that it took.
    pub(crate) fn bytes(&self) -> u64 {
        self.state.lock().unwrap().bytes
    }

    /// The frames of `kind` that the connection got, in order.
    pub(crate) fn frames(&self, connection: &str, kind: &str) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        let of = |(to, frame): &&(String, Value)| to == connection && frame["type"] == kind;
        state.posts.iter().filter(of).map(|(_, frame)| frame.clone()).collect()
    }

    /// The `data` of every message that the connection got, in order.
    pub(crate) fn data(&self, connection: &str) -> Vec<Value> {
        let frames = self.frames(connection, "messages");
        let messages = frames.iter().flat_map(|frame| frame["messages"].as_array().unwrap().clone());
        messages.map(|message| message["data"].clone()).collect()
    }
}

#[async_trait]
impl Gateway for Scripted {
    async fn post(&self, connection: &ConnectionId, frame: &Frame) -> Result<(), PostError> {
        let mut state = self.state.lock().unwrap();
        let answers = state.answers.get(connection.as_str()).copied().unwrap_or(Answers::Ok);
        match answers {
            Answers::Ok => {}
            Answers::Gone => return Err(PostError::Gone),
            Answers::Throttled => return Err(PostError::Throttled),
            Answers::TooLarge => return Err(PostError::TooLarge),
            Answers::Forbidden => return Err(PostError::Forbidden),
            Answers::Nothing => return Err(Unavailable::new("gateway", "no answer").into()),
        }
        state.bytes += u64::try_from(frame.text().len()).unwrap();
        state.posts.push((connection.to_string(), serde_json::from_slice(frame.text()).unwrap()));
        Ok(())
    }

    async fn close(&self, connection: &ConnectionId) -> Result<(), CloseError> {
        let mut state = self.state.lock().unwrap();
        if state.refuses_to_close {
            return Err(Unavailable::new("gateway", "no answer").into());
        }
        state.closed.insert(connection.to_string());
        state.answers.insert(connection.to_string(), Answers::Gone);
        Ok(())
    }
}
