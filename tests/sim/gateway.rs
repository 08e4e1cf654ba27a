//! The gateway of a region: connections with a small buffer each, over a network that loses them.
//!
//! A double of API Gateway, not the embedded one, which needs real sockets. The invariants are those of the port:
//! frames of a connection keep their order, who is unknown or pending is gone, who does not read is throttled.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::channel::mpsc::UnboundedSender;
use parking_lot::Mutex;
use sorl_core::authorize::Caller;
use sorl_core::ids::ConnectionId;
use sorl_core::limits::{CONNECTION_AGE_MAX, CONNECTION_IDLE_MAX};
use sorl_core::ports::{Clock, CloseError, Gateway, PostError};
use sorl_core::protocol::Frame;
use sorl_core::time::Timestamp;

use crate::chance::Chance;
use crate::executor::Timeline;
use crate::trace::{Trace, messages_in};
use crate::upgrade::with_more;
use crate::weather::Weather;

/// Frames that a client may leave unread: few, so that a client that does not read is soon noticed.
const UNREAD_MAX: usize = 6;

/// What a client hears of one connection.
#[derive(Debug)]
pub(crate) enum Heard {
    /// It is open.
    Opened,
    /// The handshake failed: 401, or 5xx.
    Refused(u16),
    /// A frame.
    Frame(String),
    /// It is closed.
    Closed,
}

/// Where what a client hears goes: the number of its connection comes along.
#[derive(Clone)]
pub(crate) struct Ear {
    /// Which of the client's connections.
    pub(crate) number: u32,
    /// The client.
    pub(crate) client: UnboundedSender<(u32, Heard)>,
}

impl Ear {
    /// Lets the client hear it, if it still listens.
    pub(crate) fn hear(&self, heard: Heard) {
        // A client that is no more hears nothing.
        drop(self.client.unbounded_send((self.number, heard)));
    }
}

/// A connection at the gateway's end.
struct Line {
    /// None while its handshake is pending.
    caller: Option<Arc<Caller>>,
    frames: VecDeque<Bytes>,
    /// Whether the client reads.
    reads: bool,
    /// Whether the network still carries anything; if not, neither end knows.
    carries: bool,
    /// Whether frames are on their way to the client.
    moving: bool,
    traffic: Timestamp,
    ear: Ear,
}

/// The gateway. Cloning shares it.
#[derive(Clone)]
pub(crate) struct SimGateway(Arc<Inner>);

struct Inner {
    lines: Mutex<BTreeMap<ConnectionId, Line>>,
    timeline: Timeline,
    chance: Chance,
    weather: Weather,
    trace: Trace,
    /// Whether the version of tomorrow runs here.
    is_newer: bool,
    /// Whose connections are over, so that `disconnect` is called.
    ended: UnboundedSender<Arc<Caller>>,
}

impl SimGateway {
    /// Without connections.
    pub(crate) fn new(
        timeline: Timeline,
        chance: Chance,
        weather: Weather,
        trace: Trace,
        is_newer: bool,
        ended: UnboundedSender<Arc<Caller>>,
    ) -> Self {
        Self(Arc::new(Inner { lines: Mutex::default(), timeline, chance, weather, trace, is_newer, ended }))
    }

    /// A handshake begins.
    pub(crate) fn begin(&self, connection: &ConnectionId, ear: Ear) {
        let line = Line {
            caller: None,
            frames: VecDeque::new(),
            reads: true,
            carries: true,
            moving: false,
            traffic: self.0.timeline.now(),
            ear,
        };
        self.0.lines.lock().insert(connection.clone(), line);
    }

    /// The handshake succeeded; `false` if the client went away meanwhile.
    pub(crate) fn open(&self, connection: &ConnectionId, caller: &Arc<Caller>) -> bool {
        let mut lines = self.0.lines.lock();
        let Some(line) = lines.get_mut(connection) else { return false };
        line.caller = Some(Arc::clone(caller));
        line.ear.hear(Heard::Opened);
        self.0.trace.note(format_args!("{connection} is open"));
        let gateway = self.clone();
        self.0.timeline.spawn(gateway.outlive(connection.clone(), caller.connected_at));
        true
    }

    /// The handshake failed.
    pub(crate) fn refuse(&self, connection: &ConnectionId, status: u16) {
        if let Some(line) = self.0.lines.lock().remove(connection) {
            self.0.trace.note(format_args!("{connection} is refused: {status}"));
            line.ear.hear(Heard::Refused(status));
        }
    }

    /// Who speaks, if a frame from the connection gets through.
    pub(crate) fn speaks(&self, connection: &ConnectionId) -> Option<Arc<Caller>> {
        let mut lines = self.0.lines.lock();
        let line = lines.get_mut(connection).filter(|line| line.carries)?;
        line.traffic = self.0.timeline.now();
        line.caller.clone()
    }

