//! What is counted, by region, and its form as Prometheus reads it.
//!
//! Not the log lines, which tell single outcomes. Invariant: every label has few values: regions, verbs, codes
//! and classes of reasons, never a user, a channel or a connection.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use sorl_core::deliver::Counts;
use sorl_core::error::ErrorCode;
use sorl_core::region::Region;

use crate::billed::{Counters, Tab};

/// Bounds of the latency histogram in seconds: one machine answers in milliseconds, a cut region in minutes.
const LATENCY_BOUNDS: [f64; 14] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 15.0, 60.0, 900.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct In {
    region: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Why {
    region: String,
    reason: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Via {
    region: String,
    via: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Verb {
    region: String,
    action: &'static str,
    error: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Way {
    origin: String,
    region: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Lane {
    region: String,
    queue: &'static str,
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    accepted: Family<Via, Counter>,
    commands: Family<Verb, Counter>,
    handshakes_refused: Family<Why, Counter>,
    opened: Family<In, Counter>,
    closed: Family<Why, Counter>,
    connections: Family<In, Gauge>,
    queued: Family<Lane, Gauge>,
    held: Family<In, Gauge>,
    dead_letters: Family<Why, Counter>,
    records_failed: Family<In, Counter>,
    delivery: Delivery,
    latency: Family<Way, Histogram>,
    billed: Counters,
}

/// What `deliver` counts, each of [`Counts`].
struct Delivery {
    messages: Family<In, Counter>,
    posts: Family<In, Counter>,
    presence_posts: Family<In, Counter>,
    deliveries: Family<In, Counter>,
    bytes: Family<In, Counter>,
    gone: Family<In, Counter>,
    throttled: Family<In, Counter>,
    unanswered: Family<In, Counter>,
    slices: Family<In, Counter>,
    marks: Family<In, Counter>,
    closed_slow: Family<In, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("sorl");
        let r = &mut registry;
        let latency = Family::new_with_constructor((|| Histogram::new(LATENCY_BOUNDS)) as fn() -> Histogram);
        r.register(
            "delivery_seconds",
            "From acceptance in a region until posted in another",
            latency.clone(),
        );
        let connections = Family::<In, Gauge>::default();
        r.register("connections", "Open WebSockets", connections.clone());
        let queued = Family::<Lane, Gauge>::default();
        r.register("records", "Records in a queue, those in work included", queued.clone());
        let held = Family::<In, Gauge>::default();
        r.register("held_records", "Records that a cut keeps from a region's queue", held.clone());
        let delivery = Delivery::new(r);
        let billed = Counters::new(r);
        Self {
            accepted: counters(r, "accepted", "Messages accepted, by where they came in"),
            commands: counters(r, "commands", "Frames carried out, by verb and error"),
            handshakes_refused: counters(r, "handshakes_refused", "Handshakes refused"),
            opened: counters(r, "connections_opened", "WebSockets opened"),
            closed: counters(r, "connections_closed", "WebSockets closed, by why"),
            dead_letters: counters(r, "dead_letters", "Records that can never succeed, by why"),
            records_failed: counters(r, "records_failed", "Records handed out again because they failed"),
            connections,
            queued,
            held,
            delivery,
            latency,
            billed,
            registry,
        }
    }
}

impl Delivery {
    fn new(r: &mut Registry) -> Self {
        Self {
            messages: counters(r, "messages", "Messages taken from the queues"),
            posts: counters(r, "posts", "Posts that were taken"),
            presence_posts: counters(r, "presence_posts", "Those of them that told a join or leave"),
            deliveries: counters(r, "delivered", "Messages posted, each counted for each connection"),
            bytes: counters(r, "posted_bytes", "Bytes in them"),
            gone: counters(r, "gone", "Connections found gone"),
            throttled: counters(r, "throttled", "Posts answered 429"),
            unanswered: counters(r, "unanswered", "Posts that failed otherwise"),
            slices: counters(r, "slices", "Slices sent to the bulk queue"),
            marks: counters(r, "marks", "Late marks written"),
            closed_slow: counters(r, "closed_slow", "Connections closed because they do not read"),
        }
    }
}

fn counters<L>(registry: &mut Registry, name: &str, help: &str) -> Family<L, Counter>
where
    L: EncodeLabelSet + Clone + std::hash::Hash + Eq + std::fmt::Debug + Send + Sync + 'static,
{
    let family = Family::<L, Counter>::default();
    registry.register(name, help, family.clone());
    family
}

fn within(region: &Region) -> In {
    In { region: region.as_str().to_owned() }
}

fn why(region: &Region, reason: &str) -> Why {
    Why { region: region.as_str().to_owned(), reason: reason.to_owned() }
}

impl Metrics {
    /// Messages were accepted by SNS.
    pub fn accepted_by_sns(&self, region: &Region, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.accepted.get_or_create(&Via { region: region.as_str().to_owned(), via: "sns" }).inc_by(count);
    }

    /// A frame was carried out.
    pub fn command(&self, region: &Region, action: &'static str, error: Option<ErrorCode>) {
        let region = region.as_str().to_owned();
        if action == "publish" && error.is_none() {
            self.accepted.get_or_create(&Via { region: region.clone(), via: "websocket" }).inc();
        }
        let error = error.map_or("none", ErrorCode::as_str);
        self.commands.get_or_create(&Verb { region, action, error }).inc();
    }

    /// A handshake was refused.
    pub fn handshake_refused(&self, region: &Region, reason: &str) {
        self.handshakes_refused.get_or_create(&why(region, reason)).inc();
    }

    /// A connection was opened.
    pub fn opened(&self, region: &Region) {
        self.opened.get_or_create(&within(region)).inc();
    }

    /// A connection ended.
    pub fn closed(&self, region: &Region, reason: &str) {
        self.closed.get_or_create(&why(region, reason)).inc();
    }

    /// How many connections are open now.
    pub fn connections(&self, region: &Region, open: usize) {
        self.connections.get_or_create(&within(region)).set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// How many records a queue holds now.
    pub fn queued(&self, region: &Region, queue: &'static str, records: usize) {
        let lane = Lane { region: region.as_str().to_owned(), queue };
        self.queued.get_or_create(&lane).set(i64::try_from(records).unwrap_or(i64::MAX));
    }

    /// How many records a cut keeps from a region now.
    pub fn held(&self, region: &Region, records: usize) {
        self.held.get_or_create(&within(region)).set(i64::try_from(records).unwrap_or(i64::MAX));
    }

    /// A record was buried; `reason` is a class, not the text.
    pub fn dead_letter(&self, region: &Region, reason: &str) {
        self.dead_letters.get_or_create(&why(region, reason)).inc();
    }

    /// Records will be handed out again.
    pub fn records_failed(&self, region: &Region, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.records_failed.get_or_create(&within(region)).inc_by(count);
    }

    /// What one invocation of `deliver` did. (Dead letters are counted where they are buried, with their reason.)
    pub fn delivered(&self, region: &Region, counts: &Counts) {
        let of = &self.delivery;
        for (family, count) in [
            (&of.messages, counts.messages),
            (&of.posts, counts.posts),
            (&of.presence_posts, counts.presence_posts),
            (&of.deliveries, counts.deliveries),
            (&of.bytes, counts.bytes),
            (&of.gone, counts.gone),
            (&of.throttled, counts.throttled),
            (&of.unanswered, counts.unanswered),
            (&of.slices, counts.slices),
            (&of.marks, counts.marks),
            (&of.closed_slow, counts.closed_slow),
        ] {
            family.get_or_create(&within(region)).inc_by(count);
        }
    }

    /// How long a message took from its acceptance in `origin` until it was posted in `region`.
    pub fn latency(&self, origin: &Region, region: &Region, took: Duration) {
        let way = Way { origin: origin.as_str().to_owned(), region: region.as_str().to_owned() };
        self.latency.get_or_create(&way).observe(took.as_secs_f64());
    }

    /// What a region uses of what AWS meters.
    pub(crate) fn tab(&self, region: &Region) -> Arc<Tab> {
        self.billed.of(region)
    }

    /// All of it, as Prometheus text (version 0.0.4).
    ///
    /// # Errors
    /// Only if a label cannot be written, which none of these is.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        let mut rendered = String::new();
        text::encode(&mut rendered, &self.registry)?;
        Ok(as_prometheus(&rendered))
    }
}

/// The library writes `OpenMetrics`, where a counter's family is named without the `_total` of its samples and
/// the text has an end; the older form, which everything reads, has neither.
fn as_prometheus(open_metrics: &str) -> String {
    let counters: BTreeSet<_> = open_metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines().filter(|line| *line != "# EOF") {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(kind), Some(name), Some(rest)) if counters.contains(name) => {
                text.push_str(&format!("# {kind} {name}_total {rest}\n"));
            }
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_rendered_by_region() {
        let metrics = Metrics::default();
        let region = Region::parse("eu-north-1").unwrap();
        metrics.accepted_by_sns(&region, 3);
        metrics.command(&region, "publish", None);
        metrics.command(&region, "publish", Some(ErrorCode::Forbidden));
        metrics.delivered(&region, &Counts { posts: 2, ..Counts::default() });
        metrics.latency(&region, &region, Duration::from_millis(3));
        let text = metrics.render().unwrap();
        for line in [
            "# TYPE sorl_accepted_total counter",
            r#"sorl_accepted_total{region="eu-north-1",via="sns"} 3"#,
            r#"sorl_accepted_total{region="eu-north-1",via="websocket"} 1"#,
            r#"sorl_commands_total{region="eu-north-1",action="publish",error="forbidden"} 1"#,
            r#"sorl_posts_total{region="eu-north-1"} 2"#,
            r#"sorl_delivery_seconds_bucket{le="0.005",origin="eu-north-1",region="eu-north-1"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
