//! A thousand connections in one channel over three regions: every delivery counted. What is measured is
//! printed, not judged.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde::Deserialize;
use serde_json::json;
use sorl_core::ids::MessageId;
use sorl_tests::names::{now, room, unique};
use sorl_tests::server::Launch;
use sorl_tests::socket::Socket;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const CONNECTIONS: usize = 1_000;
const PUBLISHERS: usize = 10;
const MESSAGES: usize = 2_000;
/// 100 messages a second in all.
const INTERVAL: Duration = Duration::from_millis(100);
/// What is not there then never comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// What one connection saw.
#[derive(Default)]
struct Seen {
    ids: BTreeSet<MessageId>,
    copies: usize,
    latencies: Vec<u64>,
}

/// As little of a frame as must be read, so that it is the service that is measured.
#[derive(Deserialize)]
struct Frame {
    messages: Option<Vec<Arrived>>,
}

#[derive(Deserialize)]
struct Arrived {
    id: MessageId,
}

async fn listen(socket: Socket) -> Seen {
    let mut seen = Seen::default();
    let mut stream = socket.into_stream();
    let listening = async {
        while seen.ids.len() < MESSAGES {
            let text = stream.next().await.expect("nobody is closed").expect("nobody is closed");
            let frame: Frame = serde_json::from_slice(&text.into_data()).expect("a frame is JSON");
            let arrived = now().as_millis();
            for message in frame.messages.into_iter().flatten() {
                seen.copies += 1;
                if seen.ids.insert(message.id) {
                    seen.latencies.push(arrived.saturating_sub(message.id.time().as_millis()));
                }
            }
        }
    };
    // What is missing is counted by the test.
    tokio::time::timeout(PATIENCE, listening).await.ok();
    seen
}

/// Publishes at its pace, whatever the answers take, and then reads them.
async fn speak(mut socket: Socket, channel: String) -> Vec<MessageId> {
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut requests = Vec::new();
    for n in 0..MESSAGES / PUBLISHERS {
        ticks.tick().await;
        let data = json!({"n": n, "text": "a line of chat, as long as people write them"});
        requests.push(socket.request(json!({"action": "publish", "channel": channel, "data": data})).await);
    }
    let mut published = Vec::new();
    for id in requests {
        let reply = socket.frame("the reply", |frame| frame["id"] == id).await;
        assert_eq!(reply["type"], "reply", "{reply}");
        published.push(MessageId::parse(reply["result"]["message_id"].as_str().unwrap()).unwrap());
    }
    published
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_get_every_message_of_twenty_seconds_at_a_hundred_a_second() {
    let server = Launch::plain().start().await;
    let stage = Arc::new(server.stage.clone());
    let channel = room();
    let regions: Vec<_> = stage.three().iter().map(ToString::to_string).collect();

    let (mut opening, room_to_open) = (JoinSet::new(), Arc::new(Semaphore::new(32)));
    for n in 0..CONNECTIONS {
        let (stage, channel, room_to_open) = (Arc::clone(&stage), channel.clone(), Arc::clone(&room_to_open));
        let region = regions[n % regions.len()].clone();
        opening.spawn(async move {
            let _room = room_to_open.acquire().await.unwrap();
            stage.member(&region, &channel).await
        });
    }
    let mut listening = JoinSet::new();
    for socket in opening.join_all().await {
        listening.spawn(listen(socket));
    }

    let started = Instant::now();
    let mut speaking = JoinSet::new();
    for n in 0..PUBLISHERS {
        let socket = stage.connect(&regions[n % regions.len()], &unique("speaker")).await;
        speaking.spawn(speak(socket, channel.clone()));
    }
    let published: BTreeSet<_> = speaking.join_all().await.into_iter().flatten().collect();
    let spoke = started.elapsed();
    let seen = listening.join_all().await;

    assert_eq!(published.len(), MESSAGES);
    let incomplete = seen.iter().filter(|seen| seen.ids != published).count();
    let delivered: usize = seen.iter().map(|seen| seen.ids.len()).sum();
    let copies: usize = seen.iter().map(|seen| seen.copies).sum();
    let mut latencies: Vec<_> = seen.into_iter().flat_map(|seen| seen.latencies).collect();
    latencies.sort_unstable();
    let percentile = |percent: usize| latencies[(latencies.len() * percent / 100).min(latencies.len() - 1)];
    println!(
        "{delivered} deliveries of {MESSAGES} messages to {CONNECTIONS} connections in {spoke:?} \
         ({} more copies): p50 {} ms, p99 {} ms, longest {} ms",
        copies - delivered,
        percentile(50),
        percentile(99),
        percentile(100),
    );
    assert_eq!((incomplete, delivered), (0, MESSAGES * CONNECTIONS));
}
