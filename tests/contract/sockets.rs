//! The arm of the gateway: a stage behind a real port, and clients that read only when they are told to.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use async_trait::async_trait;
use aws_config::Region as AwsRegion;
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use futures::StreamExt;
use sorl_aws::clients;
use sorl_aws::gateway::AwsGateway;
use sorl_core::config::Config;
use sorl_core::ids::ConnectionId;
use sorl_core::limits::{CONNECTION_AGE_MAX, CONNECTION_IDLE_MAX};
use sorl_core::member::Partition;
use sorl_core::names::ChannelName;
use sorl_core::ports::{Gateway, Registry};
use sorl_local::dev::{Dev, Options, Share, start};
use sorl_local::stage::Station;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::arm::{fresh_user, in_time};

/// A region's gateway, and somebody to connect to it.
#[async_trait]
pub(crate) trait GatewayArm: Send + Sync {
    fn gateway(&self) -> &dyn Gateway;
    async fn open(&self) -> Client;
}

/// A client that reads only in [`Client::next`].
pub(crate) struct Client {
    pub(crate) id: ConnectionId,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    /// The next frame; none at the end.
    pub(crate) async fn next(&mut self) -> Option<String> {
        match in_time(self.socket.next()).await {
            Some(Ok(Message::Text(text))) => Some(text.as_str().to_owned()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => None,
            Some(Ok(other)) => panic!("a gateway sends text, not {other:?}"),
        }
    }
}

/// A stage of the clause's own.
pub(crate) struct Local {
    dev: Dev,
    station: Arc<Station>,
}

/// `sorl dev` as it comes.
pub(crate) async fn local() -> Local {
    let options = Options {
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: 0,
        data: None,
        idle_timeout: CONNECTION_IDLE_MAX,
        max_age: CONNECTION_AGE_MAX,
        trace_share: Share::NONE,
    };
    let dev = start(Arc::new(Config::default()), options).await.unwrap();
    let station = Arc::clone(dev.stage().stations_in_order().next().unwrap());
    Local { dev, station }
}

/// The deployed adapter over the `@connections` API of `sorl dev`: the same clients, the same stage.
pub(crate) struct Deployed {
    local: Local,
    gateway: AwsGateway,
}

/// `sorl dev` as it comes, and the deployed client of its `@connections` API.
pub(crate) async fn over_http() -> Deployed {
    let local = local().await;
    let region = &local.station.site().region;
    let endpoint = format!("{}/regions/{region}", local.dev.url());
    // Any credentials do, as with `sorl dev`; and any region.
    let credentials = Credentials::new("any", "any", None, None, "contract");
    let configuration = clients::configuration().await.into_builder();
    let configuration = configuration
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(AwsRegion::new(region.as_str().to_owned()))
        .build();
    let gateway = AwsGateway::new(&configuration, &endpoint).unwrap();
    Deployed { local, gateway }
}

#[async_trait]
impl GatewayArm for Deployed {
    fn gateway(&self) -> &dyn Gateway {
        &self.gateway
    }

    async fn open(&self) -> Client {
        self.local.open().await
    }
}

#[async_trait]
impl GatewayArm for Local {
    fn gateway(&self) -> &dyn Gateway {
        &self.station.gateway
    }

    async fn open(&self) -> Client {
        let user = fresh_user();
        let token = self.station.keys.mint(user.as_str(), None, 3_600, self.station.clock.now()).unwrap();
        let region = &self.station.site().region;
        let url = format!("{}/regions/{region}", self.dev.url().replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let (socket, _) = Box::pin(in_time(connect_async(request))).await.unwrap();
        // The connection's record stands in its user's personal channel.
        let partition = Partition { channel: ChannelName::personal(&user), region: region.clone(), shard: 0 };
        let page = self.station.place.registry.audience(&partition, None).await.unwrap();
        Client { id: page.members[0].connection().clone(), socket }
    }
}
