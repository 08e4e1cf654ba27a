//! The channels of a run, their members, and who publishes to them.
//!
//! Invariant: nothing is published before every member has joined.

use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::Context as _;
use futures::stream::{self, LocalBoxStream, StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

use crate::dialect::Dialect;
use crate::http::Http;
use crate::member::{Door, Line};
use crate::publisher::{self, Publisher, Request};
use crate::tally::{Clock, Tally};

/// Connections that open side by side.
const OPENING: usize = 32;

/// The connections that publish to a group. Sorl carries out 16 frames of one connection side by side, so that
/// 32 in flight need two; four leave room.
const PUBLISHERS: usize = 4;

/// What a group of channels is to be.
pub(crate) struct Plan<'a> {
    /// The beginning of its channels' and users' names.
    pub(crate) prefix: &'a str,
    pub(crate) channels: usize,
    pub(crate) connections: usize,
    /// How many of them join and then do not read.
    pub(crate) unread: usize,
    pub(crate) bytes: usize,
}

/// The server as a publisher and a token see it.
pub(crate) struct Api {
    /// Where the plain HTTP calls go; absent for Socket.IO.
    pub(crate) host: Option<SocketAddr>,
    /// The topic, when publishing goes by SNS.
    pub(crate) topic: Option<String>,
}

/// An open group.
pub(crate) struct Group {
    pub(crate) publisher: Publisher,
    /// The members that do not read; they must stay open.
    pub(crate) unread: Vec<Line>,
}

impl Group {
    /// Opens all members and publishers of `plan`.
    pub(crate) async fn open(
        plan: &Plan<'_>,
        door: &Door,
        api: &Api,
        clock: Clock,
        tasks: &mut JoinSet<anyhow::Result<()>>,
    ) -> anyhow::Result<Self> {
        let channels: Vec<_> = (0..plan.channels).map(|n| format!("{}{n}", plan.prefix)).collect();
        let mut audiences = vec![0; plan.channels];
        for number in plan.unread..plan.connections {
            *audiences.get_mut(number % plan.channels).context("a channel")? += 1;
        }
        let tally = Rc::new(Tally::new(clock, audiences)?);
        let mut http = api.connect().await?;
        let mut tokens = Vec::new();
        for number in 0..plan.connections {
            tokens.push(token(http.as_mut(), plan, number).await?);
        }
        let mut unread = Vec::new();
        let mut joining = join(plan, &channels, door, &tokens);
        while let Some((number, line)) = joining.try_next().await? {
            if number < plan.unread {
                unread.push(line);
            } else {
                // At once: while the last ones open, the first are asked whether somebody is there.
                tasks.spawn_local(line.count(number % plan.channels, Rc::clone(&tally)));
            }
        }
        drop(joining);
        let carriers = api.carriers(plan, door, &tally, tasks).await?;
        let acknowledged = door.dialect == Dialect::Sorl;
        let publisher = Publisher { tally, channels, bytes: plan.bytes, acknowledged, carriers };
        Ok(Self { publisher, unread })
    }
}

/// Opens the members' connections, some side by side, each with its number in the plan.
fn join<'a>(
    plan: &'a Plan<'_>,
    channels: &'a [String],
    door: &'a Door,
    tokens: &'a [Option<String>],
) -> LocalBoxStream<'a, anyhow::Result<(usize, Line)>> {
    let opening = stream::iter(tokens.iter().enumerate()).map(move |(number, token)| async move {
        let channel = channels.get(number % plan.channels).context("a channel")?;
        let reads = number >= plan.unread;
        let mut line = door.open(number, token.as_deref(), reads).await?;
        line.join(channel).await?;
        anyhow::Ok((number, line))
    });
    opening.buffer_unordered(OPENING).boxed_local()
}

impl Api {
    async fn connect(&self) -> anyhow::Result<Option<Http>> {
        Ok(match self.host {
            Some(host) => Some(Http::connect(host).await?),
            None => None,
        })
    }

    async fn carriers(
        &self,
        plan: &Plan<'_>,
        door: &Door,
        tally: &Rc<Tally>,
        tasks: &mut JoinSet<anyhow::Result<()>>,
    ) -> anyhow::Result<Vec<UnboundedSender<Request>>> {
        let mut carriers = Vec::new();
        let mut http = self.connect().await?;
        for number in 0..PUBLISHERS {
            let carrier = if let (Some(host), Some(topic)) = (self.host, &self.topic) {
                publisher::over_sns(host, topic.clone(), Rc::clone(tally), tasks).await?
            } else {
                let number = plan.connections + number;
                let token = token(http.as_mut(), plan, number).await?;
                let line = door.open(number, token.as_deref(), true).await?;
                publisher::over_websocket(line, door.dialect, Rc::clone(tally), tasks)
            };
            carriers.push(carrier);
        }
        Ok(carriers)
    }
}

/// Every connection is of a user of its own.
async fn token(http: Option<&mut Http>, plan: &Plan<'_>, number: usize) -> anyhow::Result<Option<String>> {
    Ok(match http {
        Some(http) => Some(http.token(&format!("{}{number}", plan.prefix)).await?),
        None => None,
    })
}
