//! `sorl dev`: the whole stage on one machine, behind one port.
//!
//! Invariants: when [`start`] returns, the port accepts; when [`Dev::stop`] returns, every connection was told
//! and closed, what was begun has ended or had its time, and the store is closed.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use sorl_core::config::Config;
use sorl_core::ports::{Clock, Entropy};
use sorl_core::protocol::Bye;
pub use sorl_host::share::Share;
use sorl_host::trace::Traces;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::clock::{OsEntropy, SystemClock};
use crate::faults::Faults;
use crate::gateway::{Lifespan, LocalGateway};
use crate::http::RegionAddress;
use crate::keys::LocalKeys;
use crate::metrics::Metrics;
use crate::serve::serve;
use crate::stage::{Ports, Stage, Station, Tasks};
use crate::store::{DiskStore, MemoryStore, Store, StoreError};
use crate::ways::Ways;
use crate::world::{Place, World};
use crate::{delivery, http};

/// How long commands, deliveries and requests under way may take to end.
const FINISH_MAX: Duration = Duration::from_secs(10);
/// How long the sockets may take to close: their own bounds on flush and farewell, and some.
const CLOSE_MAX: Duration = Duration::from_secs(8);

/// Bytes that the system buffers for a client besides its outbox (Linux takes twice that). Left to itself it
/// takes megabytes, and a client that does not read goes unnoticed for as long.
const SEND_BUFFER: u32 = 128 * 1024;
/// Handshakes that may wait to be accepted.
const BACKLOG: u32 = 1024;
/// Descriptors that every system gives a process: POSIX's least would be 20, a login shell's is this.
const DESCRIPTORS_LEAST: u64 = 1024;

/// How the stage is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which address to listen on.
    pub host: IpAddr,
    /// Which port; 0 takes a free one.
    pub port: u16,
    /// Where history, queues and the secret are kept; in memory if absent.
    pub data: Option<PathBuf>,
    /// Time without a frame after which a connection is closed.
    pub idle_timeout: Duration,
    /// Age at which a connection is closed.
    pub max_age: Duration,
    /// The share of messages whose way is logged.
    pub trace_share: Share,
}

/// Why the stage did not start. The text says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else has the port.
    #[error("port {} is taken: stop what listens on {address}, or choose another with --port", address.port())]
    PortTaken {
        /// What was to be bound.
        address: SocketAddr,
    },
    /// The address cannot be bound for another reason.
    #[error("cannot listen on {address}")]
    Bind {
        /// What was to be bound.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] StoreError),
}

/// A running stage.
pub struct Dev {
    stage: Arc<Stage>,
    store: Arc<dyn Store>,
    accepting: CancellationToken,
    server: JoinHandle<()>,
}

/// Starts the stage; it accepts connections when this returns.
///
/// # Errors
/// [`StartError`].
pub async fn start(config: Arc<Config>, options: Options) -> Result<Dev, StartError> {
    let descriptors = raise_descriptors();
    let listener = bind(SocketAddr::new(options.host, options.port))?;
    let address = listener.local_addr().map_err(|source| StartError::Bind {
        address: SocketAddr::new(options.host, options.port),
        source,
    })?;
    let store: Arc<dyn Store> = match &options.data {
        Some(folder) => Arc::new(DiskStore::open(folder)?),
        None => Arc::new(MemoryStore::default()),
    };
    let stage = Arc::new(assemble(config, &options, reachable(address), Arc::clone(&store)).await?);
    delivery::start(&stage);
    let accepting = CancellationToken::new();
    let server = serve(listener, http::router(Arc::clone(&stage)), accepting.clone(), descriptors);
    Ok(Dev { stage, store, accepting, server })
}

impl Dev {
    /// Where everything starts: `http://HOST:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.stage.url()
    }

    /// Where each region is, in the order of the configuration.
    #[must_use]
    pub fn regions(&self) -> Vec<RegionAddress> {
        self.stage.addresses()
    }

    /// The stage itself, for tests that look inside.
    #[must_use]
    pub fn stage(&self) -> &Arc<Stage> {
        &self.stage
    }

    /// Stops gracefully: nothing new, what was begun ends, everybody is told, the store is closed.
    pub async fn stop(self) {
        let tasks = &self.stage.tasks;
        self.accepting.cancel();
        tasks.stopping.cancel();
        tasks.commands.close();
        tasks.deliveries.close();
        let work = join(tasks.commands.wait(), tasks.deliveries.wait());
        if timeout(FINISH_MAX, work).await.is_err() {
            tracing::warn!(outcome = "cut_short", "commands or deliveries did not end in time");
        }
        for station in self.stage.stations.values() {
            station.gateway.close_all(Bye::Shutdown);
        }
        tasks.sockets.close();
        if timeout(CLOSE_MAX, join(tasks.sockets.wait(), self.server)).await.is_err() {
            tracing::warn!(outcome = "cut_short", "sockets or requests did not end in time");
        }
        tasks.stopped.cancel();
        tasks.ticking.close();
        tasks.ticking.wait().await;
        self.store.close().await;
        tracing::info!(outcome = "stopped", "stage");
    }
}

/// As many file descriptors as the machine allows: every WebSocket takes one.
fn raise_descriptors() -> u64 {
    rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|fault| {
        tracing::warn!(%fault, "few file descriptors, so few WebSockets");
        DESCRIPTORS_LEAST
    })
}

fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    listen(address).map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => StartError::PortTaken { address },
        _ => StartError::Bind { address, source },
    })
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As usual for servers: a port is free again as soon as nobody listens there.
    socket.set_reuseaddr(true)?;
    // Every accepted socket has it from here.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// An address at which this machine reaches what was bound.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

async fn assemble(
    config: Arc<Config>,
    options: &Options,
    address: SocketAddr,
    store: Arc<dyn Store>,
) -> Result<Stage, StoreError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let keys = LocalKeys::open(&config.auth, store.as_ref(), entropy.as_ref(), Arc::clone(&clock));
    let keys = Arc::new(keys.await?);
    let (world_clock, world_entropy) = (Arc::clone(&clock), Arc::clone(&entropy));
    let world = World::new(Arc::clone(&config), world_clock, world_entropy, store, Faults::default()).await?;
    let (metrics, ways, tasks) = (Arc::new(Metrics::default()), Arc::new(Ways::default()), Tasks::default());
    let lifespan = Lifespan { idle: options.idle_timeout, age: options.max_age };
    let station = |place: &Arc<Place>| Station {
        place: Arc::clone(place),
        gateway: LocalGateway::new(world.faults().clone(), Arc::clone(&entropy)),
        keys: Arc::clone(&keys),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        metrics: Arc::clone(&metrics),
        metered: Ports::of(place, &metrics),
        ways: Arc::clone(&ways),
        traces: Traces::of(options.trace_share),
        tasks: tasks.clone(),
        lifespan,
    };
    let stations = world
        .places()
        .map(|place| (place.site.region.as_str().to_owned(), Arc::new(station(place))))
        .collect();
    Ok(Stage { config, world, keys, metrics, ways, clock, entropy, tasks, address, stations })
}
