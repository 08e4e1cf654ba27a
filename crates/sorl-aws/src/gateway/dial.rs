//! New links: an address, a socket, perhaps TLS.
//!
//! Not their keeping (`pool`) and not their use (`link`). The invariant: whoever dials knows within
//! [`CONNECT_MAX`] of their turn, and only [`HANDSHAKES_MAX`] have their turn at the same time: a cold start with
//! hundreds of posts would else spend its first second on handshakes that time out together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sorl_core::ports::Unavailable;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::{Mutex, OnceCell, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::PORT;
use super::endpoint::Endpoint;
use super::link::Link;
use crate::clients::CONNECT_MAX;

/// A handshake costs the processor half a millisecond, and a small Lambda has a tenth of one.
const HANDSHAKES_MAX: usize = 32;
/// So long an answer of the resolver is good for: AWS's own records last a minute.
const RESOLVED_FOR: Duration = Duration::from_secs(30);

/// A socket, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Dials one endpoint.
pub(super) struct Dialer {
    host: String,
    port: u16,
    is_tls: bool,
    /// Made at the first use: reading a machine's certificates takes milliseconds of a cold start.
    tls: OnceCell<TlsConnector>,
    resolved: Mutex<Option<(Instant, Arc<[SocketAddr]>)>>,
    /// Which of the host's addresses is next.
    turn: AtomicUsize,
    handshakes: Semaphore,
}

impl Dialer {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        Self {
            host: endpoint.host.clone(),
            port: endpoint.port,
            is_tls: endpoint.is_tls,
            tls: OnceCell::new(),
            resolved: Mutex::default(),
            turn: AtomicUsize::new(0),
            handshakes: Semaphore::new(HANDSHAKES_MAX),
        }
    }

    /// A link, once it is this caller's turn: a new one, unless `idle` has one by then.
    pub(super) async fn dial(&self, idle: impl Fn() -> Option<Link>) -> Result<Link, Unavailable> {
        let _turn = self.handshakes.acquire().await.map_err(|closed| Unavailable::new(PORT, closed))?;
        if let Some(link) = idle() {
            return Ok(link);
        }
        match timeout(CONNECT_MAX, self.connect()).await {
            Ok(Ok(link)) => Ok(link),
            Ok(Err(fault)) => {
                // Perhaps its address is no longer good.
                *self.resolved.lock().await = None;
                Err(Unavailable::new(PORT, fault))
            }
            Err(elapsed) => Err(Unavailable::new(PORT, format!("no link to the endpoint: {elapsed}"))),
        }
    }

    async fn connect(&self) -> Result<Link, Fault> {
        let socket = TcpStream::connect(self.address().await?).await?;
        // A post is one write, which shall not wait for the acknowledgement of the one before.
        socket.set_nodelay(true)?;
        if !self.is_tls {
            return Ok(Link::begin(Box::new(socket)).await?);
        }
        let name = ServerName::try_from(self.host.clone())?;
        let connector = self.tls.get_or_try_init(async || connector()).await?;
        let stream = connector.connect(name, socket).await?;
        Ok(Link::begin(Box::new(stream)).await?)
    }

    /// The host's next address. All of them get their share, as if each were resolved for itself.
    async fn address(&self) -> Result<SocketAddr, Fault> {
        let mut resolved = self.resolved.lock().await;
        let known = resolved.as_ref().filter(|(since, _)| since.elapsed() < RESOLVED_FOR);
        let addresses = match known {
            Some((_, addresses)) => Arc::clone(addresses),
            None => lookup_host((self.host.as_str(), self.port)).await?.collect(),
        };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let address = addresses.iter().cycle().nth(turn % addresses.len().max(1)).copied();
        if known.is_none() {
            *resolved = Some((Instant::now(), addresses));
        }
        address.ok_or_else(|| format!("{} has no address", self.host).into())
    }
}

type Fault = Box<dyn std::error::Error + Send + Sync>;

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dialer({}:{})", self.host, self.port)
    }
}

/// TLS as the SDK's client does it: the machine's roots, or those that `SSL_CERT_FILE` names.
fn connector() -> Result<TlsConnector, Fault> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (valid, _unreadable) = roots.add_parsable_certificates(found.certs);
    if valid == 0 {
        return Err(format!("no root certificate: {:?}", found.errors).into());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
