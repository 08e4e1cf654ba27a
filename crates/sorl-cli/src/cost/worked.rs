//! Bills worked by hand, and the same by the program.
//!
//! The arithmetic of each stands in its comment, from the load to the dollars, and was done without the program. A
//! thousandth is allowed for its rounding, and because by hand no two messages meet in one poll of 15 ms.

use clap::Parser;

use super::meter::Meter;
use super::prices::Prices;
use super::{Args, Report};

#[derive(Parser)]
struct Alone {
    #[command(flatten)]
    args: Args,
}

/// The report that these flags give.
pub(super) fn report(flags: &[&str]) -> Report {
    let Alone { args } = Alone::parse_from(["cost"].iter().chain(flags));
    Report::of(args.order().unwrap(), &Prices::read(None).unwrap()).unwrap()
}

fn quantity(report: &Report, meter: Meter) -> f64 {
    report.bill.of_meter(meter).quantity
}

fn near(what: &str, got: f64, by_hand: f64) {
    assert!((got / by_hand - 1.0).abs() < 1e-3, "{what}: {got}, by hand {by_hand}");
}

/// **Nobody comes.** One user who stays for a second of one day of the month and says nothing.
///
/// What stands there: two queues × 15 polls × 60 × 24 × 30 = 1,296,000 requests × $0.40 a million = $0.5184.
/// Alarms, 24 × $0.10 = $2.40; one metric $0.30; one secret $0.40. Together $3.6184. The one user is a handshake,
/// two commands and a close: five invocations, some units, well below a cent of a cent.
#[test]
fn a_stage_that_nobody_uses() {
    let report = report(&[
        "--users",
        "1",
        "--hours",
        "0.0003",
        "--days",
        "1",
        "--messages-per-day",
        "0",
        "--audience",
        "1",
        "--history-calls",
        "0",
        "--presence-calls",
        "0",
        "--join-leave",
        "false",
    ]);
    near("requests of queues", quantity(&report, Meter::QueueRequests), 1_296_000.0);
    near("total", report.bill.dollars, 3.6184);
}

/// **A small chat in one region.** 1,000 users a day, an hour each; each writes 20 messages of 200 bytes into a room of
/// 10; history a day; nobody is told of joins; no other calls. 30 days.
///
/// Connections: 1,000 × 1 (an hour is less than 116.25 min). 30,000 a month.
/// Minutes: 1,000 × 60 × 30 = 1,800,000 × $0.25 a million = $0.45.
/// Frames in: `subscribe` of `@user` and of the room, 2 × 30,000 = 60,000; publishes 20,000 × 30 = 600,000; together
/// 660,000, and as many replies: 1,320,000. Pings: a connection is silent for nine minutes with 20,000 × 10 =
/// 200,000 frames in 3,600,000 s of connections, one in 18 s: e^-30 of the time, none.
/// Posts: 600,000 × 10 = 6,000,000, each below 32 KB. Messages 7,320,000 × $1.00 a million = $7.32.
/// Invocations: authorize, connect, disconnect 3 × 30,000 = 90,000; command 660,000; deliver 600,000 (at 0.23
/// messages a second each is a batch of its own). 1,350,000 × $0.20 a million = $0.27.
/// GB-seconds: 750,000 × 20 ms × 0.25 GB = 3,750. A deliver: log 8 ms, query 6 ms, record 0.17 ms / (512/1,769) =
/// 0.5874 ms, a post's mean 20 ms × e^0.125 = 22.663 ms, ten posts at min(0.28943/25 µs = 11,577; 256/22.663 ms =
/// 11,296) a second = 0.8853 ms; together 38.136 ms × 0.5 GB × 600,000 = 11,440.7. Sum 15,190.7 × $0.0000166667 =
/// $0.25318.
/// Writes: each connection puts 2 rows and deletes 2, each with its index: 8 × 30,000 = 240,000; the log, 320 bytes:
/// 600,000. 840,000 × $0.625 a million = $0.525.
/// Reads: connect 1, `@user` 2, room 3, disconnect 0.5: 6.5 × 30,000 = 195,000; a publish's blocks 600,000; a read of
/// 1,920 bytes of audience 600,000. 1,395,000 × $0.125 a million = $0.174375.
/// SNS: 600,000 × $0.50 a million = $0.30. SQS: sent, received, deleted 1,800,000, polls 1,296,000: 3,096,000 × $0.40 a
/// million = $1.2384.
/// Out: 6,000,000 × (33 + 200) bytes = 1.398 GB, replies 660,000 × 200 = 0.132 GB: 1.53e9 / 1,073,741,824 = 1.42492 GB ×
/// $0.09 = $0.128243.
/// Stored: a day and ten minutes of 20,000 a day: 20,138.9 × (200 + 120 + 100) bytes = 8,458,333; members 1,000 / 24 =
/// 41.667 × 2 × 2 × (192 + 100) = 48,667 bytes. 8,507,000 / 1,073,741,824 = 0.0079228 GB × $0.25 = $0.0019807; the log's
/// recovery 0.0078774 × $0.20 = $0.0015755.
/// Logs: 750,000 × 600 + 600,000 × 880 + events 660,000 + 60,000 = 720,000 × 350 bytes = 1,230,000,000 bytes = 1.145527
/// GB × $0.50 = $0.572764; kept a month × $0.03 = $0.034366. Alarms $2.40, 41 metrics × $0.30 = $12.30, secret $0.40:
/// $15.10.
/// Total: 0.45 + 7.32 + 0.27 + 0.25318 + 0.525 + 0.174375 + 0.30 + 1.2384 + 0.128243 + 0.0019807 + 0.0015755 + 0.572764
/// + 0.034366 + 15.10 = $26.36988.
#[test]
fn a_small_chat_in_one_region() {
    let report = report(&[
        "--users",
        "1000",
        "--hours",
        "1",
        "--messages-per-day",
        "20000",
        "--message-bytes",
        "200",
        "--audience",
        "10",
        "--history-calls",
        "0",
        "--presence-calls",
        "0",
        "--join-leave",
        "false",
    ]);
    near("minutes", quantity(&report, Meter::GatewayMinutes), 1_800_000.0);
    near("messages", quantity(&report, Meter::GatewayMessages), 7_320_000.0);
    near("invocations", quantity(&report, Meter::LambdaRequests), 1_350_000.0);
    near("GB-seconds", quantity(&report, Meter::LambdaGbSeconds), 15_190.7);
    near("writes", quantity(&report, Meter::TableWrites), 840_000.0);
    near("reads", quantity(&report, Meter::TableReads), 1_395_000.0);
    near("publishes", quantity(&report, Meter::TopicPublishes), 600_000.0);
    near("requests of queues", quantity(&report, Meter::QueueRequests), 3_096_000.0);
    near("total", report.bill.dollars, 26.369_88);
}

