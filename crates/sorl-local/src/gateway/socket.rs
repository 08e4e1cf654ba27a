//! The socket of a connection: one task that reads, writes, and knows when to end.
//!
//! Not the handlers (`commands`) and not who may post (`LocalGateway`). Invariant: [`serve`] returns, within
//! [`FLUSH_MAX`] and [`FAREWELL_MAX`] of the decision to end; a client that neither reads nor closes cannot
//! hold it.

use std::time::Duration;

use axum::extract::ws::{CloseCode, CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use sorl_core::limits::FRAME_IN_MAX;
use sorl_core::ports::Clock;
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;

use super::commands::Commands;
use super::connection::Connection;

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
    pub(super) connection: &'a Connection,
    pub(super) commands: &'a Commands,
    pub(super) clock: &'a dyn Clock,
    pub(super) lifespan: Lifespan,
    /// Once cancelled, nothing more is read.
    pub(super) stopping: &'a CancellationToken,
}

/// Serves the socket to its end. `on_end` is called as soon as the end is decided, before the farewell.
pub(super) async fn serve(socket: WebSocket, terms: Terms<'_>, on_end: impl FnOnce(Ending)) {
    let (sink, mut stream) = socket.split();
    let mut writing = std::pin::pin!(write_in_time(sink, &terms));
    let ending = tokio::select! {
        ending = read(&mut stream, &terms) => ending,
        ending = live_out(&terms) => ending,
        () = &mut writing => Ending::Closed,
    };
    on_end(ending);
    terms.connection.outbox.close(ending.code());
    let farewell = async {
        if ending != Ending::Closed {
            writing.await;
        }
        tokio::time::sleep(FAREWELL_MAX).await;
    };
    tokio::select! {
        () = farewell => {}
        () = drain(&mut stream), if !matches!(ending, Ending::Unreadable(_)) => {}
    }
}

async fn read(stream: &mut SplitStream<WebSocket>, terms: &Terms<'_>) -> Ending {
    loop {
        let next = tokio::select! {
            next = stream.next() => next,
            () = terms.stopping.cancelled() => std::future::pending().await,
        };
        match next {
            Some(Ok(Message::Text(frame))) if frame.len() > FRAME_IN_MAX => {
                return Ending::Violation(close_code::SIZE);
            }
            Some(Ok(Message::Text(frame))) => {
                terms.connection.touch(terms.clock.now());
                terms.commands.begin(frame).await;
            }
            Some(Ok(Message::Binary(_))) => return Ending::Violation(close_code::UNSUPPORTED),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Ending::Gone,
            Some(Err(fault)) => return fault_ending(fault),
        }
    }
}

fn fault_ending(fault: axum::Error) -> Ending {
    use tungstenite::Error;
    match fault.into_inner().downcast::<Error>().map(|fault| *fault) {
        Ok(Error::Capacity(_)) => Ending::Unreadable(close_code::SIZE),
        Ok(Error::Utf8(_)) => Ending::Unreadable(close_code::INVALID),
        Ok(Error::Protocol(fault))
            if fault != tungstenite::error::ProtocolError::ResetWithoutClosingHandshake =>
        {
            Ending::Unreadable(close_code::PROTOCOL)
        }
        _ => Ending::Gone,
    }
}

/// Returns when the connection has been idle for too long or is too old.
async fn live_out(terms: &Terms<'_>) -> Ending {
    let Lifespan { idle, age } = terms.lifespan;
    let ageing = tokio::time::sleep(age);
    let idling = async {
        loop {
            let silent = terms.clock.now().since(terms.connection.last_active_at());
            match idle.checked_sub(silent) {
                Some(rest) if !rest.is_zero() => tokio::time::sleep(rest).await,
                _ => return,
            }
        }
    };
    tokio::select! {
        () = ageing => Ending::Aged,
        () = idling => Ending::Idle,
    }
}

/// Writes until the close frame is out or the socket fails, at most [`FLUSH_MAX`] longer than a close waits.
async fn write_in_time(sink: SplitSink<WebSocket, Message>, terms: &Terms<'_>) {
    let overdue = async {
        terms.connection.outbox.closing().await;
        tokio::time::sleep(FLUSH_MAX).await;
    };
    tokio::select! {
        written = write(sink, terms) => {
            if let Err(fault) = written {
                tracing::trace!(connection = %terms.connection.id, %fault, "a write failed");
            }
        }
        () = overdue => {}
    }
}

async fn write(mut sink: SplitSink<WebSocket, Message>, terms: &Terms<'_>) -> Result<(), axum::Error> {
    loop {
        let batch = terms.connection.outbox.take().await;
        for frame in batch.frames {
            sink.feed(Message::Text(frame)).await?;
        }
        sink.flush().await?;
        terms.connection.outbox.sent(batch.weight);
        terms.connection.touch(terms.clock.now());
        if let Some(code) = batch.closing {
            let close = CloseFrame { code, reason: Utf8Bytes::default() };
            return sink.send(Message::Close(Some(close))).await;
        }
    }
}

/// Reads, and forgets, until the client is gone.
async fn drain(stream: &mut SplitStream<WebSocket>) {
    while let Some(Ok(_)) = stream.next().await {}
}
