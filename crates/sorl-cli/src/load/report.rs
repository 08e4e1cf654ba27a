//! What a run came to, as figures: the same for the table, the JSON and the picture (`told`).
//!
//! The invariant: owed = arrived + lost, counted a connection and message, and everything that was refused or came
//! twice has its own figure.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use hdrhistogram::Histogram;
use serde::Serialize;
use sorl_core::region::Region;

use super::Args;
use super::board::Board;
use super::crowd::Heard;
use super::publishing::Outcome;
use super::tally::Quantiles;
use crate::measure::Via;
use crate::picture::number;

/// How latencies were taken.
const CLOCK: &str = "from before the publish to the client's event, both by this process's clock";

/// What a run came to.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) run: String,
    pub(super) regions: Vec<Region>,
    pub(super) connections: usize,
    pub(super) channels: usize,
    pub(super) rate: f64,
    pub(super) size: u32,
    pub(super) publish_via: Via,
    /// From the first publish to the last answer.
    pub(super) seconds: f64,
    pub(super) interrupted: bool,
    pub(super) published: Published,
    pub(super) deliveries: Deliveries,
    pub(super) reconnects: u64,
    pub(super) gaps: u64,
    #[serde(rename = "latency_ms")]
    pub(super) latency: Option<Quantiles>,
    pub(super) pairs: Vec<Pair>,
    clock: &'static str,
    #[serde(skip)]
    pub(super) latencies: Histogram<u64>,
}

/// What became of the messages.
#[derive(Debug, Serialize)]
pub(super) struct Published {
    /// What the rate and the duration ask for.
    pub(super) planned: usize,
    pub(super) sent: u64,
    pub(super) accepted: u64,
    pub(super) refused: BTreeMap<String, u64>,
    pub(super) per_second: f64,
    /// How far the rate was missed at worst.
    pub(super) behind_ms: f64,
}

/// What became of what was owed: each acknowledged message to each member of its channel.
#[derive(Debug, Serialize)]
pub(super) struct Deliveries {
    pub(super) owed: u64,
    pub(super) arrived: u64,
    pub(super) lost: u64,
    /// Of those that arrived, by recovery after the connection was lost.
    pub(super) recovered: u64,
    /// Live frames' messages that had come before, dropped by the client.
    pub(super) repeated: u64,
    /// Messages that the client showed twice: never, if it keeps its promise.
    pub(super) shown_twice: u64,
}

/// From one region to another.
#[derive(Debug, Serialize)]
pub(super) struct Pair {
    pub(super) from: Region,
    pub(super) to: Region,
    pub(super) arrived: u64,
    pub(super) lost: u64,
    #[serde(rename = "latency_ms")]
    pub(super) latency: Option<Quantiles>,
}

impl Report {
    /// Counts what the connections saw.
    pub(super) fn of(board: &Board, args: &Args, outcome: Outcome, heard: &[Heard]) -> anyhow::Result<Self> {
        let counts = count(board, heard);
        let sum = |figure: fn(&Heard) -> u64| heard.iter().map(figure).sum::<u64>();
        let seconds = outcome.took.as_secs_f64();
        let latencies = board.tally.all()?;
        Ok(Self {
            run: board.plan.run.clone(),
            regions: board.regions.clone(),
            connections: board.plan.connections,
            channels: board.plan.channels.len(),
            rate: args.rate,
            size: args.size,
            publish_via: args.publish_via,
            seconds,
            interrupted: outcome.interrupted,
            published: Published {
                planned: board.ledger.len(),
                sent: board.ledger.published(),
                accepted: board.ledger.accepted(),
                refused: outcome.refused,
                per_second: board.ledger.accepted() as f64 / seconds.max(f64::EPSILON),
                behind_ms: outcome.behind.as_secs_f64() * 1e3,
            },
            deliveries: Deliveries {
                owed: counts.iter().map(|pair| pair.owed).sum(),
                arrived: counts.iter().map(|pair| pair.owed - pair.lost).sum(),
                lost: counts.iter().map(|pair| pair.lost).sum(),
                recovered: sum(|heard| heard.recovered),
                repeated: sum(|heard| heard.repeated),
                shown_twice: sum(|heard| heard.shown_twice),
            },
            reconnects: sum(|heard| heard.reconnects),
            gaps: sum(|heard| heard.gaps),
            latency: Quantiles::of(&latencies),
            pairs: pairs(board, &counts)?,
            clock: CLOCK,
            latencies,
        })
    }

    /// Whether all is well.
    ///
    /// # Errors
    /// A sentence that says what is not.
    pub(super) fn verdict(&self, patience: Duration) -> anyhow::Result<()> {
        let Deliveries { owed, lost, shown_twice, .. } = &self.deliveries;
        if *lost > 0 {
            bail!(
                "{} of {} deliveries did not arrive within {} s after the last publish; `sorl doctor` and `sorl dlq \
                 list` may tell why",
                number(*lost),
                number(*owed),
                patience.as_secs_f64()
            );
        }
        if *shown_twice > 0 {
            bail!("{} messages were shown twice", number(*shown_twice));
        }
        if self.published.accepted == 0 {
            bail!("no message was accepted, so nothing was measured: {}", refusals(&self.published.refused));
        }
        Ok(())
    }
}

