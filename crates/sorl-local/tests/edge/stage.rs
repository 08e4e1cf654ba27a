//! A stage of a test's own, and what a test does to it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Once};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sorl_core::config::Config;
use sorl_core::ids::ConnectionId;
use sorl_core::member::Partition;
use sorl_core::names::ChannelName;
use sorl_core::ports::Registry;
use sorl_local::dev::{Dev, Options, Share, start};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Far longer than anything takes that does not hang.
pub(crate) const GENEROUS: Duration = Duration::from_secs(20);
pub(crate) const HOME: &str = "eu-north-1";

pub(crate) struct Stage {
    pub(crate) dev: Dev,
    pub(crate) http: reqwest::Client,
}

pub(crate) fn options() -> Options {
    Options {
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: 0,
        data: None,
        idle_timeout: Duration::from_mins(10),
        max_age: Duration::from_hours(2),
        trace_share: Share::NONE,
    }
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::start_with(Config::default(), options()).await
    }

    pub(crate) async fn start_with(config: Config, options: Options) -> Self {
        static TLS: Once = Once::new();
        TLS.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
        let dev = start(Arc::new(config), options).await.unwrap();
        Self { dev, http: reqwest::Client::new() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.dev.url())
    }

    pub(crate) fn socket_url(&self, region: &str) -> String {
        format!("{}/regions/{region}", self.dev.url().replace("http", "ws"))
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> reqwest::Response {
        self.http.post(self.url(path)).body(body.to_string()).send().await.unwrap()
    }

    /// The answer to a form, as SNS takes it.
    pub(crate) async fn sns(&self, fields: &[(&str, &str)]) -> (u16, String) {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let sent = self.http.post(self.url("/")).body(body).send().await.unwrap();
        (sent.status().as_u16(), sent.text().await.unwrap())
    }

    pub(crate) async fn token(&self, user: &str) -> String {
        let minted: Value = json_of(self.post_json("/token", &json!({ "user": user })).await).await;
        minted["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn connect(&self, user: &str) -> Socket {
        self.connect_to(HOME, user).await
    }

    pub(crate) async fn connect_to(&self, region: &str, user: &str) -> Socket {
        let offer = format!("sorl.v1, sorl.token.{}", self.token(user).await);
        self.handshake(region, &[("sec-websocket-protocol", &offer)]).await.unwrap().0
    }

    /// A handshake with these headers: the socket and the selected subprotocol, or the status of the refusal.
    pub(crate) async fn handshake(
        &self,
        region: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<(Socket, Option<String>), u16> {
        let mut request = self.socket_url(region).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
        }
        match connect_async(request).await {
            Ok((socket, response)) => {
                let selected = response.headers().get("sec-websocket-protocol");
                Ok((Socket(socket), selected.map(|value| value.to_str().unwrap().to_owned())))
            }
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("no handshake: {other}"),
        }
    }

    /// The ids of the user's connections in the home region, as the registry knows them.
    pub(crate) async fn connections(&self, user: &str) -> Vec<ConnectionId> {
        let station = self.dev.stage().station(HOME).unwrap();
        let channel = ChannelName::parse(&format!("@{user}")).unwrap();
        let partition = Partition { channel, region: station.site().region.clone(), shard: 0 };
        let page = station.place.registry.audience(&partition, None).await.unwrap();
        page.members.iter().map(|member| member.connection().clone()).collect()
    }

    pub(crate) async fn connection(&self, user: &str) -> ConnectionId {
        self.connections(user).await.into_iter().next().unwrap()
    }

    pub(crate) fn callback(&self, connection: &str) -> String {
        self.url(&format!("/regions/{HOME}/@connections/{connection}"))
    }

    /// Posts to a connection; the status of the answer.
    pub(crate) async fn post(&self, connection: &ConnectionId, frame: &str) -> u16 {
        let url = self.callback(connection.as_str());
        self.http.post(url).body(frame.to_owned()).send().await.unwrap().status().as_u16()
    }
}

pub(crate) async fn json_of(response: reqwest::Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

/// Waits until `check` says so; fails when it never does.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, check: impl Fn() -> F) {
    let waiting = async {
        while !check().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(GENEROUS, waiting).await.unwrap_or_else(|_elapsed| panic!("never: {what}"));
}

/// A client's end of a WebSocket.
pub(crate) struct Socket(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn send(&mut self, frame: impl Into<String>) {
        self.0.send(Message::text(frame.into())).await.unwrap();
    }

    /// The next text frame.
    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Some(Message::Text(text)) => text.as_str().to_owned(),
            other => panic!("expected a text, got {other:?}"),
        }
    }

    /// The next text frame as JSON.
    pub(crate) async fn frame(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// Sends a request and reads on to its reply.
    pub(crate) async fn ask(&mut self, request: Value) -> Value {
        self.send(request.to_string()).await;
        loop {
            let frame = self.frame().await;
            if frame["id"] == request["id"] {
                return frame;
            }
        }
    }

    /// The code of the close frame, after whatever texts come before it.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            match self.next().await {
                Some(Message::Close(Some(close))) => return close.code.into(),
                Some(Message::Text(_)) => {}
                other => panic!("expected a close frame, got {other:?}"),
            }
        }
    }

    async fn next(&mut self) -> Option<Message> {
        let next = timeout(GENEROUS, self.0.next()).await.expect("nothing came");
        next.map(|message| message.unwrap())
    }
}
