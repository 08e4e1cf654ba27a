//! The HTTP addresses: publishers' SNS, `@connections`, and what development needs.
//!
//! Each address has a file that reads the request into parsed types and writes the answer; none decides
//! anything. Invariant: every body is bounded, and rubbish is answered, never a panic.

mod connections;
mod console;
mod dead_letters;
mod drain;
mod erase;
mod faults;
mod loopback;
mod metrics;
mod regions;
mod sns;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, delete, get, post};

pub(crate) use loopback::foreign_page;
pub use regions::RegionAddress;
pub use sns::read_notices;

use crate::gateway;
use crate::stage::Stage;

/// Bytes of a body, unless an address says less: a form of SNS is its 256 KiB message, percent-encoded.
const BODY_MAX: usize = 1024 * 1024;

/// Bytes of a body that is a few names and numbers.
const SMALL_BODY_MAX: usize = 16 * 1024;

/// All addresses.
pub(crate) fn router(stage: Arc<Stage>) -> Router {
    let small = DefaultBodyLimit::max(SMALL_BODY_MAX);
    let open_to_pages = Router::new()
        .route("/regions", get(regions::list))
        .route("/token", post(token::mint))
        .route("/client/{*path}", get(console::file))
        .layer(loopback::cors());
    let operators = Router::new()
        .route("/faults", get(faults::show).post(faults::replace))
        .route("/drained", get(drain::show).post(drain::replace))
        .route("/regions/{region}/connections", get(drain::connections))
        .route("/erase", post(erase::erase))
        .route("/dead-letters", get(dead_letters::list))
        .route("/dead-letters/{id}", delete(dead_letters::purge))
        .route("/dead-letters/{id}/redrive", post(dead_letters::redrive))
        .route("/metrics", get(metrics::render))
        .layer(from_fn(loopback::refuse_rebound));
    Router::new()
        .merge(open_to_pages)
        .merge(operators)
        .layer(small)
        .route("/regions/{region}", get(gateway::upgrade))
        .route("/regions/{region}/@connections/{*connection}", any(connections::call))
        // Some HTTP clients write the `@` so.
        .route("/regions/{region}/%40connections/{*connection}", any(connections::call))
        .route("/", get(console::page).post(sns::call))
        .fallback(console::file)
        .layer(from_fn(loopback::refuse_foreign_pages))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(stage)
}

/// An error as every address but AWS's tells it.
pub(crate) fn fault(status: StatusCode, error: impl Into<String>) -> Response {
    (status, Json(serde_json::json!({ "error": error.into() }))).into_response()
}
