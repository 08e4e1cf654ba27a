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
mod socket;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::ws::{CloseCode, Utf8Bytes, close_code};
use parking_lot::RwLock;
use sorl_core::ids::ConnectionId;
use sorl_core::limits::POST_MAX;
use sorl_core::ports::{CloseError, Entropy, Gateway, PostError, Unavailable};
use sorl_core::protocol::{Bye, Frame};
use sorl_core::time::Timestamp;

pub use connection::{Connection, Identity};
pub use outbox::OUTBOX_BYTES_MAX;
pub use socket::Lifespan;

pub(crate) use handshake::upgrade;

use crate::faults::{FaultCell, strikes};

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
    faults: FaultCell,
    entropy: Arc<dyn Entropy>,
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
        Self { connections: RwLock::default(), faults, entropy }
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
            connection.outbox.close(code);
        }
    }

    /// Whether this post is one of the share that the faults in force throttle.
    fn is_throttled(&self) -> bool {
        strikes(self.faults.in_force().throttle, self.entropy.as_ref())
    }
}

fn say_bye(connection: &Connection, bye: Bye) {
    // A client that left no room for the frame learns it from the close code.
    if connection.outbox.offer(Utf8Bytes::from_static(bye.frame())).is_err() {
        tracing::debug!(connection = %connection.id, "no room for a bye");
    }
    connection.outbox.close(close_code::AWAY);
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
        let frame =
            Utf8Bytes::try_from(frame.text().clone()).map_err(|fault| Unavailable::new("gateway", fault))?;
        connection.outbox.offer(frame).map_err(|refused| match refused {
            outbox::Refused::Full => PostError::Throttled,
            outbox::Refused::Closing => PostError::Gone,
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
    use crate::clock::OsEntropy;
    use crate::faults::Faults;

    fn gateway(faults: Faults) -> LocalGateway {
        LocalGateway::new(FaultCell::new(faults), Arc::new(OsEntropy))
    }

    fn connection() -> Arc<Connection> {
        let id = connection::draw_id(&OsEntropy).unwrap();
        let source_ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let identity = Identity { source_ip, user_agent: String::new() };
        Arc::new(Connection::new(id, Timestamp::ZERO, identity))
    }

    #[tokio::test]
    async fn a_pending_connection_is_gone_until_it_is_opened() {
        let (gateway, pending) = (gateway(Faults::default()), connection());
        let post = async || gateway.post(&pending.id, &Frame::from("hej")).await;
        assert!(matches!(post().await, Err(PostError::Gone)));
        assert!(gateway.describe(&pending.id).is_none());
        gateway.open(Arc::clone(&pending));
        assert!(post().await.is_ok());
        assert_eq!(pending.outbox.take().await.frames.len(), 1, "a post right after the handshake is kept");
    }

    #[tokio::test]
    async fn throttling_strikes_the_share_that_the_faults_say() {
        let gateway = gateway(Faults { throttle: 0.5, ..Faults::default() });
        let open = connection();
        gateway.open(Arc::clone(&open));
        let mut throttled = 0;
        for _ in 0..1_000 {
            throttled += usize::from(gateway.post(&open.id, &Frame::from("x")).await.is_err());
        }
        assert!((400..600).contains(&throttled), "{throttled}");
    }

    #[tokio::test]
    async fn who_comes_after_the_end_is_told_and_closed() {
        let (gateway, late) = (gateway(Faults::default()), connection());
        gateway.close_all(Bye::Shutdown);
        gateway.open(Arc::clone(&late));
        let batch = late.outbox.take().await;
        assert_eq!((batch.frames.len(), batch.closing), (1, Some(close_code::AWAY)));
        assert_eq!(gateway.open_count(), 0);
    }
}
