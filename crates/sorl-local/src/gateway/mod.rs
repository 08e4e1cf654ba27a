//! The gateway: a region's WebSocket connections, and `@connections` over them.
//!
//! It behaves as API Gateway does: a connection is unknown until `connect` has returned, a client that does
//! not read throttles posts to itself and to nobody else, and what was closed is gone at once. Not the HTTP
//! form of `@connections` (`http::connections`). Invariant: a connection is in the map from the moment the
//! handshake is answered until its end is decided; after that, `disconnect` runs exactly once.

mod commands;
mod connection;
mod handshake;
mod outbox;
mod reader;
mod socket;
mod upgrade;
mod wire;
mod writer;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use axum::extract::ws::{CloseCode, close_code};
use bytes::Bytes;
use parking_lot::RwLock;
use sorl_core::ids::ConnectionId;
use sorl_core::limits::POST_MAX;
use sorl_core::ports::{Clock, CloseError, Entropy, Gateway, PostError};
use sorl_core::protocol::{Bye, Frame};
use sorl_core::time::Timestamp;

pub use connection::{Connection, Identity};
pub use outbox::OUTBOX_BYTES_MAX;
pub use socket::Lifespan;

pub(crate) use handshake::upgrade;

use crate::faults::{FaultCell, strikes};
use outbox::Refused;
use wire::Encoded;
use writer::Ready;

/// What `GET @connections` tells.
#[derive(Debug, Clone)]
pub struct Description {
    /// When the handshake was.
    pub connected_at: Timestamp,
    /// When a frame last went either way.
    pub last_active_at: Timestamp,
    /// Who is at the other end.
    pub identity: Identity,
}

/// One region's connections.
pub struct LocalGateway {
    connections: RwLock<Connections>,
    ready: Arc<Ready>,
    faults: FaultCell,
    entropy: Arc<dyn Entropy>,
    /// Whether new connections are refused, so that the region empties.
    is_drained: AtomicBool,
}

#[derive(Default)]
struct Connections {
    by_id: HashMap<ConnectionId, Arc<Connection>>,
    /// Once set, who comes is told so and closed.
    over: Option<Bye>,
}

impl LocalGateway {
    /// A gateway without connections.
    #[must_use]
    pub fn new(faults: FaultCell, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            connections: RwLock::default(),
            ready: Arc::default(),
            faults,
            entropy,
            is_drained: AtomicBool::new(false),
        }
    }

    /// Whether new connections are refused; those that are open stay.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.is_drained.load(Ordering::Relaxed)
    }

    /// Refuses new connections from now on, or takes them again.
    pub(crate) fn drain(&self, drained: bool) {
        self.is_drained.store(drained, Ordering::Relaxed);
    }

    /// How many connections are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.connections.read().by_id.len()
    }

    /// What is known of a connection; none if it is gone or pending.
    #[must_use]
    pub fn describe(&self, connection: &ConnectionId) -> Option<Description> {
        let connection = self.find(connection)?;
        Some(Description {
            connected_at: connection.connected_at,
            last_active_at: connection.last_active_at(),
            identity: connection.identity.clone(),
        })
    }

    /// Tells every connection why and closes it.
    pub(crate) fn close_all(&self, bye: Bye) {
        let mut connections = self.connections.write();
        connections.over = Some(bye);
        let open = std::mem::take(&mut connections.by_id);
        drop(connections);
        for connection in open.into_values() {
            say_bye(&connection, bye);
        }
    }

    /// A connection that is not open yet: posts to it are answered that it is gone.
    fn pending(
        &self,
        id: ConnectionId,
        connected_at: Timestamp,
        identity: Identity,
        clock: Arc<dyn Clock>,
    ) -> Arc<Connection> {
        Arc::new(Connection::new(id, connected_at, identity, Arc::clone(&self.ready), clock))
    }

    fn open(&self, connection: Arc<Connection>) {
        let mut connections = self.connections.write();
        match connections.over {
            Some(bye) => say_bye(&connection, bye),
            None => {
                connections.by_id.insert(connection.id.clone(), connection);
            }
        }
    }

    /// Takes the connection out; from now on it is gone.
    fn remove(&self, connection: &ConnectionId) -> Option<Arc<Connection>> {
        self.connections.write().by_id.remove(connection)
    }

    fn find(&self, connection: &ConnectionId) -> Option<Arc<Connection>> {
        self.connections.read().by_id.get(connection).cloned()
    }

    fn close_with(&self, connection: &ConnectionId, code: CloseCode) {
        if let Some(connection) = self.remove(connection) {
            connection.close(code);
        }
    }

    /// Whether this post is one of the share that the faults in force throttle.
    fn is_throttled(&self) -> bool {
        strikes(self.faults.in_force().throttle, self.entropy.as_ref())
    }
}

