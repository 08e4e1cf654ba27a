//! A short visit to the service: connect, ask, leave.
//!
//! Not `tail`, which stays. The invariant: a visit ends with an answer or with the first attempt that failed; it never
//! goes on trying where somebody waits.

use std::future::Future;

use sorl_client::client::Lost;
use sorl_client::{Client, Options};
use sorl_core::names::{ChannelName, UserName};

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

/// Who visits unless somebody is named: of a personal channel its owner, since nobody else may read it.
pub(crate) fn user(named: Option<UserName>, channel: &ChannelName) -> anyhow::Result<UserName> {
    let owner = channel.as_str().strip_prefix('@').filter(|_| channel.is_personal());
    match named {
        Some(user) => Ok(user),
        None => Ok(UserName::parse(owner.unwrap_or("sorl-cli"))?),
    }
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