    /// Puts a frame into the buffer if there is room.
    pub(crate) fn push(&self, connection: &ConnectionId, frame: Bytes) -> Result<(), PostError> {
        let mut lines = self.0.lines.lock();
        let line = lines.get_mut(connection).filter(|line| line.caller.is_some()).ok_or(PostError::Gone)?;
        if line.frames.len() >= UNREAD_MAX {
            self.0.weather.count("429 of a connection");
            return Err(PostError::Throttled);
        }
        if !line.carries {
            self.0.weather.count("200 for a dead connection");
        }
        line.traffic = self.0.timeline.now();
        line.frames.push_back(frame);
        self.set_moving(connection, line);
        Ok(())
    }

    /// Whether the client reads what it gets.
    pub(crate) fn set_reading(&self, connection: &ConnectionId, reads: bool) {
        if let Some(line) = self.0.lines.lock().get_mut(connection) {
            line.reads = reads;
            self.set_moving(connection, line);
        }
    }

    /// From now on the network carries nothing more for the connection, and nobody is told.
    pub(crate) fn break_off(&self, connection: &ConnectionId) {
        if let Some(line) = self.0.lines.lock().get_mut(connection) {
            line.carries = false;
        }
    }

    /// The connection is over: closed by either end, or found broken.
    pub(crate) fn end(&self, connection: &ConnectionId, why: &str) {
        let Some(line) = self.0.lines.lock().remove(connection) else { return };
        self.0.trace.note(format_args!("{connection} is over: {why}"));
        if let Some(caller) = &line.caller {
            // The receiver lives as long as the run.
            drop(self.0.ended.unbounded_send(Arc::clone(caller)));
        }
        let loses_rest = self.0.weather.strikes("last frames lost", self.0.weather.odds().cut_off);
        if line.carries {
            let gateway = self.clone();
            self.0.timeline.spawn(gateway.see_off(line, loses_rest));
        }
    }

    /// Whether the connection is open and carries.
    pub(crate) fn is_alive(&self, connection: &ConnectionId) -> bool {
        self.0.lines.lock().get(connection).is_some_and(|line| line.carries && line.caller.is_some())
    }

    /// Whether every frame has been read.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.lines.lock().values().all(|line| line.frames.is_empty() && !line.moving)
    }

    fn set_moving(&self, connection: &ConnectionId, line: &mut Line) {
        if line.reads && !line.moving && !line.frames.is_empty() {
            line.moving = true;
            let gateway = self.clone();
            self.0.timeline.spawn(gateway.carry(connection.clone()));
        }
    }

    /// Carries frames to the client, one after the other.
    async fn carry(self, connection: ConnectionId) {
        loop {
            let rest = self.0.chance.millis(1, 60);
            self.0.timeline.sleep(rest).await;
            let mut lines = self.0.lines.lock();
            let Some(line) = lines.get_mut(&connection) else { return };
            let frame = if line.reads { line.frames.pop_front() } else { None };
            let Some(frame) = frame else {
                line.moving = false;
                return;
            };
            if line.carries {
                self.deliver(&connection, &line.ear, &frame);
            }
        }
    }

    /// What a closed connection still had, and then its end.
    async fn see_off(self, line: Line, loses_rest: bool) {
        let frames = if loses_rest { VecDeque::new() } else { line.frames };
        for frame in frames {
            let rest = self.0.chance.millis(1, 60);
            self.0.timeline.sleep(rest).await;
            line.ear.hear(Heard::Frame(self.written(String::from_utf8_lossy(&frame).into_owned())));
        }
        let rest = self.0.chance.millis(1, 60);
        self.0.timeline.sleep(rest).await;
        line.ear.hear(Heard::Closed);
    }

    fn deliver(&self, connection: &ConnectionId, ear: &Ear, frame: &Bytes) {
        let text = String::from_utf8_lossy(frame).into_owned();
        self.0.trace.note_with(|| format!("{connection} gets {} {}", kind_of(&text), messages_in(&text)));
        ear.hear(Heard::Frame(self.written(text)));
    }

    /// The frame as the version that runs here writes it.
    fn written(&self, frame: String) -> String {
        if self.0.is_newer { with_more(&frame) } else { frame }
    }

    /// API Gateway closes what is idle for ten minutes, and everything after two hours.
    async fn outlive(self, connection: ConnectionId, connected_at: Timestamp) {
        loop {
            let traffic = self.0.lines.lock().get(&connection).map(|line| line.traffic);
            let Some(traffic) = traffic else { return };
            let due = traffic.plus(CONNECTION_IDLE_MAX).min(connected_at.plus(CONNECTION_AGE_MAX));
            if due <= self.0.timeline.now() {
                self.end(&connection, "idle or old");
                return;
            }
            self.0.timeline.sleep_until(due).await;
        }
    }
}

fn kind_of(frame: &str) -> String {
    let read: serde_json::Value = serde_json::from_str(frame).unwrap_or_default();
    let word = |pointer| read.pointer(pointer).and_then(serde_json::Value::as_str);
    let words = [word("/type"), word("/error/code")].into_iter().flatten();
    words.collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl Gateway for SimGateway {
    async fn post(&self, connection: &ConnectionId, frame: &Frame) -> Result<(), PostError> {
        self.push(connection, frame.text().clone())
    }

    async fn close(&self, connection: &ConnectionId) -> Result<(), CloseError> {
        self.end(connection, "DELETE");
        Ok(())
    }
}
