//! One connection on a task of its own: dialled, read, written, closed.
//!
//! It decides nothing and knows no frame's meaning. The invariant: while its news are not taken it reads no
//! further, so a slow application is a slow client, as the service must see it; what is to be written is
//! written all the same.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc::{self, Permit};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, Message as WireMessage};

use super::dial::{DialFault, Socket, dial};
use super::options::TokenProvider;
use crate::machine::{Endpoint, Number};

/// Time for a frame to be written before the connection counts as lost.
const WRITE_MAX: Duration = Duration::from_secs(10);
/// Time to say goodbye.
const FAREWELL_MAX: Duration = Duration::from_millis(500);

/// What became of an attempt: the token that it opened with, or why it did not.
pub(super) type Dialled = (Number, Result<String, DialFault>);

/// What an open connection has to say.
#[derive(Debug)]
pub(super) enum News {
    /// A text frame came.
    Frame(String),
    /// It ended by itself.
    Ended(String),
}

/// Where connections are heard: attempts at once, news when the application has room for what they bring.
#[derive(Debug, Clone)]
pub(super) struct Ears {
    pub(super) dialled: mpsc::UnboundedSender<Dialled>,
    pub(super) news: mpsc::Sender<(Number, News)>,
}

/// What a connection is told. Without its [`Wire`] it is lost without a word.
#[derive(Debug)]
enum Order {
    Write(String),
    Close,
}

/// A connection, from the attempt on.
#[derive(Debug)]
pub(super) struct Wire(mpsc::UnboundedSender<Order>);

impl Wire {
    /// Dials.
    pub(super) fn dial(
        number: Number,
        endpoint: Endpoint,
        tokens: TokenProvider,
        ears: Ears,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        // Not more than the session has under way, which is bounded.
        let (orders, taken) = mpsc::unbounded_channel();
        tasks.spawn(run(number, endpoint, tokens, ears, taken));
        Self(orders)
    }

    pub(super) fn write(&self, frame: String) {
        // A connection that is gone has said so, or will.
        self.0.send(Order::Write(frame)).ok();
    }

    /// Says goodbye; nobody waits for it.
    pub(super) fn close(self) {
        self.0.send(Order::Close).ok();
    }
}

async fn run(
    number: Number,
    endpoint: Endpoint,
    tokens: TokenProvider,
    ears: Ears,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    let attempt = Box::pin(dial(endpoint, tokens));
    let dialled = tokio::select! {
        // Nothing is written before it opened: it was given up.
        _ = orders.recv() => return,
        dialled = attempt => dialled,
    };
    let (socket, outcome) = match dialled {
        Ok((socket, token)) => (Some(socket), Ok(token)),
        Err(fault) => (None, Err(fault)),
    };
    // Who does not listen any more needs to know nothing.
    ears.dialled.send((number, outcome)).ok();
    let Some(socket) = socket else { return };
    if let Some(reason) = serve(number, socket, &ears.news, &mut orders).await {
        ears.news.send((number, News::Ended(reason))).await.ok();
    }
}

/// Until it ends: by itself, for a reason, or because it was told to.
async fn serve(
    number: Number,
    mut socket: Socket,
    news: &mpsc::Sender<(Number, News)>,
    orders: &mut mpsc::UnboundedReceiver<Order>,
) -> Option<String> {
    let mut room: Option<Permit<'_, _>> = None;
    loop {
        tokio::select! {
            order = orders.recv() => match order? {
                Order::Write(frame) => {
                    let written = timeout(WRITE_MAX, socket.send(WireMessage::text(frame))).await;
                    if !matches!(written, Ok(Ok(()))) {
                        return Some("a frame could not be written".to_owned());
                    }
                }
                Order::Close => {
                    // The connection is given up either way.
                    timeout(FAREWELL_MAX, socket.close(None)).await.ok();
                    return None;
                }
            },
            permit = news.reserve(), if room.is_none() => room = Some(permit.ok()?),
            frame = socket.next(), if room.is_some() => match text_of(frame) {
                Ok(Some(frame)) => {
                    if let Some(room) = room.take() {
                        room.send((number, News::Frame(frame)));
                    }
                }
                Ok(None) => {}
                Err(reason) => return Some(reason),
            },
        }
    }
}

/// The text, if it is one; or why there will be no more.
fn text_of(frame: Option<Result<WireMessage, tungstenite::Error>>) -> Result<Option<String>, String> {
    match frame {
        Some(Ok(WireMessage::Text(frame))) => Ok(Some(frame.as_str().to_owned())),
        Some(Ok(WireMessage::Close(close))) => {
            Err(close.map_or_else(|| "closed".to_owned(), |close| close.to_string()))
        }
        Some(Ok(_)) => Ok(None),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("the other side hung up".to_owned()),
    }
}
