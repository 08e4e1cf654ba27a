//! The handshake: `authorize` and `connect` run before the upgrade is answered, so a refusal is plain HTTP.
//!
//! Invariant: once `connect` has written the connection's row, `disconnect` runs, whether or not the client is
//! still there to take the answer; the handshake is a task of its own, which no lost client can cut short.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use sorl_core::authorize::{AuthorizeError, Caller, Handshake, authorize};
use sorl_core::connect::{ConnectError, connect};
use sorl_core::disconnect::disconnect;
use sorl_core::ports::Unavailable;
use sorl_core::protocol::SUBPROTOCOL;
use sorl_metrics::outcomes;

use super::commands::Commands;
use super::connection::{Connection, Identity, draw_id};
use super::socket::{Socket, Terms, serve};
use super::upgrade::Upgrade;
use crate::http::{fault, foreign_page};
use crate::stage::{Stage, Station};

/// Connections a region takes: far above what one machine serves, so that a flood ends in refusals.
const CONNECTIONS_MAX: usize = 100_000;

/// API Gateway gives `$connect` 29 s.
const CONNECT_MAX: Duration = Duration::from_secs(29);

/// Why a handshake was refused; the name stands in the log and in the metrics.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("unauthorized")]
    Unauthorized(&'static str),
    #[error("foreign_origin")]
    ForeignOrigin(String),
    #[error("blocked")]
    Blocked,
    #[error("unavailable")]
    Unavailable(#[from] Unavailable),
    #[error("too_many_connections")]
    Full,
    #[error("too_many_connections_of_user")]
    Crowded,
    #[error("timed_out")]
    TimedOut,
}

impl From<AuthorizeError> for Refusal {
    fn from(fault: AuthorizeError) -> Self {
        match fault {
            AuthorizeError::Unauthorized(reason) => Self::Unauthorized(reason),
            AuthorizeError::ForeignOrigin(origin) => Self::ForeignOrigin(origin),
            AuthorizeError::Unavailable(fault) => Self::Unavailable(fault),
        }
    }
}

impl From<ConnectError> for Refusal {
    fn from(fault: ConnectError) -> Self {
        match fault {
            ConnectError::Blocked => Self::Blocked,
            ConnectError::Crowded => Self::Crowded,
            ConnectError::Unavailable(fault) => Self::Unavailable(fault),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Unauthorized(_) | Self::ForeignOrigin(_) | Self::Blocked => {
                fault(StatusCode::UNAUTHORIZED, "unauthorized")
            }
            Self::Unavailable(_) => {
                fault(StatusCode::SERVICE_UNAVAILABLE, "a dependency did not answer; try again")
            }
            Self::Full => fault(StatusCode::TOO_MANY_REQUESTS, "too many connections"),
            Self::Crowded => fault(StatusCode::TOO_MANY_REQUESTS, "too many connections of this user"),
            Self::TimedOut => fault(StatusCode::GATEWAY_TIMEOUT, "the handshake took too long"),
        }
    }
}

/// `GET /regions/{region}`: opens a WebSocket.
pub(crate) async fn upgrade(
    State(stage): State<Arc<Stage>>,
    Path(region): Path<String>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<Upgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Some(station) = stage.station(&region) else {
        return fault(StatusCode::NOT_FOUND, "no such region");
    };
    if !headers.contains_key(header::UPGRADE) {
        let hint = [(header::UPGRADE, "websocket")];
        return (hint, fault(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket")).into_response();
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return fault(rejection.status(), "this is no WebSocket handshake of version 13"),
    };
    let opening = station.tasks.sockets.spawn(open(Arc::clone(station), upgrade, headers, uri, peer.ip()));
    opening.await.unwrap_or_else(|_panic| fault(StatusCode::INTERNAL_SERVER_ERROR, "the handshake failed"))
}

async fn open(
    station: Arc<Station>,
    upgrade: Upgrade,
    headers: HeaderMap,
    uri: Uri,
    source_ip: IpAddr,
) -> Response {
    match tokio::time::timeout(CONNECT_MAX, admit(&station, &headers, &uri, source_ip))
        .await
        .unwrap_or(Err(Refusal::TimedOut))
    {
        Ok(caller) => answer(station, upgrade, &headers, caller, source_ip),
        Err(refusal) => {
            let why = match &refusal {
                Refusal::Unauthorized(reason) => (*reason).to_owned(),
                Refusal::ForeignOrigin(origin) => format!("a page of {origin:?} may not connect"),
                Refusal::Unavailable(fault) => format!("{}: {}", fault.port, fault.source),
                other => other.to_string(),
            };
            tracing::info!(outcome = "refused", reason = %refusal, region = %station.site().region, why, "handshake");
            station.metrics.take(&station.site().region, &outcomes::refused(&refusal.to_string()));
            refusal.into_response()
        }
    }
}

/// Finds out who knocks, and records the connection.
async fn admit(
    station: &Station,
    headers: &HeaderMap,
    uri: &Uri,
    source_ip: IpAddr,
) -> Result<Caller, Refusal> {
    let connected_at = station.clock.now();
    if station.gateway.open_count() >= CONNECTIONS_MAX {
        return Err(Refusal::Full);
    }
    if station.gateway.is_drained() {
        // As on AWS, where the authorizer does not run then.
        return Err(Unavailable::new("gateway", "the region is drained").into());
    }
    let subprotocols = list(headers, &header::SEC_WEBSOCKET_PROTOCOL);
    let query_token = query_token(uri);
    let origin = foreign_page(headers, source_ip);
    let handshake = Handshake {
        subprotocols: subprotocols.as_deref(),
        authorization: headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()),
        query_token: query_token.as_deref(),
        origin: origin.as_deref(),
    };
    let principal =
        authorize(&handshake, station.keys.as_ref(), station.clock.as_ref(), station.site()).await?;
    let connection = draw_id(station.entropy.as_ref()).map_err(|fault| Unavailable::new("gateway", fault))?;
    let caller = Caller { connection, region: station.site().region.clone(), connected_at, principal };
    connect(&caller, &station.metered.registry, station.clock.as_ref(), station.site()).await?;
    Ok(caller)
}

/// Opens the connection and answers the handshake: from here on posts are buffered.
fn answer(
    station: Arc<Station>,
    upgrade: Upgrade,
    headers: &HeaderMap,
    caller: Caller,
    source_ip: IpAddr,
) -> Response {
    let user_agent =
        headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let identity = Identity { source_ip, user_agent: user_agent.to_owned() };
    let clock = Arc::clone(&station.clock);
    let connection = station.gateway.pending(caller.connection.clone(), caller.connected_at, identity, clock);
    let caller = Arc::new(caller);
    station.gateway.open(Arc::clone(&connection));
    station.metrics.take(&station.site().region, &outcomes::connect(&Ok(())));
    tracing::info!(
        outcome = "opened",
        region = %caller.region,
        connection = %caller.connection,
        user = %caller.principal.user,
        "connection"
    );
    let (response, upgraded) = upgrade.accept(SUBPROTOCOL);
    let sockets = station.tasks.sockets.clone();
    sockets.spawn(async move {
        match upgraded.await {
            Ok(socket) => live(socket, station, caller, connection).await,
            Err(fault) => {
                tracing::debug!(%fault, connection = %caller.connection, "the handshake's answer did not go out");
                end(&station, &caller, "unanswered");
            }
        }
    });
    response
}

/// The connection's whole life.
async fn live(socket: Socket, station: Arc<Station>, caller: Arc<Caller>, connection: Arc<Connection>) {
    let commands = Commands::new(Arc::clone(&station), Arc::clone(&caller), Arc::clone(&connection));
    let terms = Terms {
        connection: &connection,
        commands: &commands,
        clock: station.clock.as_ref(),
        lifespan: station.lifespan,
        stopping: &station.tasks.stopping,
    };
    serve(socket, terms, |ending| end(&station, &caller, ending.as_str())).await;
}

/// The connection is gone from here on, and `disconnect` forgets it.
fn end(station: &Arc<Station>, caller: &Arc<Caller>, why: &str) {
    station.gateway.remove(&caller.connection);
    station.metrics.take(&station.site().region, &outcomes::disconnect(why));
    station.metered.tab.ended(station.clock.now().since(caller.connected_at));
    tracing::info!(
        outcome = "closed",
        why,
        region = %caller.region,
        connection = %caller.connection,
        user = %caller.principal.user,
        "connection"
    );
    let (forgetting, caller) = (Arc::clone(station), Arc::clone(caller));
    station.tasks.sockets.spawn(async move {
        let ports = &forgetting.metered;
        if let Err(fault) = disconnect(&caller, &ports.registry, &ports.bus, forgetting.site()).await {
            // What stays goes at the first failed post or at expiry.
            tracing::warn!(connection = %caller.connection, source = %fault.source, "disconnect failed");
        }
    });
}

/// A header that is a list, whether it came as one line or as several.
fn list(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

fn query_token(uri: &Uri) -> Option<String> {
    let query = uri.query()?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "token")
        .map(|(_, token)| token.into_owned())
}
