//! A short visit to the service: connect, ask, leave.
//!
//! Not `tail`, which stays. The invariant: a visit ends with an answer or with the first attempt that failed; it never
//! goes on trying where somebody waits.

use std::future::Future;

use anyhow::bail;
use sorl_client::client::Lost;
use sorl_client::{Client, ClientError, Options};

/// Connects, lets `ask` ask, and leaves.
pub(crate) async fn visit<T, F>(options: Options, ask: impl FnOnce(Client) -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let (client, events) = Client::start(options);
    // Nobody listens: what comes live is not what was asked for.
    drop(events);
    let outcome = tokio::select! {
        outcome = ask(client.clone()) => outcome,
        lost = lost(&client) => Err(anyhow::anyhow!(lost)),
    };
    client.close().await;
    outcome
}

/// Why there is no connection, once an attempt failed.
pub(crate) async fn lost(client: &Client) -> String {
    let mut status = client.status();
    match status.wait_for(|status| status.lost().is_some()).await {
        Ok(status) => status.lost().map(with_sources).unwrap_or_default(),
        Err(_) => "the client ended".to_owned(),
    }
}

fn with_sources(fault: &Lost) -> String {
    let sources = std::iter::successors(Some(fault as &dyn std::error::Error), |fault| fault.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
