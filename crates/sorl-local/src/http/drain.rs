//! What `sorl drain` needs of a region: who is connected to it, and that nobody new is. On loopback only.
//!
//! Not the sending away, which is an order like any other (`control`). Who is connected is what the registry says, as
//! on AWS, where nothing else knows. Like faults, it is never stored: a restart takes new connections everywhere.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use sorl_core::envelope::Departing;
use sorl_core::region::Region;

use super::fault;
use super::loopback::Loopback;
use crate::stage::Stage;

/// `GET /regions/{region}/connections`: `[{"connection","user","since"}]`.
pub(super) async fn connections(
    _here: Loopback,
    State(stage): State<Arc<Stage>>,
    Path(region): Path<String>,
) -> Response {
    let Some(station) = stage.station(&region) else {
        return fault(StatusCode::NOT_FOUND, "no such region");
    };
    let now = stage.clock.now();
    let open = station.place.registry.connections().into_iter().filter(|member| !member.is_expired(now));
    let open = open.map(|member| Departing {
        connection: member.key.connection,
        user: member.user,
        since: member.since,
    });
    Json(open.collect::<Vec<_>>()).into_response()
}

/// `GET /drained`: the regions that take no new connections.
pub(super) async fn show(_here: Loopback, State(stage): State<Arc<Stage>>) -> Json<BTreeSet<Region>> {
    Json(drained(&stage))
}

/// `POST /drained`: replaces them.
pub(super) async fn replace(_here: Loopback, State(stage): State<Arc<Stage>>, body: Bytes) -> Response {
    let Ok(wanted) = serde_json::from_slice::<BTreeSet<Region>>(&body) else {
        return fault(StatusCode::BAD_REQUEST, "expected a list of regions, such as [\"eu-north-1\"]");
    };
    if let Some(unknown) = wanted.iter().find(|region| stage.station(region.as_str()).is_none()) {
        return fault(StatusCode::BAD_REQUEST, format!("there is no region {unknown}"));
    }
    for station in stage.stations_in_order() {
        station.gateway.drain(wanted.contains(&station.site().region));
    }
    tracing::info!(outcome = "replaced", drained = ?wanted, "drained");
    Json(drained(&stage)).into_response()
}

fn drained(stage: &Stage) -> BTreeSet<Region> {
    let drained = stage.stations_in_order().filter(|station| station.gateway.is_drained());
    drained.map(|station| station.site().region.clone()).collect()
}
