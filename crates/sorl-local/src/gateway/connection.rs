//! A connection as the gateway knows it: what `@connections` tells about it, and its outbox.
//!
//! Not the caller's rights (`sorl_core::authorize::Caller`) and not the row in the registry.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use sorl_core::ids::{ConnectionId, ConnectionIdError};
use sorl_core::ports::Entropy;
use sorl_core::time::Timestamp;

use super::outbox::Outbox;

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The peer's address.
    pub source_ip: IpAddr,
    /// The handshake's `User-Agent`, or empty.
    pub user_agent: String,
}

/// One WebSocket.
#[derive(Debug)]
pub struct Connection {
    pub(super) id: ConnectionId,
    pub(super) connected_at: Timestamp,
    pub(super) identity: Identity,
    pub(super) outbox: Outbox,
    last_active: AtomicU64,
}

impl Connection {
    pub(super) fn new(id: ConnectionId, connected_at: Timestamp, identity: Identity) -> Self {
        let last_active = AtomicU64::new(connected_at.as_millis());
        Self { id, connected_at, identity, outbox: Outbox::default(), last_active }
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
