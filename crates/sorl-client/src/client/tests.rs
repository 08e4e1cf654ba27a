//! The driver against a service on a real socket that says what each test needs.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use sorl_core::ids::{MessageId, Tail};
use sorl_core::protocol::SUBPROTOCOL;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as WireMessage;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use super::*;
use crate::session::{Event, Start};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A service in one region.
struct Service {
    listener: TcpListener,
    region: Region,
}

/// One connection, as the service has it.
struct Connection {
    wire: WebSocketStream<TcpStream>,
    region: Region,
    authorization: String,
}

impl Service {
    async fn start(region: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, region: Region::parse(region).unwrap() }
    }

    fn endpoint(&self) -> Endpoint {
        let url = format!("ws://{}/regions/{}", self.listener.local_addr().unwrap(), self.region);
        Endpoint { region: self.region.clone(), url }
    }

    #[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
    async fn accept(&self) -> Connection {
        let (stream, _) = soon(self.listener.accept()).await.unwrap();
        let mut authorization = String::new();
        let check = |request: &Request, mut response: Response| {
            let header = |name| request.headers().get(name).unwrap();
            authorization = header("authorization").to_str().unwrap().to_owned();
            let offered = header("sec-websocket-protocol");
            assert_eq!(offered, SUBPROTOCOL);
            response.headers_mut().insert("sec-websocket-protocol", offered.clone());
            Ok(response)
        };
        let wire = soon(tokio_tungstenite::accept_hdr_async(stream, check)).await.unwrap();
        Connection { wire, region: self.region.clone(), authorization }
    }

    async fn refuse(&self, status: u16) {
        let (mut stream, _) = soon(self.listener.accept()).await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(soon(stream.read_u8()).await.unwrap());
        }
        let answer = format!("HTTP/1.1 {status} Refused\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

impl Connection {
    async fn expect(&mut self, action: &str) -> Value {
        let frame = soon(self.wire.next()).await.unwrap().unwrap().into_text().unwrap();
        let frame: Value = serde_json::from_str(&frame).unwrap();
        assert_eq!(frame["action"], action, "{frame}");
        frame
    }

    async fn send(&mut self, frame: Value) {
        self.wire.send(WireMessage::text(frame.to_string())).await.unwrap();
    }

    async fn reply(&mut self, request: &Value, result: Value) {
        self.send(json!({"type": "reply", "id": request["id"], "result": result})).await;
    }

    /// Answers a `subscribe`, with the cursor of `second`; gives back what was asked.
    async fn subscribed(&mut self, second: u64) -> Value {
        let request = self.expect("subscribe").await;
        let result = json!({"channel": request["channel"], "messages": [], "recovered": true,
            "more": false, "cursor": id(second), "region": self.region});
        self.reply(&request, result).await;
        request
    }

    async fn live(&mut self, second: u64) {
        let message = json!({"id": id(second), "channel": "c", "data": second, "region": self.region});
        self.send(json!({"type": "messages", "messages": [message]})).await;
    }
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.expect("it happens soon")
}

fn id(second: u64) -> MessageId {
    let at = Timestamp::from_millis(1_764_000_000_000 + second * 1_000);
    MessageId::new(at, 0, Tail::from_bits(second))
}

fn channel() -> ChannelName {
    ChannelName::parse("c").unwrap()
}

fn start(services: &[&Service]) -> (Client, Events) {
    let endpoints = services.iter().map(|service| service.endpoint()).collect();
    let options = Options::new(endpoints, TokenProvider::fixed("x.e30.y".to_owned()));
    Client::start(options.in_region(services[0].region.clone()))
}

async fn next_message(events: &mut Events) -> MessageId {
    loop {
        if let Event::Message { message, .. } = soon(events.next()).await.unwrap() {
            return message.id;
        }
    }
}

#[tokio::test]
async fn the_token_goes_into_a_header_and_the_subprotocol_is_offered() {
    let service = Service::start("a").await;
    let (client, _events) = start(&[&service]);
    let connection = service.accept().await;
    assert_eq!(connection.authorization, "Bearer x.e30.y");
    assert_eq!(soon(client.connected()).await.unwrap().as_str(), "a");
}

#[tokio::test]
async fn a_dropped_connection_comes_back_and_resumes() {
    let service = Service::start("a").await;
    let (client, mut events) = start(&[&service]);
    let mut connection = service.accept().await;
    let wish = tokio::spawn({
        let client = client.clone();
        async move { client.subscribe(&channel(), Start::Now).await }
    });
    connection.subscribed(0).await;
    soon(wish).await.unwrap().unwrap();
    connection.live(5).await;
    assert_eq!(next_message(&mut events).await, id(5));

    drop(connection);
    let mut connection = service.accept().await;
    assert_eq!(connection.subscribed(5).await["since"], json!(id(5)));

    client.drop_connection().await.unwrap();
    let mut connection = service.accept().await;
    assert_eq!(connection.subscribed(5).await["region"], "a");
}

#[tokio::test]
async fn a_client_that_moves_resumes_in_the_other_region() {
    let (here, there) = (Service::start("a").await, Service::start("b").await);
    let (client, _events) = start(&[&here, &there]);
    let mut connection = here.accept().await;
    let channel = channel();
    let wish = client.subscribe(&channel, Start::Now);
    let (wish, _) = tokio::join!(soon(wish), connection.subscribed(0));
    wish.unwrap();
    client.use_region(&there.region).await.unwrap();
    let request = there.accept().await.subscribed(0).await;
    assert_eq!((&request["since"], &request["region"]), (&json!(id(0)), &json!("a")));
}

#[tokio::test]
async fn a_client_that_went_away_stays_away_until_it_is_called() {
    let service = Service::start("a").await;
    let (client, _events) = start(&[&service]);
    let mut connection = service.accept().await;
    client.disconnect().await.unwrap();
    assert!(soon(connection.wire.next()).await.is_none_or(|frame| frame.is_err()));
    soon(client.status().wait_for(|status| matches!(status, Status::Away))).await.unwrap();
    client.connect().await.unwrap();
    service.accept().await;
}

#[tokio::test]
async fn after_a_refusal_the_next_endpoint_is_tried() {
    let (here, there) = (Service::start("a").await, Service::start("b").await);
    let (client, _events) = start(&[&here, &there]);
    let mut status = client.status();
    here.refuse(401).await;
    let refused =
        |status: &Status| matches!(status.lost(), Some(Lost::Failed { fault: DialFault::Refused(401), .. }));
    assert!(soon(status.wait_for(refused)).await.is_ok());
    let _connection = there.accept().await;
    assert_eq!(soon(client.connected()).await.unwrap().as_str(), "b");
}

#[tokio::test]
async fn a_publish_that_was_cut_off_is_tried_again_under_the_same_key() {
    let service = Service::start("a").await;
    let (client, _events) = start(&[&service]);
    let mut connection = service.accept().await;
    let publish = tokio::spawn(async move { client.publish(&channel(), "hi").await });
    let first = connection.expect("publish").await;
    drop(connection);
    let mut connection = service.accept().await;
    let second = connection.expect("publish").await;
    assert_eq!(first["key"], second["key"]);
    assert!(first["key"].as_str().is_some_and(|key| key.len() == 32));
    connection.reply(&second, json!({"message_id": id(1), "at": 1})).await;
    assert_eq!(soon(publish).await.unwrap().unwrap().message_id, id(1));
}

#[tokio::test]
async fn a_refusal_reaches_whoever_asked() {
    let service = Service::start("a").await;
    let (client, _events) = start(&[&service]);
    let mut connection = service.accept().await;
    let wish = tokio::spawn(async move { client.subscribe(&channel(), Start::Now).await });
    let request = connection.expect("subscribe").await;
    let error = json!({"code": "forbidden", "message": "no grant", "temporary": false});
    connection.send(json!({"type": "error", "id": request["id"], "error": error})).await;
    let refused = soon(wish).await.unwrap();
    assert!(matches!(refused, Err(ClientError::Ended(Exit::Refused(_)))), "{refused:?}");
}

#[tokio::test]
async fn bye_without_return_ends_the_client() {
    let service = Service::start("a").await;
    let (client, mut events) = start(&[&service]);
    let mut connection = service.accept().await;
    connection.send(json!({"type": "bye", "code": "kicked", "reconnect": false})).await;
    assert!(matches!(soon(events.next()).await, Some(Event::Bye { reconnect: false, .. })));
    assert!(soon(events.next()).await.is_none());
    assert_eq!(client.publish(&channel(), "hi").await, Err(ClientError::Closed));
}

#[tokio::test]
async fn closing_says_goodbye_and_ends_the_events() {
    let service = Service::start("a").await;
    let (client, mut events) = start(&[&service]);
    let mut connection = service.accept().await;
    soon(client.connected()).await.unwrap();
    soon(client.close()).await;
    assert!(soon(events.next()).await.is_none());
    assert!(matches!(soon(connection.wire.next()).await, Some(Ok(WireMessage::Close(_)))));
}

#[tokio::test]
async fn an_application_that_does_not_listen_is_a_client_that_does_not_read() {
    let service = Service::start("a").await;
    let options = Options::new(vec![service.endpoint()], TokenProvider::fixed("x.e30.y".to_owned()));
    let (client, mut events) = Client::start(Options { events_max: 1, ..options });
    let mut connection = service.accept().await;
    let channel = channel();
    let wish = client.subscribe(&channel, Start::Now);
    let (wish, _) = tokio::join!(soon(wish), connection.subscribed(0));
    wish.unwrap();
    let flood = async {
        for second in 1.. {
            let data = "x".repeat(30_000);
            let message = json!({"id": id(second), "channel": "c", "data": data, "region": "a"});
            let frame = json!({"type": "messages", "messages": [message]}).to_string();
            if timeout(Duration::from_secs(2), connection.wire.send(WireMessage::text(frame))).await.is_err()
            {
                return second - 1;
            }
        }
        0
    };
    let written = soon(flood).await;
    for second in 1..=written {
        assert_eq!(next_message(&mut events).await, id(second), "and nothing of it is lost");
    }
}
