//! Every metric there is: its name, unit, labels, and what it counts.
//!
//! The names are the same everywhere: `posts` is `posts` in CloudWatch's namespace `Sorl`, and `sorl_posts_total` where
//! Prometheus reads it, because that is how Prometheus wants a counter called. The invariant: every label has few
//! values (regions, verbs, codes, classes of reasons), never a user, a channel or a connection. `docs/metrics.md` has
//! this list, and a test compares.

/// How samples of a metric come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Added up.
    Counter,
    /// The latest counts.
    Gauge,
    /// Each one counts, for percentiles.
    Histogram,
}

/// What a value is a number of; the name is CloudWatch's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds, with fractions.
    Seconds,
}

impl Unit {
    /// As CloudWatch spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Bytes => "Bytes",
            Self::Seconds => "Seconds",
        }
    }
}

/// Who tells a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `sorl dev` and the Lambdas.
    Everywhere,
    /// `sorl dev` only; what AWS has instead is in the documents.
    Embedded,
    /// The Lambdas only.
    Deployed,
}

/// A metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name in CloudWatch; [`Metric::prometheus`] is made from it.
    pub name: &'static str,
    /// How samples come together.
    pub kind: Kind,
    /// Of what.
    pub unit: Unit,
    /// Labels besides `region`, which CloudWatch knows by itself.
    pub labels: &'static [&'static str],
    /// By which labels CloudWatch has it; each set is a metric of its own there, on the bill too.
    pub sets: &'static [&'static [&'static str]],
    /// Who tells it.
    pub place: Place,
    /// What it counts.
    pub what: &'static str,
}

impl Metric {
    /// Its name as Prometheus reads it.
    #[must_use]
    pub fn prometheus(&self) -> String {
        let total = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("sorl_{}{total}", self.name)
    }
}

/// Without any label.
const WHOLE: &[&[&str]] = &[&[]];

const fn counter(name: &'static str, what: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Counter,
        unit: Unit::Count,
        labels: &[],
        sets: WHOLE,
        place: Place::Everywhere,
        what,
    }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], what: &'static str) -> Metric {
    Metric { kind: Kind::Gauge, labels, sets: &[], place: Place::Embedded, ..counter(name, what) }
}

macro_rules! metrics {
    ($($name:ident = $metric:expr;)*) => {
        $(
            #[doc = concat!("[`ALL`] says what it counts: `", stringify!($name), "`.")]
            pub static $name: Metric = $metric;
        )*
        /// All of them, as the documents list them.
        pub static ALL: &[&Metric] = &[$(&$name),*];
    };
}

