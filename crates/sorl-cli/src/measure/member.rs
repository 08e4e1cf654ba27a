//! One connection that listens: in one region, a member of one channel.
//!
//! Not what it hears. A member stays in its region: it comes back there when its connection is lost, and recovers,
//! because a pair of regions is measured and not the choice between them.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sorl_client::{Client, Endpoint, Events, Options, Start, Tap, TokenProvider};
use sorl_core::names::ChannelName;

use crate::target::RegionAddress;

/// A member of a channel.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its handle.
    pub(crate) client: Client,
    /// What it hears.
    pub(crate) events: Events,
    /// Live messages in the frames that came, those included that the client knew already and does not tell.
    brought: Arc<AtomicU64>,
}

impl Member {
    /// Connects to a region and subscribes, as often as it takes within `patience`.
    pub(crate) async fn enter(
        place: &RegionAddress,
        tokens: TokenProvider,
        channel: &ChannelName,
        patience: Duration,
    ) -> anyhow::Result<Self> {
        let endpoint = Endpoint { region: place.region.clone(), url: place.url.clone() };
        let brought = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&brought);
        let tap = Tap::new(move |frame| {
            counted.fetch_add(live_messages(frame), Ordering::Relaxed);
        });
        let (client, events) =
            Client::start(Options::new(vec![endpoint], tokens).in_region(place.region.clone()).tapped(tap));
        match tokio::time::timeout(patience, client.subscribe(channel, Start::Now)).await {
            Ok(Ok(())) => Ok(Self { client, events, brought }),
            Ok(Err(fault)) => Err(fault).with_context(|| format!("{channel} in {}", place.region)),
            Err(_) => bail!("{}: {}", place.region, why(&client, patience)),
        }
    }

    /// How many live messages the frames brought so far, each as often as it came.
    pub(crate) fn brought(&self) -> u64 {
        self.brought.load(Ordering::Relaxed)
    }
}

/// As little of a frame as must be read to count what is in it.
#[derive(Deserialize)]
struct Counted<'a> {
    #[serde(borrow)]
    r#type: Option<Cow<'a, str>>,
    #[serde(default)]
    messages: Vec<IgnoredAny>,
}

fn live_messages(frame: &str) -> u64 {
    match serde_json::from_str::<Counted<'_>>(frame) {
        Ok(Counted { r#type: Some(kind), messages }) if kind == "messages" => messages.len() as u64,
        _ => 0,
    }
}

/// Why a client is not connected, with all that is known of it.
pub(super) fn why(client: &Client, patience: Duration) -> String {
    let status = client.status();
    let status = status.borrow();
    let Some(lost) = status.lost() else { return format!("no answer within {patience:?}") };
    let causes = std::iter::successors(Some(lost as &dyn std::error::Error), |fault| fault.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_live_messages_are_counted() {
        assert_eq!(live_messages(r#"{"type":"messages","messages":[{"id":"a"},{"id":"b"}]}"#), 2);
        assert_eq!(live_messages(r#"{"type":"reply","id":1,"result":{"messages":[{}]}}"#), 0);
        for other in ["", "7", "{}", r#"{"message":"Internal server error"}"#] {
            assert_eq!(live_messages(other), 0, "{other}");
        }
    }
}
