//! `POST /token`: mints a token for whoever is asked for. On loopback only, since it asks for no proof.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use sorl_core::protocol::json::object;

use super::fault;
use super::loopback::Loopback;
use crate::keys::MintError;
use crate::stage::Stage;

/// Seconds that a token lives unless asked otherwise.
const TTL_DEFAULT: i64 = 3600;
/// Longest life either way: what fits any date.
const TTL_MAX: i64 = 100 * 365 * 86_400;

/// Nothing is refused that a program may want to try: no name is too strange, no life too short, no grants too
/// odd. Whether the token is any good is found out where it is used.
#[derive(Deserialize)]
struct Wanted {
    user: String,
    grants: Option<Value>,
    ttl: Option<i64>,
}

pub(super) async fn mint(_here: Loopback, State(stage): State<Arc<Stage>>, body: Bytes) -> Response {
    let wanted: Wanted = match object(&body) {
        Ok(wanted) => wanted,
        Err(wrong) => {
            let expected = r#"expected {"user":"alice","grants":{…}?,"ttl":3600?}"#;
            return fault(StatusCode::BAD_REQUEST, format!("{expected}: {wrong}"));
        }
    };
    let ttl = wanted.ttl.unwrap_or(TTL_DEFAULT);
    if !(-TTL_MAX..=TTL_MAX).contains(&ttl) {
        return fault(StatusCode::BAD_REQUEST, "ttl: seconds, at most a hundred years");
    }
    match stage.keys.mint(&wanted.user, wanted.grants.as_ref(), ttl, stage.clock.now()) {
        Ok(token) => Json(json!({ "token": token })).into_response(),
        Err(MintError::Foreign) => fault(
            StatusCode::NOT_IMPLEMENTED,
            "tokens are verified by a JWKS here, so only whoever holds its private keys can mint them",
        ),
        Err(MintError::Failed(source)) => {
            tracing::error!(%source, "a token could not be minted");
            fault(StatusCode::INTERNAL_SERVER_ERROR, "the token could not be minted")
        }
    }
}
