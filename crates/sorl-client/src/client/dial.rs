//! One attempt at a connection: token, handshake, TLS.
//!
//! It knows nothing of the session. The token goes into the `Authorization` header, which keeps it out of
//! addresses and logs.

use std::sync::{Arc, OnceLock};

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use sorl_core::limits::POST_MAX;
use sorl_core::protocol::SUBPROTOCOL;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::options::{TokenFault, TokenProvider};
use crate::machine::{ATTEMPT_MAX, Endpoint};

/// An open connection.
pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Bytes read at a time: frames are small, and connections may be many.
const READ_BUFFER: usize = 8 * 1024;

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub enum DialFault {
    /// No token could be had.
    #[error("no token could be had")]
    Token(#[source] TokenFault),
    /// The token cannot stand in a header.
    #[error("the token has characters that no token has")]
    Malformed,
    /// The service refused: 401 for a bad token or a blocked user, 5xx if it cannot tell.
    #[error("the service refused the connection with status {0}")]
    Refused(u16),
    /// Nobody answered as a Sorl service does.
    #[error("no connection")]
    Unreachable(#[source] Box<Error>),
    /// No answer within 15 s.
    #[error("no answer within {} s", ATTEMPT_MAX.as_secs())]
    TimedOut,
}

/// Opens a connection; the token comes back with it, since it names the user.
///
/// It may take as long as it pleases: who dials gives it up after [`ATTEMPT_MAX`].
pub(super) async fn dial(endpoint: Endpoint, tokens: TokenProvider) -> Result<(Socket, String), DialFault> {
    let token = tokens.token().await.map_err(DialFault::Token)?;
    let socket = handshake(&endpoint.url, &token).await?;
    Ok((socket, token))
}

async fn handshake(url: &str, token: &str) -> Result<Socket, DialFault> {
    let mut request = url.into_client_request().map_err(unreachable)?;
    let mut bearer =
        HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_its_text| DialFault::Malformed)?;
    bearer.set_sensitive(true);
    let headers = request.headers_mut();
    headers.insert(header::AUTHORIZATION, bearer);
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).max_message_size(Some(POST_MAX));
    let tls = url.starts_with("wss:").then(tls).transpose()?;
    let (socket, _response) =
        connect_async_tls_with_config(request, Some(config), true, tls).await.map_err(unreachable)?;
    Ok(socket)
}

fn unreachable(error: tungstenite::Error) -> DialFault {
    match error {
        Error::Http(response) if response.status() != StatusCode::SWITCHING_PROTOCOLS => {
            DialFault::Refused(response.status().as_u16())
        }
        other => DialFault::Unreachable(Box::new(other)),
    }
}

/// The system's roots and ring, chosen here and not by whatever else is linked into the program.
fn tls() -> Result<Connector, DialFault> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Connector::Rustls(Arc::clone(config)));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|fault| unreachable(Error::Tls(fault.into())))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Connector::Rustls(Arc::clone(CONFIG.get_or_init(|| Arc::new(config)))))
}