/// `2 rate_limited, 1 no_reply`
pub(super) fn refusals(refused: &BTreeMap<String, u64>) -> String {
    let codes = refused.iter().map(|(code, times)| format!("{} {code}", number(*times)));
    codes.collect::<Vec<_>>().join(", ")
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    owed: u64,
    lost: u64,
}

/// What each pair was owed and did not get, row by row.
fn count(board: &Board, heard: &[Heard]) -> Vec<Count> {
    let (regions, channels) = (board.regions.len(), board.plan.channels.len().max(1));
    let mut counts = vec![Count::default(); regions * regions];
    for connection in heard {
        let theirs = (connection.seat.channel..board.ledger.len()).step_by(channels);
        for n in theirs.filter(|n| board.ledger.is_accepted(*n)) {
            if let Some(pair) = counts.get_mut(board.seat(n).region * regions + connection.seat.region) {
                pair.owed += 1;
                pair.lost += u64::from(!connection.had(n / channels));
            }
        }
    }
    counts
}

fn pairs(board: &Board, counts: &[Count]) -> anyhow::Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    for (from, sender) in board.regions.iter().enumerate() {
        for (to, receiver) in board.regions.iter().enumerate() {
            let count = counts.get(from * board.regions.len() + to).copied().unwrap_or_default();
            pairs.push(Pair {
                from: sender.clone(),
                to: receiver.clone(),
                arrived: count.owed - count.lost,
                lost: count.lost,
                latency: Quantiles::of(&board.tally.pair(from, to)?),
            });
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::super::plan::Plan;
    use super::super::plan::tests::args;
    use super::*;
    use crate::picture::Screen;
    use crate::target::RegionAddress;

    /// Two regions, one channel, four messages, of which the last was refused; the second connection missed one.
    fn report() -> Report {
        let args = args("--connections 2 --channels 1 --rate 4 --duration 1s");
        let places = ["eu-north-1", "us-east-1"].map(|name| RegionAddress {
            region: Region::parse(name).unwrap(),
            url: String::new(),
            topic: String::new(),
        });
        let board = Board::new(Plan::check(&args).unwrap(), &places).unwrap();
        let mut heard = [Heard::new(board.seat(0)), Heard::new(board.seat(1))];
        for n in 0..3 {
            board.ledger.publish(n);
            board.ledger.accept(n);
            for (nth, connection) in heard.iter_mut().enumerate() {
                if (nth, n) != (1, 2) {
                    assert!(connection.first(n));
                    board.hear(n, connection.seat.region);
                }
            }
        }
        board.ledger.publish(3);
        let refused = BTreeMap::from([("rate_limited".to_owned(), 1)]);
        let outcome = Outcome { refused, took: Duration::from_secs(1), ..Outcome::default() };
        Report::of(&board, &args, outcome, &heard).unwrap()
    }

    #[test]
    fn what_was_acknowledged_and_did_not_come_is_lost_by_its_pair() {
        let report = report();
        let Deliveries { owed, arrived, lost, .. } = report.deliveries;
        assert_eq!((owed, arrived, lost), (6, 5, 1));
        let by_pair: Vec<_> = report
            .pairs
            .iter()
            .map(|pair| (pair.from.as_str(), pair.to.as_str(), pair.arrived, pair.lost))
            .collect();
        assert_eq!(
            by_pair,
            [
                ("eu-north-1", "eu-north-1", 2, 0),
                ("eu-north-1", "us-east-1", 1, 1),
                ("us-east-1", "eu-north-1", 1, 0),
                ("us-east-1", "us-east-1", 1, 0),
            ]
        );
        let told = report.verdict(Duration::from_secs(30)).unwrap_err().to_string();
        assert!(told.starts_with("1 of 6 deliveries did not arrive within 30 s"), "{told}");
    }

    #[test]
    fn text_and_picture_tell_the_loss_and_the_refusal() {
        let report = report();
        let text = report.text(Screen { columns: 80, colour: false });
        assert!(
            text.contains("refused: 1 rate_limited") && text.contains("6 owed, 5 arrived, 1 lost"),
            "{text}"
        );
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let svg = report.svg();
        assert!(svg.contains("1 lost") && svg.contains("class=\"bar\"") && !svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn json_has_milliseconds_and_says_whose_clock() {
        let json = serde_json::to_value(report()).unwrap();
        assert!(json["latency_ms"]["p99"].is_number() && json["pairs"][3]["latency_ms"]["max"].is_number());
        assert!(json["clock"].as_str().is_some_and(|clock| clock.contains("this process")), "{json}");
        assert_eq!(json["published"]["refused"]["rate_limited"], 1);
    }

    #[test]
    fn a_load_of_which_nothing_was_accepted_measured_nothing() {
        let mut report = report();
        report.deliveries =
            Deliveries { owed: 0, arrived: 0, lost: 0, recovered: 0, repeated: 0, shown_twice: 0 };
        report.published.accepted = 0;
        assert!(report.verdict(Duration::from_secs(1)).unwrap_err().to_string().contains("1 rate_limited"));
    }
}
