//! One round: connect, subscribe, publish, receive.

use std::fmt;
use std::future::Future;
use std::iter::successors;
use std::time::Duration;

use sorl_client::{Client, Endpoint, Event, Events, Options, Start, TokenProvider};
use sorl_core::names::ChannelName;
use tokio::time::{Instant, timeout, timeout_at};

/// For a farewell: whoever got through may leave without one.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// How far a round came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A token was to be had.
    Token,
    /// A WebSocket was to be opened.
    Connect,
    /// The channel was to be entered.
    Subscribe,
    /// The message was to be accepted.
    Publish,
    /// The message was to come back.
    Receive,
}

impl Step {
    /// As logs call it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Connect => "connect",
            Self::Subscribe => "subscribe",
            Self::Publish => "publish",
            Self::Receive => "receive",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A round did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {cause}")]
pub struct Failed {
    /// How far it came.
    pub step: Step,
    /// Why no further.
    pub cause: String,
}

impl Failed {
    /// It came to this step, and no further.
    pub fn at(step: Step, cause: impl fmt::Display) -> Self {
        Self { step, cause: cause.to_string() }
    }
}

/// Flies a round to `endpoint`, in `channel`; `mark` is what it says, and nobody else. Returns how long it took, from
/// the first packet until the message was back.
///
/// # Errors
/// [`Failed`]: the step that did not succeed before `patience` was over, or was refused.
pub async fn round(
    endpoint: Endpoint,
    token: String,
    channel: &ChannelName,
    mark: &str,
    patience: Duration,
) -> Result<Duration, Failed> {
    let begun = Instant::now();
    let (client, events) = Client::start(Options::new(vec![endpoint], TokenProvider::fixed(token)));
    let outcome = Round { client: &client, channel, mark, until: begun + patience }.fly(events).await;
    let took = begun.elapsed();
    timeout(CLOSE_MAX, client.close()).await.ok();
    outcome.map(|()| took)
}

struct Round<'a> {
    client: &'a Client,
    channel: &'a ChannelName,
    mark: &'a str,
    until: Instant,
}

impl Round<'_> {
    async fn fly(&self, mut events: Events) -> Result<(), Failed> {
        let Self { client, channel, mark, .. } = self;
        self.within(Step::Connect, client.connected()).await?;
        self.within(Step::Subscribe, client.subscribe(channel, Start::Now)).await?;
        self.within(Step::Publish, client.publish(channel, *mark)).await?;
        self.within(Step::Receive, self.hear(&mut events)).await
    }

    async fn within<T, E: fmt::Display>(
        &self,
        step: Step,
        doing: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failed> {
        match timeout_at(self.until, doing).await {
            Ok(outcome) => outcome.map_err(|fault| Failed::at(step, fault)),
            Err(_elapsed) => Err(Failed::at(step, self.trouble())),
        }
    }

    /// Why nothing came in time, with all that is known of it.
    fn trouble(&self) -> String {
        let status = self.client.status();
        let status = status.borrow();
        let Some(lost) = status.lost() else { return "no answer in time".to_owned() };
        let causes = successors(Some(lost as &dyn std::error::Error), |fault| fault.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }

    /// Waits for its own message, past those of other rounds.
    async fn hear(&self, events: &mut Events) -> Result<(), &'static str> {
        while let Some(event) = events.next().await {
            let Event::Message { message, .. } = event else { continue };
            let said = serde_json::from_str::<String>(message.data.get());
            if message.channel == *self.channel && said.is_ok_and(|said| said == self.mark) {
                return Ok(());
            }
        }
        Err("the client ended")
    }
}