metrics! {
    CONNECTIONS = gauge("connections", &[], "open WebSockets");
    CONNECTIONS_OPENED = counter("connections_opened", "handshakes that succeeded");
    CONNECTIONS_CLOSED = Metric {
        labels: &["reason"],
        ..counter("connections_closed", "WebSockets that ended; `sorl dev` knows why")
    };
    HANDSHAKES_REFUSED = Metric {
        labels: &["reason"],
        sets: &[&["reason"]],
        ..counter("handshakes_refused", "handshakes that were refused: `unauthorized` (no token, or a bad \
            one), `foreign_origin` (a page that `[auth] origins` does not name), `blocked`, \
            `too_many_connections_of_user`, `unavailable` (the keys or a table); in `sorl dev` also \
            `too_many_connections`, `timed_out`")
    };
    COMMANDS = Metric {
        labels: &["action", "error"],
        sets: &[&["error"]],
        ..counter("commands", "frames carried out; `error` is `none` or a code")
    };
    ACCEPTED = Metric {
        labels: &["via"],
        sets: &[&["via"]],
        ..counter("accepted", "messages acknowledged to a publisher, where they came in: `websocket`, or `sns`, which on \
            AWS is SNS's own `NumberOfMessagesPublished`")
    };
    RECORDS = gauge("records", &["queue"], "records in a queue (`live`, `bulk`), those in work included");
    HELD_RECORDS = gauge("held_records", &[], "records that a cut (`/faults`) keeps from the region's queue");
    MESSAGES = counter("messages", "messages that `deliver` took from the queues; every region takes each");
    AUDIENCES = counter("audiences", "times that a channel's audience was read for messages");
    AUDIENCE_MEMBERS = counter("audience_members", "members found by that. `audience_members / audiences` is the size \
        of an audience; of one that is read on in slices, the part that each invocation read");
    POSTS = counter("posts", "posts to connections that were taken");
    DELIVERED = counter("delivered", "messages in them, each counted for each connection. `delivered / (posts - \
        presence_posts)` is the coalescing ratio: how many messages a post brings");
    PRESENCE_POSTS = counter("presence_posts", "posts that told a join or leave; they are among the posts and have no \
        message");
    POSTED_BYTES = Metric {
        unit: Unit::Bytes,
        ..counter("posted_bytes", "bytes in them; `posted_bytes / posts` of 32 KB is how full a frame is")
    };
    THROTTLED = Metric {
        labels: &["kind"],
        sets: &[&["kind"]],
        ..counter("throttled", "posts answered 429, and whose it was: `connection` (it does not read) or `account` (its \
            rate is used up); tried again")
    };
    UNANSWERED = counter("unanswered", "posts that failed otherwise; tried again");
    FORBIDDEN = counter("forbidden", "posts answered 403: the role or the endpoint is wrong; their records wait");
    RETRIES = counter("retries", "connections that are owed something after a post that failed, so that a slice tries \
        again");
    SLICES = counter("slices", "slices sent to the `bulk` queue: retries, and parts of mass audiences");
    RECORDS_FAILED = counter("records_failed", "records handed out again because their delivery failed");
    MARKS = counter("marks", "late marks written");
    GONE = counter("gone", "connections found gone");
    CLOSED_SLOW = counter("closed_slow", "connections closed because they do not read");
    DEAD_LETTERS = Metric {
        labels: &["reason"],
        sets: &[&["reason"]],
        ..counter("dead_letters", "records that can never succeed: `too_large`, `not_a_notification`, \
            `foreign_topic`, `not_a_message`, `control`, `relay`, `not_a_slice`")
    };
    DELIVERY_SECONDS = Metric {
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        labels: &["origin"],
        sets: &[&[], &["origin"]],
        ..counter("delivery_seconds", "from acceptance in `origin` until every post of it in `region` was answered; \
            retries by slices are not in it")
    };
    COLD_STARTS = Metric {
        labels: &["function"],
        sets: &[&["function"]],
        place: Place::Deployed,
        ..counter("cold_starts", "instances of a Lambda that began, each with its first invocation")
    };
    CANARY_OK = Metric {
        kind: Kind::Gauge,
        place: Place::Deployed,
        ..counter("canary_ok", "1 if the canary got through: it connected, subscribed, published, and its message came \
            back; else 0. Once a minute, where there is a canary")
    };
    CANARY_SECONDS = Metric {
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        place: Place::Deployed,
        ..counter("canary_seconds", "how long that took, when it got through")
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_none_is_a_label() {
        let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        let labels: BTreeSet<_> = ALL.iter().flat_map(|metric| metric.labels).copied().collect();
        assert!(names.is_disjoint(&labels), "both are members of one document");
        assert!(!labels.contains("region") && !labels.contains("stage"), "every metric has these");
    }

    #[test]
    fn what_the_lambdas_tell_is_told_by_labels_that_it_has() {
        for metric in ALL {
            assert_eq!(metric.sets.is_empty(), metric.place == Place::Embedded, "{}", metric.name);
            let mut labels = metric.sets.iter().copied().flatten();
            assert!(labels.all(|label| metric.labels.contains(label)), "{}", metric.name);
        }
    }

    #[test]
    fn prometheus_wants_a_counter_to_say_that_it_is_one() {
        assert_eq!(POSTS.prometheus(), "sorl_posts_total");
        assert_eq!(DELIVERY_SECONDS.prometheus(), "sorl_delivery_seconds");
        assert_eq!(CONNECTIONS.prometheus(), "sorl_connections");
    }
}
