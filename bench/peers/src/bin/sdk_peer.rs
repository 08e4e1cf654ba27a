//! The fan-out as one writes it in Rust with AWS's SDK and its defaults, 256 posts at the same time.
//!
//! Not Sorl's whole work: no retries by slices, no clean-up, no coalescing.

use std::collections::HashMap;
use std::env::var;

use anyhow::Result;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_apigatewaymanagement::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use sorl_bench_peers::event::{DONE, Event, frame, partition, row};
use sorl_core::message::Message;

/// Posts at the same time.
const CONCURRENCY: usize = 256;

struct Peer {
    dynamodb: aws_sdk_dynamodb::Client,
    gateway: aws_sdk_apigatewaymanagement::Client,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let sdk = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
    let peer = Peer { dynamodb: aws_sdk_dynamodb::Client::new(&sdk), gateway: gateway(&sdk)? };
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| handle(event.payload, &peer))).await
}

fn gateway(sdk: &SdkConfig) -> Result<aws_sdk_apigatewaymanagement::Client, Error> {
    let settings =
        aws_sdk_apigatewaymanagement::config::Builder::from(sdk).endpoint_url(var("SORL_GATEWAY")?);
    Ok(aws_sdk_apigatewaymanagement::Client::from_conf(settings.build()))
}

async fn handle(event: Event, peer: &Peer) -> Result<Value, Error> {
    let messages = event.messages()?;
    peer.log(&messages).await?;
    let mut posts = Vec::new();
    for audience in futures::future::join_all(messages.iter().map(|message| peer.audience(message))).await {
        posts.extend(audience?);
    }
    let posts = posts.into_iter().map(|(connection, frame)| peer.post(connection, frame));
    stream::iter(posts).buffer_unordered(CONCURRENCY).try_for_each(|()| async { Ok(()) }).await?;
    Ok(serde_json::from_str(DONE)?)
}

impl Peer {
    async fn log(&self, messages: &[Message]) -> Result<()> {
        for batch in messages.chunks(25) {
            let puts: Result<Vec<_>> = batch.iter().map(put).collect();
            self.dynamodb.batch_write_item().request_items("sorl-dev-messages", puts?).send().await?;
        }
        Ok(())
    }

    /// Everybody in the message's channel, each with the frame.
    async fn audience(&self, message: &Message) -> Result<Vec<(String, Blob)>> {
        let frame = Blob::new(frame(message));
        let mut rows = self
            .dynamodb
            .query()
            .table_name("sorl-dev-connections")
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(partition(message)))
            .projection_expression("sk")
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut members = Vec::new();
        while let Some(row) = rows.next().await {
            if let Some(AttributeValue::S(connection)) = row?.remove("sk") {
                members.push((connection, frame.clone()));
            }
        }
        Ok(members)
    }

    async fn post(&self, connection: String, frame: Blob) -> Result<()> {
        self.gateway.post_to_connection().connection_id(connection).data(frame).send().await?;
        Ok(())
    }
}

fn put(message: &Message) -> Result<WriteRequest> {
    let item: HashMap<_, _> =
        row(message).into_iter().map(|(name, value)| (name.to_owned(), attribute(&value))).collect();
    let put = PutRequest::builder().set_item(Some(item)).build()?;
    Ok(WriteRequest::builder().put_request(put).build())
}

fn attribute(value: &Value) -> AttributeValue {
    let text = |kind| value.get(kind).and_then(Value::as_str).map(str::to_owned);
    text("N").map_or_else(|| AttributeValue::S(text("S").unwrap_or_default()), AttributeValue::N)
}
