//! A raw WebSocket client that shows every frame as it came: no dedupe, no reconnect, no opinion.
//!
//! What a test does not wait for is kept, so that nothing that came is ever overlooked.

use std::collections::VecDeque;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::DEADLINE;
use crate::frame::{code_of, has_message_of, ids, is_answer, messages_of, text};

/// What came from the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// A text frame.
    Frame(Value),
    /// The end, with the close frame's code if there was one.
    Closed(Option<u16>),
}

/// A connection.
#[derive(Debug)]
pub struct Socket {
    /// Whose it is.
    pub user: String,
    stream: WebSocketStream<TcpStream>,
    kept: VecDeque<Value>,
    texts: VecDeque<String>,
    ended: Option<Option<u16>>,
    next_id: u64,
}

/// Texts that are kept for tests that compare bytes.
const TEXTS_MAX: usize = 64;

impl Socket {
    /// Opens a connection with the token among the subprotocols, as browsers do.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn open(user: &str, url: &str, token: &str) -> Self {
        Self::try_open(user, url, token, None).await.unwrap_or_else(|fault| panic!("{user}: {fault:#}"))
    }

    /// Opens a connection of which the network holds little, so that a client that does not read is soon felt.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn open_narrow(user: &str, url: &str, token: &str) -> Self {
        Self::try_open(user, url, token, Some(4096)).await.unwrap_or_else(|fault| panic!("{user}: {fault:#}"))
    }

    /// Whether the gateway lets this token in, for a moment.
    ///
    /// # Panics
    /// If it is refused by anything but a 401.
    pub async fn is_admitted(user: &str, url: &str, token: &str) -> bool {
        match Self::try_open(user, url, token, None).await {
            Ok(socket) => {
                socket.close().await;
                true
            }
            Err(fault) => {
                assert!(format!("{fault:#}").contains("401"), "{fault:#}");
                false
            }
        }
    }

    /// Opens a connection, or says why not.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn try_open(user: &str, url: &str, token: &str, buffer: Option<u32>) -> Result<Self> {
        let mut request = url.into_client_request()?;
        let offered = HeaderValue::from_str(&format!("sorl.v1, sorl.token.{token}"))?;
        request.headers_mut().insert("sec-websocket-protocol", offered);
        let authority = request.uri().authority().context("an address has a host")?.to_string();
        let opening = async {
            let stream = dial(&authority, buffer).await?;
            anyhow::Ok(tokio_tungstenite::client_async(request, stream).await?)
        };
        let (stream, _response) = tokio::time::timeout(DEADLINE, opening).await.context("no answer")??;
        let (kept, texts) = (VecDeque::new(), VecDeque::new());
        Ok(Self { user: user.to_owned(), stream, kept, texts, ended: None, next_id: 1 })
    }

    /// Sends a text as it is.
    ///
    /// # Panics
    /// If the connection is gone.
    pub async fn send_text(&mut self, text: impl Into<String>) {
        self.send_raw(Message::text(text.into()))
            .await
            .unwrap_or_else(|fault| panic!("{}: {fault}", self.user));
    }

    /// Sends any WebSocket message.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn send_raw(&mut self, message: Message) -> Result<()> {
        Ok(tokio::time::timeout(DEADLINE, self.stream.send(message)).await??)
    }

    /// Sends a request, which gets an id, and returns the id.
    pub async fn request(&mut self, mut request: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        request["id"] = json!(id);
        self.send_text(request.to_string()).await;
        id
    }

    /// Sends a request and returns the frame that answers it, be it a reply or an error.
    pub async fn ask(&mut self, request: Value) -> Value {
        let what = format!("the answer to {request}");
        let id = self.request(request).await;
        self.frame(&what, |frame| frame["id"] == id && is_answer(frame)).await
    }

    /// Sends a request and returns its result.
    ///
    /// # Panics
    /// If it was refused.
    pub async fn result(&mut self, request: Value) -> Value {
        let mut frame = self.ask(request.clone()).await;
        assert_eq!(frame["type"], "reply", "{}: {request} was answered {frame}", self.user);
        frame["result"].take()
    }

    /// Sends a request and returns the code of the error that it got.
    ///
    /// # Panics
    /// If it was not refused, or the error has not the form of one.
    pub async fn refusal(&mut self, request: Value) -> String {
        let frame = self.ask(request.clone()).await;
        assert_eq!(frame["type"], "error", "{}: {request} was answered {frame}", self.user);
        code_of(&frame)
    }

    /// Subscribes, and returns the result.
    pub async fn subscribe(&mut self, channel: &str) -> Value {
        self.result(json!({"action": "subscribe", "channel": channel})).await
    }

    /// Publishes, and returns the message's id.
    ///
    /// # Panics
    /// If it was refused.
    pub async fn publish(&mut self, channel: &str, data: impl Into<Value>) -> String {
        let data: Value = data.into();
        let result = self.result(json!({"action": "publish", "channel": channel, "data": data})).await;
        text(&result["message_id"])
    }

    /// Asks for a sign of life: what was sent before was read by the server, and the connection lives.
    ///
    /// # Panics
    /// If there is none.
    pub async fn lives(&mut self) {
        let at = self.result(json!({"action": "ping"})).await["at"].clone();
        assert!(at.is_u64(), "a ping was answered {at}");
    }

    /// The first frame that fits, of those that came already or come; the others are kept.
    ///
    /// # Panics
    /// If none comes within [`DEADLINE`].
    pub async fn frame(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&fits)
            && let Some(frame) = self.kept.remove(at)
        {
            return frame;
        }
        let waiting = async {
            loop {
                match self.read().await {
                    Incoming::Frame(frame) if fits(&frame) => return Ok(frame),
                    Incoming::Frame(frame) => self.kept.push_back(frame),
                    Incoming::Closed(code) => return Err(code),
                }
            }
        };
        match tokio::time::timeout(DEADLINE, waiting).await {
            Ok(Ok(frame)) => frame,
            Ok(Err(code)) => {
                panic!("{} was closed with {code:?} instead of {what}; {}", self.user, self.came())
            }
            Err(_elapsed) => panic!("{} waited {DEADLINE:?} in vain for {what}; {}", self.user, self.came()),
        }
    }

    /// Live messages of a channel until `done` says that these are all, in the order in which they came.
    pub async fn live_until(&mut self, channel: &str, done: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut messages: Vec<Value> = Vec::new();
        while !done(&messages) {
            let what = format!("messages of {channel} after {}", messages.len());
            let frame = self.frame(&what, |frame| has_message_of(frame, channel)).await;
            let (wanted, others): (Vec<_>, Vec<_>) =
                messages_of(&frame).cloned().partition(|message| message["channel"] == channel);
            messages.extend(wanted);
            if !others.is_empty() {
                self.kept.push_back(json!({"type": "messages", "messages": others}));
            }
        }
        messages
    }

    /// So many different live messages of a channel.
    pub async fn live(&mut self, channel: &str, count: usize) -> Vec<Value> {
        self.live_until(channel, |messages| ids(messages).len() >= count).await
    }

    /// The live message of a channel that has this data.
    ///
    /// # Panics
    /// If it does not come.
    pub async fn message(&mut self, channel: &str, data: impl Into<Value>) -> Value {
        let data: Value = data.into();
        let is_it = |message: &Value| message["channel"] == channel && message["data"] == data;
        let what = format!("{data} in {channel}");
        let frame = self.frame(&what, |frame| messages_of(frame).any(is_it)).await;
        let message = messages_of(&frame).find(|message| is_it(message)).cloned();
        // Whatever else stood in the frame must not be lost.
        self.kept.push_back(frame);
        message.expect("it was found before")
    }

    /// The live messages of a channel that came and were not waited for.
    #[must_use]
    pub fn kept(&self, channel: &str) -> Vec<Value> {
        self.kept.iter().flat_map(messages_of).filter(|m| m["channel"] == channel).cloned().collect()
    }

    /// All frames that came and were not waited for.
    #[must_use]
    pub const fn kept_frames(&self) -> &VecDeque<Value> {
        &self.kept
    }

    /// The frames of late as they came, byte for byte.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(String::as_str)
    }

    /// What comes next, for as long as it takes.
    pub async fn next(&mut self) -> Incoming {
        match self.kept.pop_front() {
            Some(frame) => Incoming::Frame(frame),
            None => self.read().await,
        }
    }

    /// The code with which the server closes; frames that come before are kept.
    ///
    /// # Panics
    /// If it does not within [`DEADLINE`].
    pub async fn closed(&mut self) -> Option<u16> {
        let waiting = async {
            loop {
                match self.read().await {
                    Incoming::Frame(frame) => self.kept.push_back(frame),
                    Incoming::Closed(code) => return code,
                }
            }
        };
        let closed = tokio::time::timeout(DEADLINE, waiting).await;
        closed.unwrap_or_else(|_elapsed| panic!("{} was not closed; {}", self.user, self.came()))
    }

    /// The bare connection, for who counts frames by the million.
    #[must_use]
    pub fn into_stream(self) -> WebSocketStream<TcpStream> {
        self.stream
    }

    /// Closes as a well-behaved client does.
    pub async fn close(mut self) {
        // A server that is gone already has nothing against it.
        self.stream.close(None).await.ok();
        while let Some(Ok(_)) = self.stream.next().await {}
    }

    async fn read(&mut self) -> Incoming {
        if let Some(code) = self.ended {
            return Incoming::Closed(code);
        }
        let ended = loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame = serde_json::from_str(&text);
                    self.remember(text.to_string());
                    return Incoming::Frame(frame.expect("a frame is JSON"));
                }
                Some(Ok(Message::Close(frame))) => break frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break None,
            }
        };
        self.ended = Some(ended);
        Incoming::Closed(ended)
    }

    fn remember(&mut self, text: String) {
        if self.texts.len() == TEXTS_MAX {
            self.texts.pop_front();
        }
        self.texts.push_back(text);
    }

    fn came(&self) -> String {
        let frames: Vec<_> = self.kept.iter().rev().take(20).map(ToString::to_string).collect();
        format!("instead there came {} frames, the latest first: {}", self.kept.len(), frames.join("\n"))
    }
}

async fn dial(authority: &str, buffer: Option<u32>) -> Result<TcpStream> {
    let Some(bytes) = buffer else {
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        return Ok(stream);
    };
    let address: SocketAddr = authority.parse().context("a narrow connection needs an IP address")?;
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(bytes)?;
    Ok(socket.connect(address).await?)
}
