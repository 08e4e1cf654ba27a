//! The bill recounted: a compressed day on `sorl dev`, which counts what AWS would meter, against what `sorl cost` says
//! of the same day.
//!
//! Recounted by service: API Gateway, Lambda's invocations, DynamoDB's units, SNS, SQS, data transfer. Not recounted: what
//! stands there whether or not anybody comes (alarms, the secret, empty polls), what is stored, log lines, and how long
//! an invocation runs, which on this machine is not what it is in a Lambda.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sorl_tests::eventually;
use sorl_tests::program::{json, sorl};
use sorl_tests::server::Launch;
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;
use tokio::time::{Instant, sleep_until};

/// Who is there at the same time: three in each region.
const SEATS: usize = 9;
/// Who comes in all; when somebody has come, the one who has been there longest goes.
const USERS: usize = 63;
/// Messages between a coming and the next.
const MESSAGES: usize = 5;
/// From one message to the next: apart, so that none meet in a batch, as at the low rates of a day.
const PAUSE: Duration = Duration::from_millis(80);
const CHANNEL: &str = "room:day";
/// Letters of a text.
const TEXT: usize = 200;
/// Of each service, what the forecast may be off by.
const TOLERANCE: f64 = 0.10;
/// Letters that AWS's signature of a notification has more than the one of `sorl dev`.
const SIGNATURE: f64 = 300.0;
/// Messages in a page of history.
const PAGE: usize = 50;

