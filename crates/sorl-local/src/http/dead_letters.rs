//! `/dead-letters`: what could never succeed, with reasons, and the way back for it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};

use super::fault;
use super::loopback::Loopback;
use crate::stage::Stage;
use crate::world::RedriveError;

/// All dead letters, by region, then by time.
pub(super) async fn list(State(stage): State<Arc<Stage>>) -> Response {
    match stage.world.dead_letters() {
        Ok(letters) => Json(letters).into_response(),
        Err(source) => failed(&source),
    }
}

/// Puts a dead letter back on the queue it came from.
pub(super) async fn redrive(State(stage): State<Arc<Stage>>, Path(id): Path<String>) -> Response {
    answered(stage.world.redrive(&id, stage.clock.now()).await, "redriven", &id)
}

/// Deletes a dead letter for good, which nobody but this machine may.
pub(super) async fn purge(
    _here: Loopback,
    State(stage): State<Arc<Stage>>,
    Path(id): Path<String>,
) -> Response {
    answered(stage.world.purge(&id).await, "purged", &id)
}

fn answered(done: Result<(), RedriveError>, outcome: &'static str, id: &str) -> Response {
    match done {
        Ok(()) => {
            tracing::info!(outcome, id, "dead letter");
            StatusCode::NO_CONTENT.into_response()
        }
        Err(RedriveError::Unknown) => fault(StatusCode::NOT_FOUND, "no such dead letter"),
        Err(RedriveError::Send(source)) => failed(&source),
    }
}

fn failed(source: &dyn std::fmt::Display) -> Response {
    tracing::error!(%source, "the dead letters cannot be had");
    fault(StatusCode::SERVICE_UNAVAILABLE, "the dead letters cannot be had now; try again")
}
