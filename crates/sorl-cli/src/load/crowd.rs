//! The connections of a run: opened at a pace, each listening for itself, and closed together.
//!
//! The invariant: messages are counted only when every connection is a member, so each of them is owed every message
//! of its channel.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use sorl_client::{Event, Origin};
use sorl_core::names::UserName;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Args;
use super::board::Board;
use super::plan::Seat;
use crate::measure::{Mark, Member, Stop};
use crate::target::{Target, Who};

/// Time to become a member, further attempts included.
const ENTERED_WITHIN: Duration = Duration::from_secs(30);

/// All connections of a run.
#[derive(Debug)]
pub(super) struct Crowd {
    listening: JoinSet<Heard>,
    leave: watch::Sender<bool>,
}

/// What one connection saw.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) seat: Seat,
    /// A bit for each message of its channel, in their order.
    had: Vec<u64>,
    /// Messages that the client told as they came.
    live: u64,
    /// Messages that came by recovery, after the connection was lost.
    pub(super) recovered: u64,
    /// Messages that came live and had come before; the client did not show them.
    pub(super) repeated: u64,
    /// Messages that the client showed twice.
    pub(super) shown_twice: u64,
    /// How often it came back.
    pub(super) reconnects: u64,
    /// How often it was told that something cannot be recovered.
    pub(super) gaps: u64,
}

impl Heard {
    pub(super) const fn new(seat: Seat) -> Self {
        Self {
            seat,
            had: Vec::new(),
            live: 0,
            recovered: 0,
            repeated: 0,
            shown_twice: 0,
            reconnects: 0,
            gaps: 0,
        }
    }

    /// Notes the `nth` message of its channel, and tells whether it is the first time.
    pub(super) fn first(&mut self, nth: usize) -> bool {
        let (word, bit) = (nth / 64, 1 << (nth % 64));
        if self.had.len() <= word {
            self.had.resize(word + 1, 0);
        }
        let Some(word) = self.had.get_mut(word) else { return false };
        let first = *word & bit == 0;
        *word |= bit;
        first
    }

    /// Whether the `nth` message of its channel came.
    pub(super) fn had(&self, nth: usize) -> bool {
        self.had.get(nth / 64).is_some_and(|word| word & (1 << (nth % 64)) != 0)
    }
}

/// Opens all connections, as many a second as asked, and waits until each is a member.
pub(super) async fn gather(
    board: &Arc<Board>,
    target: &Target,
    args: &Args,
    stop: &Stop,
) -> anyhow::Result<Crowd> {
    tokio::select! {
        crowd = enter_all(board, target, args) => crowd,
        () = stop.asked(1) => bail!("interrupted before anything was measured"),
    }
}

async fn enter_all(board: &Arc<Board>, target: &Target, args: &Args) -> anyhow::Result<Crowd> {
    let (mut entering, began) = (JoinSet::new(), Instant::now());
    for nth in 0..board.plan.connections {
        sleep_until(began + Duration::from_secs_f64(nth as f64 / args.connect_rate)).await;
        entering.spawn(enter(Arc::clone(board), target.clone(), args.who.clone(), nth));
    }
    let (leave, left) = watch::channel(false);
    let (mut listening, mut faults) = (JoinSet::new(), BTreeMap::<String, usize>::new());
    while let Some(entered) = entering.join_next().await {
        match entered? {
            Ok((seat, member)) => {
                listening.spawn(listen(member, seat, Arc::clone(board), left.clone()));
            }
            Err(fault) => *faults.entry(format!("{fault:#}")).or_default() += 1,
        }
    }
    complete(board, &faults)?;
    Ok(Crowd { listening, leave })
}

async fn enter(board: Arc<Board>, target: Target, who: Who, nth: usize) -> anyhow::Result<(Seat, Member)> {
    let user = UserName::parse(&format!("load-{}-{nth}", board.plan.run))?;
    let tokens = target.tokens(&who, &user, Some(board.plan.grants()));
    let seat = board.seat(nth);
    let place = target.regions().get(seat.region).context("a seat has a region")?;
    let channel = board.plan.channels.get(seat.channel).context("a seat has a channel")?;
    let member = Member::enter(place, tokens, channel, ENTERED_WITHIN).await?;
    board.open();
    Ok((seat, member))
}

fn complete(board: &Board, faults: &BTreeMap<String, usize>) -> anyhow::Result<()> {
    let missing: usize = faults.values().sum();
    let Some((often, _)) = faults.iter().max_by_key(|(_, times)| **times) else { return Ok(()) };
    bail!(
        "{missing} of {} connections did not become members, so nothing was measured: {often}; ask for fewer \
         --connections or a lower --connect-rate",
        board.plan.connections
    )
}

async fn listen(mut member: Member, seat: Seat, board: Arc<Board>, mut left: watch::Receiver<bool>) -> Heard {
    let mut heard = Heard::new(seat);
    loop {
        tokio::select! {
            event = member.events.next() => match event {
                Some(event) => hear(&mut heard, &board, event),
                // The service closed it for good: what it is owed from now on is lost.
                None => break,
            },
            _ = left.wait_for(|left| *left) => break,
        }
    }
    member.client.clone().close().await;
    while let Some(event) = member.events.next().await {
        hear(&mut heard, &board, event);
    }
    heard.repeated = member.brought().saturating_sub(heard.live);
    heard
}

fn hear(heard: &mut Heard, board: &Board, event: Event) {
    match event {
        Event::Message { message, origin } => {
            heard.live += u64::from(matches!(origin, Origin::Live));
            let Some(n) = Mark::read(&board.plan.run, &message.data) else { return };
            if !heard.first(n / board.plan.channels.len().max(1)) {
                heard.shown_twice += 1;
                return;
            }
            heard.recovered += u64::from(matches!(origin, Origin::Recovered));
            board.hear(n, heard.seat.region);
        }
        Event::Subscribed { resumed, .. } => heard.reconnects += u64::from(resumed),
        Event::Gap { .. } => heard.gaps += 1,
        _ => {}
    }
}

impl Crowd {
    /// Closes all connections, and tells what each saw.
    pub(super) async fn leave(self) -> Vec<Heard> {
        self.leave.send_replace(true);
        self.listening.join_all().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_noted_once() {
        let mut heard = Heard::new(Seat { channel: 0, region: 0 });
        for nth in [0, 63, 64, 1_000] {
            assert!(!heard.had(nth));
            assert!(heard.first(nth) && heard.had(nth));
            assert!(!heard.first(nth));
        }
        assert!(!heard.had(65) && !heard.had(1_000_000));
    }
}