/// What came of the day.
struct Day {
    messages: usize,
    message_bytes: usize,
    took: Duration,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_days_invoice_is_what_sorl_cost_says() {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    fill(stage).await;
    let before = Counted::at_rest(stage).await;
    let day = live_through(stage).await;
    let counted = Counted::at_rest(stage).await.since(&before);
    let forecast = forecast(stage, &day).await;
    let mut wrong = Vec::new();
    for (service, meters) in SERVICES {
        let ours =
            dollars(&forecast, meters, |line| line["quantity"].as_f64().unwrap() - standing(&line["meter"]));
        let theirs = dollars(&forecast, meters, |line| counted.of(line, &forecast));
        println!(
            "{service}: counted ${theirs:.9}, forecast ${ours:.9}, {:+.1} %",
            (ours / theirs - 1.0) * 100.0
        );
        for meter in meters {
            let of = |quantity: &dyn Fn(&Value) -> f64| lines(&forecast, &[meter]).map(quantity).sum::<f64>();
            println!(
                "  {meter}: counted {:.6}, forecast {:.6}",
                of(&|line| counted.of(line, &forecast)),
                of(&|line| line["quantity"].as_f64().unwrap() - standing(&line["meter"]))
            );
        }
        if (ours / theirs - 1.0).abs() > TOLERANCE {
            wrong.push(service);
        }
    }
    assert!(wrong.is_empty(), "the forecast is off by more than a tenth for {wrong:?}; see above");
}

/// The services that are recounted, and the meters that can be.
const SERVICES: [(&str, &[&str]); 6] = [
    ("API Gateway", &["gateway_minutes", "gateway_messages"]),
    ("Lambda", &["lambda_requests"]),
    ("DynamoDB", &["table_writes", "table_reads"]),
    ("SNS", &["topic_publishes"]),
    ("SQS", &["queue_requests"]),
    ("data transfer", &["transfer_to_regions", "transfer_to_internet"]),
];

/// A month of empty polls of one region: two queues, fifteen a minute.
fn standing(meter: &Value) -> f64 {
    if meter == "queue_requests" { 2.0 * 15.0 * 60.0 * 24.0 * 30.0 } else { 0.0 }
}

/// The forecast's lines of these meters, of all regions.
fn lines<'f>(forecast: &'f Value, meters: &'f [&str]) -> impl Iterator<Item = &'f Value> {
    let regions = forecast["bill"]["regions"].as_array().expect("regions");
    let lines = regions.iter().flat_map(|region| region["lines"].as_array().expect("lines"));
    lines.filter(|line| meters.contains(&line["meter"].as_str().expect("a meter")))
}

/// What a quantity of each line costs at its price; all regions have the same prices here, so one sum will do.
fn dollars(forecast: &Value, meters: &[&str], quantity: impl Fn(&Value) -> f64) -> f64 {
    let price = |line: &Value| line["usd"].as_f64().unwrap() / line["per"].as_f64().unwrap();
    lines(forecast, meters).map(|line| quantity(line) * price(line)).sum()
}

/// A page of history is there before the first comes, as on any day but the first.
async fn fill(stage: &Stage) {
    let mut somebody = stage.somebody(stage.three()[0]).await;
    somebody.subscribe(CHANNEL).await;
    for nth in 0..=PAGE {
        speak(&mut somebody, nth).await;
    }
    somebody.close().await;
}

/// One user after another comes, looks around, and goes when nine others have come.
async fn live_through(stage: &Stage) -> Day {
    let mut seats: Vec<Socket> = Vec::new();
    let (mut messages, mut message_bytes) = (0, 0);
    let began = Instant::now();
    let mut due = began;
    for nth in 0..USERS + SEATS {
        if nth < USERS {
            seats.push(arrive(stage, nth).await);
        }
        if nth >= SEATS {
            seats.remove(0).close().await;
        }
        let full = nth + 1 >= SEATS && nth < USERS;
        for turn in 0..MESSAGES {
            due += PAUSE;
            sleep_until(due).await;
            if full {
                let speaker = (nth + turn) % seats.len();
                let message = speak(&mut seats[speaker], messages).await;
                message_bytes = message.to_string().len();
                messages += 1;
            }
        }
    }
    Day { messages, message_bytes, took: began.elapsed() }
}

/// A connection as the clients make it: the personal channel first, then the room, its members and its history.
async fn arrive(stage: &Stage, nth: usize) -> Socket {
    let user = format!("user-{nth}");
    let mut socket = stage.connect(stage.three()[nth % 3], &user).await;
    socket.subscribe(&format!("@{user}")).await;
    socket.subscribe(CHANNEL).await;
    socket.result(json!({ "action": "presence", "channel": CHANNEL })).await;
    socket.result(json!({ "action": "history", "channel": CHANNEL, "limit": PAGE })).await;
    socket
}

/// Publishes, and returns the message as it comes back. All have as many letters.
async fn speak(socket: &mut Socket, nth: usize) -> Value {
    let data = json!({ "text": format!("{nth:0>TEXT$}") });
    socket.publish(CHANNEL, data.clone()).await;
    socket.message(CHANNEL, data).await
}

/// What `sorl cost` says of such a day, and of one such day a month.
async fn forecast(stage: &Stage, day: &Day) -> Value {
    let active_hours = day.took.as_secs_f64() / 3_600.0;
    // Nine of them are there at any time but for the beginning and the end.
    let hours = active_hours * SEATS as f64 / (USERS + SEATS) as f64;
    let number = |value: f64| format!("{value:.9}");
    let flags = [
        ("--users", USERS.to_string()),
        ("--hours", number(hours)),
        ("--active-hours", number(active_hours)),
        ("--days", "1".to_owned()),
        ("--messages-per-day", day.messages.to_string()),
        ("--message-bytes", day.message_bytes.to_string()),
        ("--audience", SEATS.to_string()),
        ("--channels", "1".to_owned()),
        ("--history", "24h".to_owned()),
        ("--history-calls", "1".to_owned()),
        ("--presence-calls", "1".to_owned()),
        ("--join-leave", "true".to_owned()),
        ("--regions", stage.three().join(",")),
        ("--like", "us-east-1".to_owned()),
    ];
    let flags: Vec<_> = flags.iter().flat_map(|(flag, value)| [*flag, value.as_str()]).collect();
    json(&sorl(&[&["cost", "--json"], &flags[..]].concat()).await)
}

/// What `sorl dev` counts of it: a name of this test's own, and the metric.
const METRICS: [(&str, &str); 13] = [
    ("opened", "sorl_connections_opened_total"),
    ("closed", "sorl_connections_closed_total"),
    ("seconds", "sorl_connection_seconds_total"),
    ("commands", "sorl_commands_total"),
    ("replies", "sorl_reply_messages_total"),
    ("reply bytes", "sorl_reply_bytes_total"),
    ("posts", "sorl_posts_total"),
    ("posted bytes", "sorl_posted_bytes_total"),
    ("batches", "sorl_batches_total"),
    ("publishes", "sorl_topic_requests_total"),
    ("queue requests", "sorl_queue_requests_total"),
    ("queue records", "sorl_queue_records_total"),
    ("queue bytes", "sorl_queue_bytes_total"),
];
/// And of `sorl_table_units_total`: a name, the table, the kind.
const UNITS: [(&str, &str, &str); 4] = [
    ("member writes", "connections", "write"),
    ("log writes", "messages", "write"),
    ("member reads", "connections", "read"),
    ("log reads", "messages", "read"),
];

/// What was counted since a moment, all regions together.
struct Counted(BTreeMap<&'static str, f64>);

impl Counted {
    async fn at_rest(stage: &Stage) -> Self {
        let at_rest = async || {
            let open = stage.metric("sorl_connections", &[]).await;
            let waiting = stage.metric("sorl_records", &[]).await;
            (open + waiting == 0.0).then_some(())
        };
        eventually("nobody is there and everything is delivered", at_rest).await;
        let mut counted = BTreeMap::new();
        for (name, metric) in METRICS {
            counted.insert(name, stage.metric(metric, &[]).await);
        }
        for (name, table, kind) in UNITS {
            let labels = [("table", table), ("kind", kind)];
            counted.insert(name, stage.metric("sorl_table_units_total", &labels).await);
        }
        Self(counted)
    }

    fn since(mut self, before: &Self) -> Self {
        for (name, count) in &mut self.0 {
            *count -= before.0[name];
        }
        self
    }

    /// The part of one region, a third, of what was counted for a line.
    fn of(&self, line: &Value, forecast: &Value) -> f64 {
        const GB: f64 = 1_073_741_824.0;
        let regions = forecast["bill"]["regions"].as_array().expect("regions").len() as f64;
        let of = |name: &str| self.0[name];
        let sum = match line["meter"].as_str().expect("a meter") {
            "gateway_minutes" => of("seconds") / 60.0,
            "gateway_messages" => of("commands") + of("replies") + of("posts"),
            // authorize and connect; disconnect; command; deliver.
            "lambda_requests" => 2.0 * of("opened") + of("closed") + of("commands") + of("batches"),
            // Each row of the registry, and of its index, is written in every region.
            "table_writes" => of("member writes") * regions + of("log writes"),
            "table_reads" => of("member reads") + of("log reads"),
            "topic_publishes" => of("publishes"),
            "queue_requests" => of("queue requests"),
            // Of three queues' records, those of two come from elsewhere; and each row goes to two.
            "transfer_to_regions" => {
                let records =
                    (of("queue bytes") + of("queue records") * SIGNATURE) * (regions - 1.0) / regions;
                (records + of("member writes") / 2.0 * ROW * (regions - 1.0)) / GB
            }
            "transfer_to_internet" => (of("posted bytes") + of("reply bytes")) / GB,
            meter => panic!("{meter} is not recounted"),
        };
        sum / regions
    }
}

/// Bytes of a row of the registry, as `sorl cost` takes it.
const ROW: f64 = 192.0;
