//! One message's way as log lines that share its trace: where it was accepted, and in each region what came of it.
//!
//! No machinery of its own. A trace's id is the message's, which is the same in every region and has the 16 bytes that
//! W3C's Trace Context asks for; and which messages are traced follows from the id, so that no region has to tell
//! another. A publisher's own `traceparent`, an attribute of his SNS message, is taken up instead if it says sampled. The
//! invariants: what a message says is never told, and where no share is traced nothing is told at all.

use std::collections::BTreeMap;

use serde::Deserialize;
use sorl_core::deliver::{Record, Report};
use sorl_core::ids::MessageId;
use sorl_core::ports::RecordSource;
use sorl_core::region::Region;

use crate::share::Share;
use crate::witness::{Arrival, Moment, Posted, arrival};

/// Which messages are traced.
#[derive(Debug, Clone, Copy)]
pub struct Traces(Share);

/// An invocation of `deliver`, as far as traces tell of it.
#[derive(Debug, Clone, Copy)]
pub struct Invocation<'a> {
    /// Where.
    pub region: &'a Region,
    /// Of which stage.
    pub stage: &'a str,
    /// When it began.
    pub begun: Moment,
    /// What it was handed.
    pub records: &'a [Record],
    /// What came of that.
    pub report: &'a Report,
}

/// A traced message in one invocation.
struct Step {
    trace: String,
    /// What its record said; none if a slice brought it.
    arrival: Option<Arrival>,
    has_failed: bool,
}

impl Traces {
    /// Of a share of all messages, and of those whose publishers say so.
    #[must_use]
    pub const fn of(share: Share) -> Self {
        Self(share)
    }

    /// Whether any message is.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.0 != Share::NONE
    }

    /// Tells that `command` accepted a message.
    pub fn accepted(self, id: MessageId, region: &Region) {
        if let Some(trace) = self.own(id) {
            tracing::info!(step = "accepted", trace, message_id = %id, origin = %region, %region, "way");
        }
    }

    /// Tells what an invocation of `deliver` made of each message that is traced.
    pub fn delivered(self, invocation: &Invocation<'_>, posted: &BTreeMap<MessageId, Posted>) {
        for (id, step) in self.steps(invocation, posted) {
            let posted = posted.get(&id).copied().unwrap_or_default();
            tell(id, &step, &posted, invocation);
        }
    }

    fn steps(
        self,
        Invocation { stage, records, report, .. }: &Invocation<'_>,
        posted: &BTreeMap<MessageId, Posted>,
    ) -> BTreeMap<MessageId, Step> {
        let live = records.iter().filter(|record| record.source == RecordSource::Live);
        let handed = live.filter_map(|record| {
            let arrival = arrival(record, stage)?;
            let trace = parent(&record.body).or_else(|| self.own(arrival.id))?;
            let has_failed = report.failed.contains(&record.id);
            Some((arrival.id, Step { trace, arrival: Some(arrival), has_failed }))
        });
        let mut steps: BTreeMap<_, _> = handed.collect();
        for id in posted.keys().filter(|_| records.iter().any(|record| record.source == RecordSource::Bulk)) {
            let Some(trace) = self.own(*id) else { continue };
            steps.entry(*id).or_insert(Step { trace, arrival: None, has_failed: false });
        }
        steps
    }

    /// The trace that a message begins by itself.
    fn own(self, id: MessageId) -> Option<String> {
        let bytes = id.as_bytes();
        self.0.has(bytes).then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

fn tell(id: MessageId, step: &Step, posted: &Posted, Invocation { region, begun, .. }: &Invocation<'_>) {
    let Step { trace, arrival, has_failed } = step;
    let accepted = arrival.as_ref().map_or_else(|| Moment::new(id.time(), 0), |arrival| arrival.accepted);
    let after = |at: Option<Moment>| at.map(|at| at.millis_since(accepted));
    tracing::info!(
        step = "delivered",
        trace,
        message_id = %id,
        origin = arrival.as_ref().map(|arrival| arrival.origin.as_str()),
        %region,
        queue = if arrival.is_some() { "live" } else { "bulk" },
        taken_ms = begun.millis_since(accepted),
        first_post_ms = after(posted.first),
        last_post_ms = after(posted.last),
        posts = posted.posts,
        throttled = posted.throttled,
        gone = posted.gone,
        failed = has_failed,
        "way"
    );
}

/// As much of a notification as tells whose trace it belongs to.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    #[serde(default)]
    message_attributes: BTreeMap<String, Attribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    value: String,
}

/// The publisher's trace, if he has one and wants it told.
fn parent(body: &str) -> Option<String> {
    let told: Told = serde_json::from_str(body).ok()?;
    sampled(&told.message_attributes.get("traceparent")?.value).map(str::to_owned)
}

/// The trace's id in a `traceparent` (W3C Trace Context, level 1) that says sampled; anything malformed is none.
fn sampled(parent: &str) -> Option<&str> {
    let mut parts = parent.splitn(5, '-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, len| {
        text.len() == len && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_named = |text: &str| text.bytes().any(|byte| byte != b'0');
    // Later versions may have more parts; this one has none.
    let is_sound = is_hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    let is_sound = is_sound && is_hex(trace, 32) && is_named(trace) && is_hex(span, 16) && is_named(span);
    let is_sampled = is_hex(flags, 2) && u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
    (is_sound && is_sampled).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_taken_up_if_it_is_sound_and_sampled() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(sampled("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), Some(trace));
        assert_eq!(sampled("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"), Some(trace));
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1",
            "00-4bf9-00f067aa0ba902b7-01",
        ] {
            assert_eq!(sampled(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_messages_own_trace_is_its_id_and_only_of_the_share() {
        let id = MessageId::parse("019ab2c3-d400-7000-8000-000000000001").unwrap();
        assert_eq!(Traces::of(Share::ALL).own(id).as_deref(), Some("019ab2c3d40070008000000000000001"));
        assert_eq!(Traces::of(Share::NONE).own(id), None);
        assert!(!Traces::of(Share::NONE).is_on() && Traces::of(Share::ALL).is_on());
    }
}
