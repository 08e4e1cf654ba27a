//! `/erase`: what `sorl erase` asks of the logs. On loopback only.
//!
//! Not who it is allowed for: whoever may use this machine may do it. On AWS the command does it itself, with the
//! rights of whoever runs it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sorl_core::message::Message;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::protocol::json::object;
use sorl_core::region::Region;

use super::fault;
use super::loopback::Loopback;
use crate::stage::Stage;

/// Whose messages, and where.
#[derive(Deserialize)]
struct Wanted {
    user: UserName,
    /// Absent: everywhere.
    channels: Option<Vec<ChannelName>>,
    /// Or only counted.
    #[serde(default)]
    erase: bool,
}

#[derive(Serialize)]
struct Found {
    region: Region,
    messages: usize,
}

/// `POST /erase`: `[{"region","messages"}]`.
pub(super) async fn erase(_here: Loopback, State(stage): State<Arc<Stage>>, body: Bytes) -> Response {
    let Wanted { user, channels, erase } = match object(&body) {
        Ok(wanted) => wanted,
        Err(wrong) => return fault(StatusCode::BAD_REQUEST, wrong.to_string()),
    };
    let own = ChannelName::personal(&user);
    let is_meant = |message: &Message| message.channel == own || message.user.as_ref() == Some(&user);
    let mut found = Vec::new();
    for station in stage.stations_in_order() {
        match station.place.log.erase(channels.as_deref(), &is_meant, erase).await {
            Ok(messages) => found.push(Found { region: station.site().region.clone(), messages }),
            Err(failed) => {
                tracing::error!(source = %failed.source, "erase");
                return fault(StatusCode::SERVICE_UNAVAILABLE, "the log did not answer; try again");
            }
        }
    }
    if erase {
        tracing::info!(audit = "erase", %user, "order");
    }
    Json(found).into_response()
}
