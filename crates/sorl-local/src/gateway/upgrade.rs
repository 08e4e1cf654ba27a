//! The upgrade of a request to a WebSocket, down to the TCP stream itself.
//!
//! What the request must have is axum's to check. Its own upgrade would wrap the stream in layers that only its
//! owner may write through, one frame at a time; here the bare stream comes out, so that whoever posts can write.
//! Invariant: the answer is RFC 6455's, subprotocol included if the client offered it.

use std::future::Future;
use std::io;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::{ConnectionNotUpgradable, WebSocketUpgradeRejection};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::socket::Socket;

/// A request that may become a WebSocket.
pub(crate) struct Upgrade {
    request: WebSocketUpgrade,
    accept: String,
    on_upgrade: OnUpgrade,
}

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = WebSocketUpgradeRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let on_upgrade = parts.extensions.get::<OnUpgrade>().cloned();
        let request = WebSocketUpgrade::from_request_parts(parts, state).await?;
        let key = parts.headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
        let on_upgrade = on_upgrade.ok_or_else(ConnectionNotUpgradable::default)?;
        Ok(Self { request, accept: derive_accept_key(key), on_upgrade })
    }
}

impl Upgrade {
    /// The answer that accepts, and the socket once it is out.
    pub(super) fn accept(
        self,
        subprotocol: &'static str,
    ) -> (Response, impl Future<Output = io::Result<Socket>> + Send) {
        let request = self.request.protocols([subprotocol]);
        let accepted = [
            (header::CONNECTION, "upgrade"),
            (header::UPGRADE, "websocket"),
            (header::SEC_WEBSOCKET_ACCEPT, self.accept.as_str()),
        ];
        let mut response = (StatusCode::SWITCHING_PROTOCOLS, accepted, Body::empty()).into_response();
        if let Some(selected) = request.selected_protocol() {
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, selected.clone());
        }
        (response, socket(self.on_upgrade))
    }
}

async fn socket(on_upgrade: OnUpgrade) -> io::Result<Socket> {
    let upgraded = on_upgrade.await.map_err(io::Error::other)?;
    // `dev` serves nothing but TCP, so anything else is a mistake in this program.
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().map_err(|_other| io::Error::other("not TCP"))?;
    // A copy of what is hardly ever anything: it stands in the handshake's buffer, which would be kept with it.
    Ok(Socket { stream: parts.io.into_inner(), read: parts.read_buf.to_vec() })
}
