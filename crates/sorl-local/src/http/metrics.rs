//! `GET /metrics`: counters and histograms as Prometheus text.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::fault;
use crate::stage::Stage;

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn render(State(stage): State<Arc<Stage>>) -> Response {
    for station in stage.stations_in_order() {
        let (region, place) = (&station.site().region, &station.place);
        stage.metrics.connections(region, station.gateway.open_count());
        stage.metrics.queued(region, "live", place.live.len());
        stage.metrics.queued(region, "bulk", place.bulk.len());
    }
    match stage.metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(std::fmt::Error) => fault(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written"),
    }
}
