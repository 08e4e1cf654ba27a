//! A connection as the gateway knows it: what `@connections` tells about it, its outbox, and the way out.
//!
//! Not the caller's rights (`sorl_core::authorize::Caller`) and not the row in the registry.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use parking_lot::Mutex;
use sorl_core::ids::{ConnectionId, ConnectionIdError};
use sorl_core::ports::{Clock, Entropy};
use sorl_core::time::Timestamp;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::outbox::{Outbox, Refused, Taken};
use super::wire::{Encoded, closing};
use super::writer::{Ready, Written, write};

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The peer's address.
    pub source_ip: IpAddr,
    /// The handshake's `User-Agent`, or empty.
    pub user_agent: String,
}

/// One WebSocket.
pub struct Connection {
    pub(super) id: ConnectionId,
    pub(super) connected_at: Timestamp,
    pub(super) identity: Identity,
    pub(super) outbox: Outbox,
    /// Where to go when the outbox has something for the network.
    ready: Arc<Ready>,
    /// None before the handshake's answer is out, and after the end.
    stream: Mutex<Option<Arc<TcpStream>>>,
    /// The network takes no more for now, or no more at all: the socket's own task goes on.
    handed_back: Notify,
    clock: Arc<dyn Clock>,
    last_active: AtomicU64,
}

impl Connection {
    pub(super) fn new(
        id: ConnectionId,
        connected_at: Timestamp,
        identity: Identity,
        ready: Arc<Ready>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            id,
            connected_at,
            identity,
            outbox: Outbox::default(),
            ready,
            stream: Mutex::default(),
            handed_back: Notify::new(),
            clock,
            last_active: AtomicU64::new(connected_at.as_millis()),
        }
    }

    /// Takes a frame if it fits, and sees to it that it is written.
    pub(super) fn offer(self: &Arc<Self>, frame: Encoded) -> Result<(), Refused> {
        self.outbox.offer(frame).map(|taken| self.see_to(taken))
    }

    /// Takes a frame as soon as it fits; gives it up once the connection closes.
    pub(super) async fn push(self: &Arc<Self>, frame: Encoded) {
        while self.offer(frame.clone()) == Err(Refused::Full) {
            self.outbox.room_for(&frame).await;
        }
    }

    /// Closes after what is buffered. The first code counts.
    pub(super) fn close(self: &Arc<Self>, code: u16) {
        self.close_with(Encoded::close(Some(&closing(code))));
    }

    /// Closes with this frame after what is buffered.
    pub(super) fn close_with(self: &Arc<Self>, frame: Encoded) {
        self.see_to(self.outbox.close(frame));
    }

    fn see_to(self: &Arc<Self>, taken: Taken) {
        if taken == Taken::Begin {
            self.ready.add(Arc::clone(self));
        }
    }

    /// From here on the outbox goes to `stream`, once [`Connection::write_all`] is polled.
    pub(super) fn attach(&self, stream: Arc<TcpStream>) {
        *self.stream.lock() = Some(stream);
    }

    /// Lets the stream go, whoever else still knows the connection.
    pub(super) fn detach(&self) {
        *self.stream.lock() = None;
    }

    /// Writes as much as the network takes at once; if that is not all, has the socket's own task go on.
    pub(super) fn write(&self) {
        // Without a stream the connection is over, and nobody is left to be told.
        let Some(stream) = self.stream.lock().clone() else { return };
        if self.write_to(&stream) != Written::All {
            self.handed_back.notify_one();
        }
    }

    /// Writes what is handed back, until the close frame is out or the network fails.
    pub(super) async fn write_all(&self, stream: &TcpStream) {
        loop {
            match self.write_to(stream) {
                Written::All => self.handed_back.notified().await,
                Written::Over => return,
                Written::Blocked if stream.writable().await.is_ok() => {}
                Written::Blocked => return,
            }
        }
    }

    fn write_to(&self, stream: &TcpStream) -> Written {
        let written = write(&self.outbox, stream);
        if written == Written::All {
            self.touch(self.clock.now());
        }
        written
    }

    /// When a frame last went either way.
    pub(super) fn last_active_at(&self) -> Timestamp {
        Timestamp::from_millis(self.last_active.load(Ordering::Relaxed))
    }

    pub(super) fn touch(&self, now: Timestamp) {
        self.last_active.fetch_max(now.as_millis(), Ordering::Relaxed);
    }
}

/// Draws an id of API Gateway's form: 11 bytes in base64, so 15 characters and a `=`.
pub(super) fn draw_id(entropy: &dyn Entropy) -> Result<ConnectionId, ConnectionIdError> {
    let bytes = [entropy.bits().to_be_bytes(), entropy.bits().to_be_bytes()].concat();
    ConnectionId::parse(&URL_SAFE.encode(bytes.get(..11).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ones;

    impl Entropy for Ones {
        fn bits(&self) -> u64 {
            u64::MAX
        }
    }

    #[test]
    fn an_id_has_api_gateways_form() {
        let id = draw_id(&Ones).unwrap();
        assert_eq!((id.as_str().len(), id.as_str().ends_with('=')), (16, true));
        assert!(!id.as_str().trim_end_matches('=').contains('='));
    }
}
