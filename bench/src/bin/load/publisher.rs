//! Publishing to the channels in turns, as fast as the members take it or at a steady rate.
//!
//! The pace is decided in one place; connections of their own, which are no members, carry the requests out.
//! Invariant: never more messages in flight than asked for, where a message is in flight until every member has
//! it and the server has acknowledged it.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::dialect::{Dialect, Told};
use crate::http::Http;
use crate::member::Line;
use crate::tally::Tally;

/// How long a run waits for something to arrive before it gives the rest up as lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// How to publish.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// At most so many messages in flight.
    InFlight(u64),
    /// One message each so often.
    Every(Duration),
}

/// A request that a connection carries out.
pub(crate) struct Request {
    n: u64,
    channel: String,
    data: String,
}

/// Publishes to the channels of a group.
pub(crate) struct Publisher {
    pub(crate) tally: Rc<Tally>,
    pub(crate) channels: Vec<String>,
    /// Length of a message's data.
    pub(crate) bytes: usize,
    /// Whether the server acknowledges.
    pub(crate) acknowledged: bool,
    pub(crate) carriers: Vec<UnboundedSender<Request>>,
}

impl Publisher {
    /// Publishes for `span`, then waits until everybody has everything.
    pub(crate) async fn run(&self, pace: Pace, span: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + span;
        match pace {
            Pace::InFlight(most) => {
                while Instant::now() < end {
                    self.below(most).await?;
                    self.publish()?;
                }
            }
            Pace::Every(interval) => {
                let mut ticks = tokio::time::interval(interval);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
                while ticks.tick().await < end {
                    self.publish()?;
                }
            }
        }
        self.below(1).await
    }

    /// Waits until fewer than `most` messages are in flight.
    async fn below(&self, most: u64) -> anyhow::Result<()> {
        while self.tally.unfinished() >= most {
            if tokio::time::timeout(PATIENCE, self.tally.progress.notified()).await.is_err() {
                self.tally.settled()?;
            }
        }
        Ok(())
    }

    fn publish(&self) -> anyhow::Result<()> {
        let (stamp, channel) = self.tally.publish(self.acknowledged)?;
        let channel = self.channels.get(channel).context("a channel without a name")?.clone();
        let turn = usize::try_from(stamp.n)? % self.carriers.len().max(1);
        let carrier = self.carriers.get(turn).context("nobody publishes")?;
        let request = Request { n: stamp.n, channel, data: stamp.data(self.bytes) };
        carrier.send(request).ok().context("a publishing connection is gone")
    }
}

/// Starts the task that publishes over a WebSocket; a fault of it ends the run.
pub(crate) fn over_websocket(
    line: Line,
    dialect: Dialect,
    tally: Rc<Tally>,
    tasks: &mut JoinSet<anyhow::Result<()>>,
) -> UnboundedSender<Request> {
    let (sender, requests) = unbounded_channel();
    tasks.spawn_local(carry(line, dialect, tally, requests));
    sender
}

async fn carry(
    line: Line,
    dialect: Dialect,
    tally: Rc<Tally>,
    mut requests: UnboundedReceiver<Request>,
) -> anyhow::Result<()> {
    let (mut listening, mut outgoing) = line.split();
    loop {
        let mut pings = Vec::new();
        tokio::select! {
            request = requests.recv() => {
                let Some(Request { n, channel, data }) = request else { return Ok(()) };
                outgoing.text(dialect.publish(n, &channel, &data).as_bytes()).await?;
            }
            heard = listening.next(
                |stamp| bail!("{stamp:?} came to a publisher"),
                |told| if let Told::Reply(n) = told { tally.acknowledge(n) } else { Ok(()) },
                &mut pings,
            ) => heard?,
        }
        for ping in pings {
            ping.answer(&mut outgoing).await?;
        }
    }
}

/// Starts the task that publishes over SNS's HTTP API.
pub(crate) async fn over_sns(
    host: SocketAddr,
    topic: String,
    tally: Rc<Tally>,
    tasks: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<UnboundedSender<Request>> {
    let mut http = Http::connect(host).await?;
    let (sender, mut requests) = unbounded_channel();
    tasks.spawn_local(async move {
        while let Some(Request { n, channel, data }) = requests.recv().await {
            http.publish(&topic, &channel, &data).await?;
            tally.acknowledge(n)?;
        }
        Ok(())
    });
    Ok(sender)
}
