//! Publishers that go on through everything, and note what was acknowledged.
//!
//! Not clients with a memory: what is lost sight of is never sent again, so that each message is published at most
//! once. But for [`by_client`], which retries under the message's key, as applications do.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sorl_client::Client;
use sorl_core::names::ChannelName;
use sorl_tests::http::{form, request};
use sorl_tests::names::unique;
use sorl_tests::sns::elements;
use sorl_tests::socket::{Incoming, Socket};
use sorl_tests::stage::Stage;
use tokio::task::JoinSet;

use crate::ledger::Ledger;

/// How long a publisher waits before it tries to come back.
const PAUSE: Duration = Duration::from_millis(25);

/// What publishers are given.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) stage: Stage,
    pub(crate) token: String,
    pub(crate) channel: String,
    pub(crate) ledger: Arc<Ledger>,
    /// Between two messages of a publisher.
    pub(crate) pace: Duration,
}

impl Desk {
    /// In each of the three regions so many on WebSockets and so many over SNS.
    pub(crate) fn staff(&self, sockets: usize, outside: usize) -> JoinSet<()> {
        let mut publishers = JoinSet::new();
        for region in self.stage.three() {
            for _ in 0..sockets {
                publishers.spawn(by_socket(self.clone(), region.to_owned()));
            }
            for _ in 0..outside {
                publishers.spawn(by_sns(self.clone(), region.to_owned()));
            }
        }
        publishers
    }
}

/// Over a WebSocket, message after message, over the next one when it is gone.
pub(crate) async fn by_socket(desk: Desk, region: String) {
    let (publisher, mut count) = (unique("socket"), 0_u64);
    while !desk.ledger.is_over() {
        let url = &desk.stage.region(&region).url;
        let Ok(mut socket) = Socket::try_open(&publisher, url, &desk.token, None).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        while !desk.ledger.is_over() {
            count += 1;
            let data = format!("{publisher}:{count}");
            if !publish(&desk, &mut socket, count, &data).await {
                desk.ledger.lose_sight();
                break;
            }
            tokio::time::sleep(desk.pace).await;
        }
    }
}

/// Whether there was an answer.
async fn publish(desk: &Desk, socket: &mut Socket, id: u64, data: &str) -> bool {
    let frame = json!({"id": id, "action": "publish", "channel": desk.channel, "data": data});
    if socket.send_raw(frame.to_string().into()).await.is_err() {
        return false;
    }
    loop {
        match socket.next().await {
            Incoming::Frame(frame) if frame["id"] == id && frame["type"] == "reply" => {
                desk.ledger.acknowledge(data.to_owned());
                return true;
            }
            Incoming::Frame(frame) if frame["id"] == id => {
                // Nothing but what is temporary may keep a good message out.
                assert_eq!(frame["error"]["temporary"], true, "{frame}");
                desk.ledger.refuse();
                return true;
            }
            Incoming::Frame(_) => {}
            Incoming::Closed(_) => return false,
        }
    }
}

/// From outside, a request a message.
pub(crate) async fn by_sns(desk: Desk, region: String) {
    let (publisher, mut count) = (unique("sns"), 0_u64);
    let topic = desk.stage.region(&region).topic.clone();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    while !desk.ledger.is_over() {
        count += 1;
        let data = format!("{publisher}:{count}");
        let message = json!({"channel": desk.channel, "data": data}).to_string();
        let body = form(&[("Action", "Publish"), ("TopicArn", &topic), ("Message", &message)]);
        match request("POST", &format!("{}/", desk.stage.url), &headers, body).await {
            Ok(answer) if answer.status == 200 && elements(&answer.body, "MessageId").count() == 1 => {
                desk.ledger.acknowledge(data);
            }
            Ok(answer) => {
                assert!(answer.status == 429 || answer.status >= 500, "{answer:?}");
                desk.ledger.refuse();
            }
            Err(_gone) => desk.ledger.lose_sight(),
        }
        tokio::time::sleep(desk.pace).await;
    }
}

/// By the Rust client, which tries again under the same key until it knows.
pub(crate) async fn by_client(desk: Desk, client: Client) {
    let (publisher, mut count) = (unique("client"), 0_u64);
    let channel = ChannelName::parse(&desk.channel).expect("a channel");
    while !desk.ledger.is_over() {
        count += 1;
        let data = format!("{publisher}:{count}");
        match client.publish(&channel, &data).await {
            Ok(_published) => desk.ledger.acknowledge(data),
            Err(_given_up) => desk.ledger.lose_sight(),
        }
        tokio::time::sleep(desk.pace).await;
    }
}
