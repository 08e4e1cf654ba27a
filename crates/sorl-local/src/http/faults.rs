//! `/faults`: what is to go wrong, for the console's switches and for tests. On loopback only.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use sorl_core::protocol::json::object;

use super::fault;
use super::loopback::Loopback;
use crate::faults::Faults;
use crate::stage::Stage;

pub(super) async fn show(_here: Loopback, State(stage): State<Arc<Stage>>) -> Json<Faults> {
    Json(stage.world.faults().in_force().as_ref().clone())
}

/// Replaces the faults in force; what is absent is none.
pub(super) async fn replace(_here: Loopback, State(stage): State<Arc<Stage>>, body: Bytes) -> Response {
    let faults: Faults = match object(&body) {
        Ok(faults) => faults,
        Err(wrong) => return fault(StatusCode::BAD_REQUEST, wrong.to_string()),
    };
    match stage.world.set_faults(faults.clone()) {
        Ok(()) => {
            tracing::info!(outcome = "replaced", faults = ?faults, "faults");
            Json(faults).into_response()
        }
        Err(refused) => fault(StatusCode::BAD_REQUEST, refused.to_string()),
    }
}
