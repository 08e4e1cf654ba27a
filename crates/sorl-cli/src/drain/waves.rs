//! The waves in which a region's clients are told to go: orders of a few connections each, at a settled rate.
//!
//! Not their carrying out, which the region does. The invariant: in any second no more clients are told to go than the
//! rate allows; who was told is closed only after the grace; and once the time is over nobody is told any more.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use sorl_core::envelope::{Departing, Shutdown, Topic};
use sorl_core::ids::ConnectionId;
use sorl_core::limits::SHUTDOWN_CONNECTIONS_MAX;
use sorl_core::ports::Entropy as _;
use sorl_core::region::Region;
use sorl_local::clock::OsEntropy;

use super::crowd::Crowd;
use crate::target::{Target, told};

/// Orders a second: small waves, so that a second's clients do not come in one burst.
const WAVES_PER_SECOND: u16 = 4;
/// Between two looks at who is left.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Who was found, and what became of them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Since when each knows, or was last closed.
    told: HashMap<ConnectionId, Instant>,
    /// Those who were closed because they stayed.
    pub(super) closed: usize,
    /// Those who are still there.
    pub(super) left: usize,
    /// Those of them who were not told to go, for want of time.
    untold: usize,
}

impl Tally {
    /// How many were there at some time.
    pub(super) fn found(&self) -> usize {
        self.told.len() + self.untold
    }

    /// Those who are to be told now, and those who had their time.
    fn sorted(&self, open: Vec<Departing>, grace: Duration) -> (Vec<Departing>, Vec<Departing>) {
        let known = |departing: &Departing| self.told.get(&departing.connection);
        let (old, fresh): (Vec<_>, _) = open.into_iter().partition(|departing| known(departing).is_some());
        let overdue = old
            .into_iter()
            .filter(|departing| known(departing).is_some_and(|since| since.elapsed() >= grace));
        (fresh, overdue.collect())
    }
}

/// The order as it is published.
#[derive(Serialize)]
struct Order<'a> {
    control: &'static str,
    #[serde(flatten)]
    shutdown: &'a Shutdown,
}

/// Where orders go.
pub(super) struct Waves {
    sns: aws_sdk_sns::Client,
    topic: String,
    region: Region,
    rate: u16,
}

impl Waves {
    pub(super) async fn of(target: &Target, region: &Region, rate: u16) -> anyhow::Result<Self> {
        // The region's own topic: it is there for as long as the region is.
        let topic = target.pick(Some(region))?.topic(Topic::Control)?;
        let sns = aws_sdk_sns::Client::new(&target.aws(region).await);
        Ok(Self { sns, topic, region: region.clone(), rate })
    }

    /// Tells everybody to go, closes who stays, and looks again until nobody is left or the time is over; then once
    /// more, to say who is left.
    pub(super) async fn empty(
        &self,
        crowd: &Crowd,
        grace: Duration,
        until: Instant,
    ) -> anyhow::Result<Tally> {
        let (bar, mut tally) = (bar(&self.region), Tally::default());
        loop {
            let is_over = Instant::now() >= until;
            let open = crowd.open().await?;
            tally.left = open.len();
            let (fresh, overdue) = tally.sorted(open, grace);
            tally.untold = fresh.len();
            show(&bar, tally.found(), tally.left);
            if tally.left == 0 || is_over {
                bar.finish_and_clear();
                return Ok(tally);
            }
            self.send(fresh, false, &mut tally, until).await?;
            tally.closed += self.send(overdue, true, &mut tally, until).await?;
            rest(LOOK_AGAIN, until).await;
        }
    }

    /// In waves, each as far from the next as the rate demands, for as long as there is time. How many were told.
    async fn send(
        &self,
        who: Vec<Departing>,
        close: bool,
        tally: &mut Tally,
        until: Instant,
    ) -> anyhow::Result<usize> {
        let (who, mut sent) = (shuffled(who), 0);
        for wave in who.chunks(self.wave()) {
            let began = Instant::now();
            if began >= until {
                break;
            }
            self.order(wave.to_vec(), close).await?;
            tally.told.extend(wave.iter().map(|departing| (departing.connection.clone(), began)));
            sent += wave.len();
            rest(self.pause(wave.len()).saturating_sub(began.elapsed()), until).await;
        }
        Ok(sent)
    }

    /// How many connections an order names.
    fn wave(&self) -> usize {
        usize::from(self.rate.div_ceil(WAVES_PER_SECOND)).min(SHUTDOWN_CONNECTIONS_MAX)
    }

    /// What so many clients take of a second, and up to half of it more, by chance: other drains keep another beat.
    fn pause(&self, clients: usize) -> Duration {
        let fair = Duration::from_secs(clients as u64) / u32::from(self.rate);
        let chance = u32::try_from(OsEntropy.bits() >> 56).unwrap_or_default();
        fair + fair * chance / 512
    }

    async fn order(&self, connections: Vec<Departing>, close: bool) -> anyhow::Result<()> {
        let shutdown = Shutdown { region: self.region.clone(), connections, close };
        let text = serde_json::to_string(&Order { control: "shutdown", shutdown: &shutdown })?;
        let call = self.sns.publish().topic_arn(&self.topic).message(text).send().await;
        call.map(drop).map_err(told).with_context(|| format!("{} did not accept the order", self.topic))
    }
}

/// Rests for so long, but not beyond `until`.
async fn rest(time: Duration, until: Instant) {
    tokio::time::sleep(time.min(until.saturating_duration_since(Instant::now()))).await;
}

/// So that the members of a channel, whose rows stand together, do not all go at once.
fn shuffled(mut who: Vec<Departing>) -> Vec<Departing> {
    who.sort_by_cached_key(|_| OsEntropy.bits());
    who
}

fn bar(region: &Region) -> ProgressBar {
    let bar = ProgressBar::new(0).with_message(format!("leaving {region}"));
    // The template is ours, and written right; without a terminal nothing is drawn.
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40} {pos} of {len} gone, {elapsed}") {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, found: usize, left: usize) {
    bar.set_length(found as u64);
    bar.set_position(found.saturating_sub(left) as u64);
}

#[cfg(test)]
mod tests {
    use sorl_core::names::UserName;
    use sorl_core::time::Timestamp;

    use super::*;

    fn departing(id: &str) -> Departing {
        let (connection, user) = (ConnectionId::parse(id).unwrap(), UserName::parse("u").unwrap());
        Departing { connection, user, since: Timestamp::ZERO }
    }

    #[test]
    fn who_was_told_is_left_alone_until_the_grace_is_over() {
        let mut tally = Tally::default();
        let now = Instant::now();
        tally.told.insert(ConnectionId::parse("a").unwrap(), now);
        tally.told.insert(ConnectionId::parse("b").unwrap(), now);
        let names = |grace| {
            let (fresh, overdue) = tally.sorted(vec![departing("a"), departing("b"), departing("c")], grace);
            (fresh.len(), overdue.len())
        };
        assert_eq!(names(Duration::from_hours(1)), (1, 0));
        assert_eq!(names(Duration::ZERO), (1, 2));
    }
}
