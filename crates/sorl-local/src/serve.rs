//! HTTP/1.1 for whoever connects: accepts, bounds what a peer may hold, hands requests to the router.
//!
//! Not the addresses (`http`) and not WebSockets, which are their gateway's once the upgrade is answered.
//! Invariants: who sends no request, or one without an end, is let go in time; who finds no room is told so at once;
//! and the descriptors of [`RESERVE`] stay free for what the service itself opens.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::fault;

/// How long a peer may take from one request, or the accept, to the end of the next request's header.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// How long a request may take, its body included: longer than any answer is waited for in here.
const REQUEST_MAX: Duration = Duration::from_secs(30);
/// Descriptors that no peer gets: the database's file when it is opened again, the keys' address, what a library
/// needs for a moment.
const RESERVE: u64 = 32;
/// How long nobody is accepted after the system could not: it was out of something.
const PAUSE: Duration = Duration::from_millis(100);
/// All that is said to somebody for whom there is no room.
const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Serves until `accepting` is cancelled; done when every request was answered.
pub(crate) fn serve(
    listener: TcpListener,
    router: Router,
    accepting: CancellationToken,
    descriptors: u64,
) -> JoinHandle<()> {
    let router = router.layer(axum::middleware::from_fn(in_time));
    let door = Door {
        listener,
        router: TowerToHyperService::new(router),
        accepting,
        highest: descriptors.saturating_sub(RESERVE),
        peers: TaskTracker::new(),
    };
    tokio::spawn(door.stand_open())
}

/// Where peers come in.
struct Door {
    listener: TcpListener,
    router: TowerToHyperService<Router>,
    accepting: CancellationToken,
    /// A socket gets the lowest descriptor that is free, so one above this means that the rest are taken.
    highest: u64,
    peers: TaskTracker,
}

impl Door {
    async fn stand_open(self) {
        let mut is_full = false;
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = self.accepting.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let fits = u64::try_from(stream.as_raw_fd()).is_ok_and(|number| number < self.highest);
                    if fits {
                        self.let_in(stream, peer);
                    } else {
                        turn_away(&stream);
                    }
                    if is_full == fits {
                        is_full = !fits;
                        tell(is_full, self.highest);
                    }
                }
                Err(fault) if is_the_peers(&fault) => {}
                Err(fault) => {
                    tracing::error!(%fault, "nobody can be accepted for now");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        drop(self.listener);
        self.peers.close();
        self.peers.wait().await;
    }

    fn let_in(&self, stream: TcpStream, peer: SocketAddr) {
        // Frames are small and wait for nobody.
        if let Err(fault) = stream.set_nodelay(true) {
            tracing::trace!(%fault, "a socket stays as it is");
        }
        let (router, accepting) = (self.router.clone(), self.accepting.clone());
        self.peers.spawn(converse(stream, peer, router, accepting));
    }
}

/// One peer's requests, until it has no more, breaks a bound, or becomes a WebSocket.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: TowerToHyperService<Router>,
    accepting: CancellationToken,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.call(request.map(Body::new))
    });
    let mut protocol = http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(HEAD_MAX);
    let mut conversation =
        std::pin::pin!(protocol.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let ended = tokio::select! {
        ended = conversation.as_mut() => ended,
        () = accepting.cancelled() => {
            conversation.as_mut().graceful_shutdown();
            conversation.await
        }
    };
    if let Err(fault) = ended {
        tracing::trace!(%fault, "a peer's requests ended");
    }
}

/// Gives a request up whose body does not end.
async fn in_time(request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(REQUEST_MAX, next.run(request)).await;
    answered.unwrap_or_else(|_elapsed| fault(StatusCode::REQUEST_TIMEOUT, "the request took too long"))
}

/// Says that there is no room, as far as that goes at once.
fn turn_away(stream: &TcpStream) {
    // Whether it arrives or not, the connection ends.
    stream.try_write(NO_ROOM).ok();
}

/// Once when it begins and once when it is over, not for everybody who comes meanwhile.
fn tell(is_full: bool, highest: u64) {
    if is_full {
        tracing::error!(
            outcome = "full",
            descriptors = highest,
            "no room for further connections: raise the limit of open files (ulimit -n)"
        );
    } else {
        tracing::warn!(outcome = "room", "connections are accepted again");
    }
}

fn is_the_peers(fault: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(fault.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
