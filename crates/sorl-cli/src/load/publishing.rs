//! The messages of a run: published at a rate, from all regions in turn.
//!
//! The invariant: message `n` is due `n / rate` seconds after the first, whatever became of those before it; how far
//! that was missed is reported. As many as [`IN_FLIGHT_MAX`] are under way at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sorl_client::Outgoing;
use sorl_core::names::UserName;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Args;
use super::board::Board;
use crate::measure::{Speaker, Stop};
use crate::target::Target;

/// Publishes that wait for an answer at once: what a client of one region may have asked, times a few regions.
const IN_FLIGHT_MAX: usize = 1_000;

/// What became of the publishing.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// How often which code came instead of an acknowledgement.
    pub(super) refused: BTreeMap<String, u64>,
    /// How far the rate was missed at worst.
    pub(super) behind: Duration,
    /// From the first publish to the last answer.
    pub(super) took: Duration,
    /// Whether somebody ended it before its time.
    pub(super) interrupted: bool,
}

impl Outcome {
    fn answered(&mut self, answer: Result<(), String>) {
        if let Err(code) = answer {
            *self.refused.entry(code).or_default() += 1;
        }
    }
}

/// Publishes all messages, until somebody asks to stop.
pub(super) async fn publish(
    board: &Arc<Board>,
    target: &Target,
    args: &Args,
    stop: &Stop,
) -> anyhow::Result<Outcome> {
    let speakers = speakers(board, target, args).await?;
    let (mut outcome, mut flying) = (Outcome::default(), JoinSet::new());
    let began = Instant::now();
    for n in 0..board.ledger.len() {
        let due = began + board.plan.due(n);
        tokio::select! {
            () = sleep_until(due) => {}
            () = stop.asked(1) => {
                outcome.interrupted = true;
                break;
            }
        }
        while let Some(answer) = flying.try_join_next() {
            outcome.answered(answer?);
        }
        if flying.len() >= IN_FLIGHT_MAX
            && let Some(answer) = flying.join_next().await
        {
            outcome.answered(answer?);
        }
        outcome.behind = outcome.behind.max(due.elapsed());
        let speaker = speakers.get(board.seat(n).region).context("a seat has a region")?;
        flying.spawn(one(Arc::clone(board), Arc::clone(speaker), outgoing(board, n)?, n));
    }
    while let Some(answer) = flying.join_next().await {
        outcome.answered(answer?);
    }
    outcome.took = began.elapsed();
    for speaker in speakers.into_iter().filter_map(Arc::into_inner) {
        speaker.close().await;
    }
    Ok(outcome)
}

async fn one(board: Arc<Board>, speaker: Arc<Speaker>, outgoing: Outgoing, n: usize) -> Result<(), String> {
    board.ledger.publish(n);
    speaker.publish(outgoing).await.inspect(|()| board.ledger.accept(n))
}

fn outgoing(board: &Board, n: usize) -> anyhow::Result<Outgoing> {
    let channel = board.plan.channels.get(board.seat(n).channel).context("a seat has a channel")?;
    let key = Some(format!("{}-{n}", board.plan.run));
    Ok(Outgoing { channel: channel.clone(), data: board.plan.data(n)?, key, ephemeral: false })
}

/// One in each region, connected.
async fn speakers(board: &Board, target: &Target, args: &Args) -> anyhow::Result<Vec<Arc<Speaker>>> {
    let mut speakers = Vec::new();
    for place in target.regions() {
        let user = UserName::parse(&format!("load-{}-{}", board.plan.run, place.region))?;
        let tokens = target.tokens(&args.who, &user, Some(board.plan.grants()));
        speakers.push(Arc::new(Speaker::open(args.publish_via, target, place, tokens).await?));
    }
    Ok(speakers)
}