fn say_bye(connection: &Arc<Connection>, bye: Bye) {
    // A client that left no room for the frame learns it from the close code.
    if connection.offer(Encoded::text(Bytes::from_static(bye.frame().as_bytes()))).is_err() {
        tracing::debug!(connection = %connection.id, "no room for a bye");
    }
    connection.close(close_code::AWAY);
}

#[async_trait]
impl Gateway for LocalGateway {
    async fn post(&self, connection: &ConnectionId, frame: &Frame) -> Result<(), PostError> {
        if frame.text().len() > POST_MAX {
            return Err(PostError::TooLarge);
        }
        let connection = self.find(connection).ok_or(PostError::Gone)?;
        if self.is_throttled() {
            return Err(PostError::Throttled);
        }
        connection.offer(Encoded::text(frame.text().clone())).map_err(|refused| match refused {
            Refused::Full => PostError::Throttled,
            Refused::Closing => PostError::Gone,
        })
    }

    async fn close(&self, connection: &ConnectionId) -> Result<(), CloseError> {
        self.close_with(connection, close_code::NORMAL);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::clock::{OsEntropy, SystemClock};
    use crate::faults::Faults;
    use outbox::{Batch, Next};

    fn gateway(faults: Faults) -> LocalGateway {
        LocalGateway::new(FaultCell::new(faults), Arc::new(OsEntropy))
    }

    fn connection(gateway: &LocalGateway) -> Arc<Connection> {
        let id = connection::draw_id(&OsEntropy).unwrap();
        let source_ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let identity = Identity { source_ip, user_agent: String::new() };
        gateway.pending(id, Timestamp::ZERO, identity, Arc::new(SystemClock))
    }

    /// The bytes that wait for the connection's socket.
    fn buffered(connection: &Connection) -> Vec<u8> {
        match connection.outbox.next(&Batch::default()) {
            Next::Write(batch) => batch.pieces().flat_map(|piece| piece.to_vec()).collect(),
            Next::Idle | Next::Over => Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_pending_connection_is_gone_until_it_is_opened() {
        let gateway = gateway(Faults::default());
        let pending = connection(&gateway);
        let post = async || gateway.post(&pending.id, &Frame::from("hej")).await;
        assert!(matches!(post().await, Err(PostError::Gone)));
        assert!(gateway.describe(&pending.id).is_none());
        gateway.open(Arc::clone(&pending));
        assert!(post().await.is_ok());
        assert_eq!(buffered(&pending), b"\x81\x03hej", "a post right after the handshake is kept");
    }

    #[tokio::test]
    async fn throttling_strikes_the_share_that_the_faults_say() {
        let gateway = gateway(Faults { throttle: 0.5, ..Faults::default() });
        let open = connection(&gateway);
        gateway.open(Arc::clone(&open));
        let mut throttled = 0;
        for _ in 0..1_000 {
            throttled += usize::from(gateway.post(&open.id, &Frame::from("x")).await.is_err());
        }
        assert!((400..600).contains(&throttled), "{throttled}");
    }

    #[tokio::test]
    async fn who_comes_after_the_end_is_told_and_closed() {
        let gateway = gateway(Faults::default());
        let late = connection(&gateway);
        gateway.close_all(Bye::Shutdown);
        gateway.open(Arc::clone(&late));
        let told = buffered(&late);
        assert!(
            told.starts_with(&[0x81]) && told.ends_with(&[0x88, 2, 0x03, 0xe9]),
            "a bye, then 1001: {told:?}"
        );
        assert_eq!(gateway.open_count(), 0);
    }
}
