//! `GET /metrics`: counters and histograms as Prometheus text; as JSON with the ways of the latest messages.
//!
//! Both forms have the same samples, because the JSON's are read from the text.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use sorl_metrics::{Samples, catalogue};

use super::fault;
use crate::stage::Stage;
use crate::ways::Changes;

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Which ways to tell.
#[derive(Deserialize)]
pub(super) struct Asked {
    /// `ways.next` of the last answer.
    #[serde(default)]
    since: u64,
}

/// The answer as JSON.
#[derive(Serialize)]
struct Told<'a> {
    at: u64,
    samples: Vec<Sample<'a>>,
    ways: Changes,
}

/// One line of the text.
#[derive(Debug, PartialEq, Serialize)]
struct Sample<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<&'a str, &'a str>,
    value: f64,
}

pub(super) async fn render(
    State(stage): State<Arc<Stage>>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    measure(&stage);
    let Ok(text) = stage.metrics.render() else {
        return fault(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written");
    };
    if !wants_json(&headers) {
        return ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response();
    }
    let Ok(Query(Asked { since })) = asked else {
        return fault(StatusCode::BAD_REQUEST, "`since` is `ways.next` of the last answer, a number");
    };
    let now = stage.clock.now();
    let told =
        Told { at: now.as_millis(), samples: samples(&text), ways: stage.ways.changed_since(since, now) };
    ([(header::CACHE_CONTROL, "no-store")], Json(told)).into_response()
}

/// Reads what is not counted as it happens.
fn measure(stage: &Stage) {
    for station in stage.stations_in_order() {
        let (region, place) = (&station.site().region, &station.place);
        let mut samples = Samples::default();
        let mut measure = |metric, labels: &[&str], value: usize| {
            samples.count(metric, labels, u64::try_from(value).unwrap_or(u64::MAX));
        };
        measure(&catalogue::CONNECTIONS, &[], station.gateway.open_count());
        measure(&catalogue::RECORDS, &["live"], place.live.len());
        measure(&catalogue::RECORDS, &["bulk"], place.bulk.len());
        measure(&catalogue::HELD_RECORDS, &[], stage.world.topics().held_for(region));
        stage.metrics.take(region, &samples);
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("application/json"))
}

/// The samples of a text of ours: no label's value has a quote in it.
fn samples(text: &str) -> Vec<Sample<'_>> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect()
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let pairs = labels.strip_suffix("\"}").unwrap_or_default().split("\",");
    let labels = pairs.filter_map(|pair| pair.split_once("=\"")).collect();
    Some(Sample { name, labels, value: value.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_text_is_a_sample() {
        let text = "# TYPE sorl_records gauge\n\
                    sorl_records{region=\"eu-north-1\",queue=\"live\"} 3\n\
                    sorl_delivery_seconds_bucket{le=\"+Inf\",origin=\"a\",region=\"b\"} 2\n\
                    sorl_refused_total{reason=\"no token, or two\"} 1\n\
                    sorl_plain 0.5\n";
        let read = samples(text);
        let [records, bucket, refused, plain] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!(records.labels, BTreeMap::from([("queue", "live"), ("region", "eu-north-1")]));
        assert_eq!((bucket.name, bucket.labels["le"]), ("sorl_delivery_seconds_bucket", "+Inf"));
        assert_eq!(refused.labels["reason"], "no token, or two");
        assert_eq!(*plain, Sample { name: "sorl_plain", labels: BTreeMap::new(), value: 0.5 });
    }
}