/// **The same chat with a canary**, which is a client that comes once a minute, 43,200 times a month, for half a second,
/// alone in its channel; rounded to the hundredth of a cent.
///
/// Frames: `subscribe` of `@canary` and of its channel, `publish`, three replies, one post: 7 × 43,200 = 302,400 × $1.00
/// a million = $0.3024. Minutes: 360, nothing.
/// Invocations: authorize, connect, disconnect, three commands, deliver, and its own: 8 × 43,200 = 345,600 × $0.20 a
/// million = $0.0691. GB-seconds: 6 × 20 ms × 0.25 GB = 0.03; its own 0.5 s × 0.25 GB = 0.125; a deliver with one post,
/// 8 + 6 + 0.5874 + 22.663 + 0.0885 = 37.339 ms × 0.5 GB = 0.01867: 0.17367 × 43,200 = 7,502.5 × $0.0000166667 = $0.1250.
/// Writes: 8 of the connection, 1 of the log: 388,800 × $0.625 a million = $0.2430. Reads: connect 1, `@canary` 2, its
/// channel 3, disconnect 0.5, the publish's blocks 1, the audience 1: 8.5 × 43,200 = 367,200 × $0.125 a million = $0.0459.
/// SNS: 43,200 × $0.50 a million = $0.0216. SQS: 129,600 × $0.40 a million = $0.0518.
/// Out: 233 + 600 bytes × 43,200 = 0.03351 GB × $0.09 = $0.0030. Stored: 1,450 × 420 bytes = 0.000567 GB × $0.45 = $0.0003.
/// Logs: (7 × 600 + 880 + 5 × 350) × 43,200 = 295,056,000 bytes = 0.27479 GB × $0.53 = $0.1456. An alarm $0.10, two metrics
/// $0.60.
/// Total: 0.3024 + 0.0691 + 0.1250 + 0.2430 + 0.0459 + 0.0216 + 0.0518 + 0.0030 + 0.0003 + 0.1456 + 0.70 = $1.7077 more.
#[test]
fn the_same_chat_with_a_canary() {
    let small = |more: &[&str]| {
        let flags =
            ["--users", "1000", "--hours", "1", "--messages-per-day", "20000", "--join-leave", "false"];
        report(&[&flags[..], more].concat())
    };
    let (without, with) = (small(&[]), small(&["--canary"]));
    let more = |meter| quantity(&with, meter) - quantity(&without, meter);
    near("messages", more(Meter::GatewayMessages), 302_400.0);
    near("invocations", more(Meter::LambdaRequests), 345_600.0);
    near("GB-seconds", more(Meter::LambdaGbSeconds), 7_502.5);
    near("writes", more(Meter::TableWrites), 388_800.0);
    near("reads", more(Meter::TableReads), 367_200.0);
    near("publishes", more(Meter::TopicPublishes), 43_200.0);
    near("requests of queues", more(Meter::QueueRequests), 129_600.0);
    near("bytes of log", more(Meter::LogBytes), 0.274_79);
    near("metrics", more(Meter::Metrics), 2.0);
    near("dollars", with.bill.dollars - without.bill.dollars, 1.7077);
}

