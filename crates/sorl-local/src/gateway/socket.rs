//! The socket of a connection: one task that reads, knows when to end, and writes what is handed back to it.
//!
//! Not the handlers (`commands`), not who may post (`LocalGateway`), and not the writing of posts (`writer`). Invariant:
//! [`serve`] returns, within [`FLUSH_MAX`] and [`FAREWELL_MAX`] of the decision to end; a client that neither reads nor
//! closes cannot hold it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseCode, close_code};
use sorl_core::limits::FRAME_IN_MAX;
use sorl_core::ports::Clock;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_util::sync::CancellationToken;

use super::commands::Commands;
use super::connection::Connection;
use super::reader::Reader;
use super::wire::Encoded;

/// How long what is buffered may take on its way out once the connection is to close.
const FLUSH_MAX: Duration = Duration::from_secs(5);

/// How long a client has for its own close frame after ours. It may still be sending a large frame; if the
/// socket went away under it, the reset could overtake our close frame.
const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// How long a connection may live.
#[derive(Debug, Clone, Copy)]
pub struct Lifespan {
    /// Without a frame either way.
    pub idle: Duration,
    /// At all.
    pub age: Duration,
}

/// Why a connection ended; the name stands in the log and in the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The client closed, or the network failed.
    Gone,
    /// `DELETE`, a stop, or a write that failed.
    Closed,
    /// The client broke a rule of the gateway.
    Violation(CloseCode),
    /// What the client sends cannot be read any further.
    Unreadable(CloseCode),
    /// No frame either way for too long.
    Idle,
    /// Too old.
    Aged,
}

impl Ending {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Closed => "closed",
            Self::Violation(close_code::SIZE) | Self::Unreadable(close_code::SIZE) => "frame_too_large",
            Self::Violation(close_code::UNSUPPORTED) => "binary",
            Self::Violation(_) | Self::Unreadable(_) => "protocol_error",
            Self::Idle => "idle",
            Self::Aged => "aged",
        }
    }

    const fn is_readable(self) -> bool {
        !matches!(self, Self::Unreadable(_))
    }

    const fn code(self) -> CloseCode {
        match self {
            Self::Violation(code) | Self::Unreadable(code) => code,
            Self::Gone | Self::Closed => close_code::NORMAL,
            Self::Idle | Self::Aged => close_code::AWAY,
        }
    }
}

/// What a socket is served with.
pub(super) struct Terms<'a> {
    pub(super) connection: &'a Arc<Connection>,
    pub(super) commands: &'a Commands,
    pub(super) clock: &'a dyn Clock,
    pub(super) lifespan: Lifespan,
    /// Once cancelled, nothing more is read.
    pub(super) stopping: &'a CancellationToken,
}

/// A connection's way to the network, after the handshake.
pub(super) struct Socket {
    pub(super) stream: TcpStream,
    /// What was read behind the handshake.
    pub(super) read: Vec<u8>,
}

/// Serves the socket to its end. `on_end` is called as soon as the end is decided, before the farewell.
pub(super) async fn serve(socket: Socket, terms: Terms<'_>, on_end: impl FnOnce(Ending)) {
    let connection = terms.connection;
    let stream = Arc::new(socket.stream);
    connection.attach(Arc::clone(&stream));
    let mut reader = Reader::new(connection, &stream, &socket.read);
    let mut writing = std::pin::pin!(write_in_time(connection, &stream));
    let ending = tokio::select! {
        ending = read(&mut reader, &terms) => ending,
        ending = live_out(&terms) => ending,
        () = &mut writing => Ending::Closed,
    };
    on_end(ending);
    connection.close(ending.code());
    if ending != Ending::Closed {
        tokio::select! {
            () = writing => {}
            // The client may be sending still, and read only then.
            () = drain_for_good(&mut reader, ending) => {}
        }
    }
    tokio::select! {
        () = tokio::time::sleep(FAREWELL_MAX) => {}
        () = drain(&mut reader), if ending.is_readable() => {}
    }
    connection.detach();
}

async fn read(reader: &mut Reader<'_>, terms: &Terms<'_>) -> Ending {
    loop {
        let next = tokio::select! {
            next = reader.next() => next,
            () = terms.stopping.cancelled() => std::future::pending().await,
        };
        match next {
            Ok(Message::Text(frame)) if frame.len() > FRAME_IN_MAX => {
                return Ending::Violation(close_code::SIZE);
            }
            Ok(Message::Text(frame)) => {
                terms.connection.touch(terms.clock.now());
                terms.commands.begin(frame).await;
            }
            Ok(Message::Binary(_)) => return Ending::Violation(close_code::UNSUPPORTED),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
            Ok(Message::Close(frame)) => {
                // An orderly close is answered in kind.
                terms.connection.close_with(Encoded::close(frame.as_ref()));
                return Ending::Gone;
            }
            Err(fault) => return fault_ending(&fault),
        }
    }
}

fn fault_ending(fault: &Error) -> Ending {
    match fault {
        Error::Capacity(_) => Ending::Unreadable(close_code::SIZE),
        Error::Utf8(_) => Ending::Unreadable(close_code::INVALID),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ending::Gone,
        Error::Protocol(_) => Ending::Unreadable(close_code::PROTOCOL),
        _ => Ending::Gone,
    }
}

/// Returns when the connection has been idle for too long or is too old.
async fn live_out(terms: &Terms<'_>) -> Ending {
    let Lifespan { idle, age } = terms.lifespan;
    let begun = Instant::now();
    loop {
        let silent = terms.clock.now().since(terms.connection.last_active_at());
        let (idle_left, age_left) = (idle.saturating_sub(silent), age.saturating_sub(begun.elapsed()));
        if age_left.is_zero() {
            return Ending::Aged;
        }
        if idle_left.is_zero() {
            return Ending::Idle;
        }
        tokio::time::sleep(idle_left.min(age_left)).await;
    }
}

/// Writes until the close frame is out or the socket fails, at most [`FLUSH_MAX`] longer than a close waits.
async fn write_in_time(connection: &Connection, stream: &TcpStream) {
    let overdue = async {
        connection.outbox.closing().await;
        tokio::time::sleep(FLUSH_MAX).await;
    };
    tokio::select! {
        () = connection.write_all(stream) => {}
        () = overdue => {}
    }
}

/// Reads, and forgets, until the client is gone.
async fn drain(reader: &mut Reader<'_>) {
    while reader.next().await.is_ok() {}
}

/// Reads, and forgets, for as long as somebody waits for something else.
async fn drain_for_good(reader: &mut Reader<'_>, ending: Ending) {
    if ending.is_readable() {
        drain(reader).await;
    }
    std::future::pending().await
}
