//! The least that a fan-out can cost by ordinary means: hyper's pooled client, unsigned, no retries, no clean-up.
//!
//! The whole invocation all the same: the event read, the log written, audiences read page by page, everybody posted
//! to. AWS would refuse every one of its requests; it is the yardstick of what signing and care may cost.

use std::env::var;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sorl_bench_peers::event::{DONE, Event, frame, partition, row};
use sorl_core::message::Message;

/// Posts at the same time.
const CONCURRENCY: usize = 256;

type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

struct Peer {
    http: Http,
    runtime_api: String,
    aws: String,
    gateway: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    items: Vec<Row>,
    last_evaluated_key: Option<Value>,
}

#[derive(Deserialize)]
struct Row {
    sk: Text,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let peer = Peer {
        http: client()?,
        runtime_api: format!("http://{}/2018-06-01/runtime/invocation", var("AWS_LAMBDA_RUNTIME_API")?),
        aws: var("AWS_ENDPOINT_URL")?,
        gateway: var("SORL_GATEWAY")?,
    };
    loop {
        peer.invocation().await?;
    }
}

fn client() -> Result<Http> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(var("SSL_CERT_FILE")?)? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    http.enforce_http(false);
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

impl Peer {
    async fn invocation(&self) -> Result<()> {
        let next = Request::get(format!("{}/next", self.runtime_api)).body(Full::default())?;
        let next = self.http.request(next).await?;
        let id = next
            .headers()
            .get("lambda-runtime-aws-request-id")
            .context("no request id")?
            .to_str()?
            .to_owned();
        let event: Event = serde_json::from_slice(&next.into_body().collect().await?.to_bytes())?;
        self.handle(&event.messages()?).await?;
        let answer = format!("{}/{id}/response", self.runtime_api);
        self.send(Method::POST, &answer, "", Bytes::from_static(DONE.as_bytes())).await?;
        Ok(())
    }

    async fn handle(&self, messages: &[Message]) -> Result<()> {
        self.log(messages).await?;
        let mut posts = Vec::new();
        for audience in futures::future::join_all(messages.iter().map(|message| self.audience(message))).await
        {
            posts.extend(audience?);
        }
        let posts = posts.into_iter().map(|(connection, frame)| self.post(connection, frame));
        stream::iter(posts).buffer_unordered(CONCURRENCY).try_for_each(|()| async { Ok(()) }).await
    }

    async fn log(&self, messages: &[Message]) -> Result<()> {
        for batch in messages.chunks(25) {
            let puts: Vec<_> = batch.iter().map(put).collect();
            let batch = json!({ "RequestItems": { "sorl-dev-messages": puts } });
            self.dynamodb("BatchWriteItem", &batch).await?;
        }
        Ok(())
    }

    /// Everybody in the message's channel, each with the frame.
    async fn audience(&self, message: &Message) -> Result<Vec<(String, Bytes)>> {
        let frame = Bytes::from(frame(message));
        let mut query = json!({
            "TableName": "sorl-dev-connections",
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": { ":pk": { "S": partition(message) } },
            "ProjectionExpression": "sk",
            "ConsistentRead": true,
        });
        let mut members = Vec::new();
        loop {
            let page: Page = serde_json::from_slice(&self.dynamodb("Query", &query).await?)?;
            members.extend(page.items.into_iter().map(|row| (row.sk.text, frame.clone())));
            let Some(last) = page.last_evaluated_key else { return Ok(members) };
            query.as_object_mut().context("a query")?.insert("ExclusiveStartKey".to_owned(), last);
        }
    }

    async fn dynamodb(&self, operation: &str, asked: &Value) -> Result<Bytes> {
        let target = format!("DynamoDB_20120810.{operation}");
        self.send(Method::POST, &self.aws, &target, Bytes::from(asked.to_string())).await
    }

    async fn post(&self, connection: String, frame: Bytes) -> Result<()> {
        let path = connection.replace('=', "%3D");
        let to = format!("{}/%40connections/{path}", self.gateway);
        self.send(Method::POST, &to, "", frame).await.map(|_empty| ())
    }

    async fn send(&self, method: Method, url: &str, target: &str, body: Bytes) -> Result<Bytes> {
        let mut request = Request::builder().method(method).uri(url);
        if !target.is_empty() {
            request = request.header("x-amz-target", target);
        }
        let answer = self.http.request(request.body(Full::new(body))?).await?;
        ensure!(answer.status().is_success(), "{url} answered {}", answer.status());
        Ok(answer.into_body().collect().await?.to_bytes())
    }
}

fn put(message: &Message) -> Value {
    let item: Map<String, Value> =
        row(message).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    json!({ "PutRequest": { "Item": item } })
}
