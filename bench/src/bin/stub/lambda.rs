//! Lambda's runtime API, and the run: events are handed out one after the other, slices before new records, until
//! nothing is left.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::dynamodb::Pages;
use crate::http::{Request, write};
use crate::ledger::Ledger;
use crate::scenario::{Scenario, channel_name};

const JSON: &str = "Content-Type: application/json\r\n";
/// As much as the template gives `deliver`.
const TIME_OUT: Duration = Duration::from_secs(30);
/// Fills a message so that its frame has about 190 bytes.
const TEXT: &str = "hello to everyone who is here";

/// The stub's whole state.
#[derive(Default)]
pub(crate) struct Stub {
    pub(crate) scenario: Scenario,
    pub(crate) ledger: Ledger,
    pub(crate) pages: Pages,
    /// Slices that wait to be handed out.
    bulk: VecDeque<String>,
    /// Invocations that are still to be handed out.
    to_come: usize,
    /// When the invocation under way was handed out.
    under_way: Option<Instant>,
    /// Somebody polls in vain, or an invocation ended.
    changed: Rc<Notify>,
    /// When the last poll came.
    pub(crate) polled_at: Option<Instant>,
}

/// Runs a scenario; the report.
pub(crate) async fn run(stub: &Rc<RefCell<Stub>>, scenario: Scenario) -> Value {
    let changed = {
        let mut stub = stub.borrow_mut();
        stub.ledger = Ledger::default();
        stub.to_come = scenario.invocations;
        stub.scenario = scenario;
        stub.changed.notify_waiters();
        Rc::clone(&stub.changed)
    };
    loop {
        let next = changed.notified();
        {
            let stub = stub.borrow();
            if stub.is_done() {
                return stub.ledger.report(&stub.scenario);
            }
        }
        next.await;
    }
}

pub(crate) async fn answer(stub: &Rc<RefCell<Stub>>, request: &Request<'_>, answer: &mut Vec<u8>) {
    if request.path.ends_with("/invocation/next") {
        let event = next(stub).await;
        let deadline = now_ms() + u64::try_from(TIME_OUT.as_millis()).unwrap_or_default();
        let headers = format!(
            "{JSON}Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
             Lambda-Runtime-Deadline-Ms: {deadline}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-north-1:000000000000:function:sorl-dev-deliver\r\n\
             Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0\r\n"
        );
        return write(answer, "200 OK", &headers, event.to_string().as_bytes());
    }
    stub.borrow_mut().end(request);
    write(answer, "202 Accepted", JSON, br#"{"status":"OK"}"#);
}

/// The next event, as soon as there is one.
async fn next(stub: &Rc<RefCell<Stub>>) -> Value {
    let changed = Rc::clone(&stub.borrow().changed);
    stub.borrow_mut().polled_at = Some(Instant::now());
    changed.notify_waiters();
    loop {
        let waiting = changed.notified();
        let event = stub.borrow_mut().event();
        if let Some(event) = event {
            return event;
        }
        waiting.await;
    }
}

impl Stub {
    /// A slice is kept for the next invocation.
    pub(crate) fn slice(&mut self, body: String) {
        self.ledger.counts.slices += 1;
        self.bulk.push_back(body);
    }

    /// When the next poll comes, it is not the last one.
    pub(crate) fn forget_polls(&mut self) -> Rc<Notify> {
        self.polled_at = None;
        Rc::clone(&self.changed)
    }

    fn is_done(&self) -> bool {
        self.to_come == 0 && self.bulk.is_empty() && self.under_way.is_none()
    }

    fn event(&mut self) -> Option<Value> {
        let event = if self.bulk.is_empty() { self.live()? } else { self.slices() };
        self.under_way = Some(Instant::now());
        Some(event)
    }

    fn slices(&mut self) -> Value {
        let batch = self.bulk.len().min(self.scenario.bulk_batch);
        self.ledger.counts.bulk_invocations += 1;
        let records = self.bulk.drain(..batch).enumerate();
        json!({ "Records": records.map(|(at, body)| record("bulk", at, &body)).collect::<Vec<_>>() })
    }

    fn live(&mut self) -> Option<Value> {
        self.to_come = self.to_come.checked_sub(1)?;
        let Self { scenario, ledger, .. } = self;
        let records = (0..scenario.records).map(|at| {
            let message = ledger.expect(scenario);
            let channel = channel_name(scenario.channel_of(message));
            let published = json!({ "channel": channel, "data": { "n": message, "text": TEXT } });
            record("live", at, &notification(message, &published.to_string()))
        });
        Some(json!({ "Records": records.collect::<Vec<_>>() }))
    }

    /// An invocation answered, or failed.
    fn end(&mut self, request: &Request<'_>) {
        let answer: Value = serde_json::from_slice(request.body).unwrap_or_default();
        if !request.path.ends_with("/response") {
            self.ledger.counts.errors += 1;
        }
        let failures = answer.get("batchItemFailures").and_then(Value::as_array).map_or(0, Vec::len);
        self.ledger.counts.failed_records += failures as u64;
        self.ledger.invocations.extend(self.under_way.take().map(|begun| begun.elapsed()));
        self.changed.notify_waiters();
    }
}

/// A record as the event source writes it.
fn record(queue: &str, at: usize, body: &str) -> Value {
    json!({
        "messageId": format!("059f36b4-87a3-44ab-83d2-{at:012}"),
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body,
        "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": now_ms().to_string() },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:eu-north-1:000000000000:sorl-dev-{queue}"),
        "awsRegion": "eu-north-1",
    })
}

/// A message as SNS wraps it for a queue.
fn notification(number: usize, message: &str) -> String {
    let notification = json!({
        "Type": "Notification",
        "MessageId": format!("22b80b92-fdea-4c2c-8f9d-{number:012x}"),
        "TopicArn": "arn:aws:sns:eu-north-1:000000000000:sorl-dev-messages",
        "Message": message,
        "Timestamp": timestamp(now_ms()),
        "SignatureVersion": "1",
        "Signature": "EXAMPLEw6JRN",
        "SigningCertURL": "https://sns.eu-north-1.amazonaws.com/SimpleNotificationService.pem",
        "UnsubscribeURL": "https://sns.eu-north-1.amazonaws.com/?Action=Unsubscribe",
    });
    notification.to_string()
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

/// `2026-01-31T12:34:56.789Z`. The date by the civil calendar's cycle of 400 years, counted from March.
fn timestamp(millis: u64) -> String {
    let (seconds, days) = (millis / 1_000, millis / 86_400_000 + 719_468);
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, wraps) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!(
        "{:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}.{:03}Z",
        cycle * 400 + year + wraps,
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        millis % 1_000
    )
}