/// **An announcement to 100,000, in two regions.** One message a day for one day, from a program, to 100,000 users who
/// are there for half an hour, half of them in each region; nothing kept, one shard.
///
/// Minutes: 100,000 × 30 = 3,000,000 × $0.25 a million = $0.75.
/// Frames: `subscribe` of `@user` and of the channel, 2 × 100,000, and replies: 400,000. Each connection hears one
/// message in 1,800 s: it is silent for nine minutes with e^-0.3 = 0.740818, and pings (1,800 - 540) s × (1/1,800) /
/// (e^0.3 - 1 = 0.349859) = 2.000806 times: 200,081 pings, 400,161 messages. Posts 100,000. Together 900,161 × $1.00 a
/// million = $0.900161.
/// Writes: 8 × 100,000 connections, in both regions: 1,600,000 × $0.625 a million = $1.00.
/// Reads: 6.5 × 100,000 = 650,000; the audience, 50,000 × 192 / 4,096 = 2,343.75, so 2,344 in each region: 654,688 ×
/// $0.125 a million = $0.081836.
/// Slices, in each region: 49,000 beyond the first 1,000 are 49, 49,000 × 180 bytes + 49 × 300 = 8,834,700 bytes, 134.807
/// requests to send and as many to receive; batches of ten, 4.9, each deleted with one request. 274.51, and the
/// record's own three: 277.51; both 555.03. Polls 2 × 1,296,000. $1.037022.
/// Minutes, messages, writes and reads are tested to the unit, the queues too.
#[test]
fn an_announcement_to_a_hundred_thousand() {
    let report = report(&[
        "--users",
        "100000",
        "--hours",
        "0.5",
        "--active-hours",
        "0.5",
        "--days",
        "1",
        "--messages-per-day",
        "1",
        "--from-clients",
        "0",
        "--audience",
        "100000",
        "--history",
        "0",
        "--history-calls",
        "0",
        "--presence-calls",
        "0",
        "--join-leave",
        "false",
        "--regions",
        "us-east-1,eu-north-1",
        "--like",
        "us-east-1",
    ]);
    near("minutes", quantity(&report, Meter::GatewayMinutes), 3_000_000.0);
    near("messages", quantity(&report, Meter::GatewayMessages), 900_161.0);
    near("writes", quantity(&report, Meter::TableWrites), 1_600_000.0);
    near("reads", quantity(&report, Meter::TableReads), 654_688.0);
    near("requests of queues", quantity(&report, Meter::QueueRequests) - 2_592_000.0, 555.03);
    near("publishes", quantity(&report, Meter::TopicPublishes), 1.0);
    near("API Gateway", report.bill.of_meter(Meter::GatewayMessages).dollars, 0.900_161);
}

/// The table of the README's first edition, which was calculated by hand from these prices: from ten recipients up, what
/// a million deliveries cost is posts, and a window that gathers ten is a tenth of them.
#[test]
fn gathering_ten_in_a_post_is_a_tenth_of_the_posts() {
    let flags = ["--messages-per-day", "1000000", "--join-leave", "false"];
    let posts = |per_post: &str| {
        let report = report(&[&flags[..], &["--messages-per-post", per_post]].concat());
        quantity(&report, Meter::GatewayMessages)
    };
    let replies = posts("10") - (posts("1") - posts("10")) / 9.0;
    near("posts", posts("1") - replies, 30e6 * 25.0);
    near("a tenth", posts("10") - replies, 3e6 * 25.0);
}
