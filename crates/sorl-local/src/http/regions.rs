//! `GET /regions`: where the regions are, for programs that start from the one address.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Json;
use serde::Serialize;
use sorl_core::region::Region;

use crate::stage::Stage;

/// A region as clients and publishers find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegionAddress {
    /// Its name.
    pub region: Region,
    /// Its WebSocket.
    pub url: String,
    /// The ARN of its `messages` topic.
    pub topic: String,
}

pub(super) async fn list(State(stage): State<Arc<Stage>>) -> Json<Vec<RegionAddress>> {
    Json(stage.addresses())
}
