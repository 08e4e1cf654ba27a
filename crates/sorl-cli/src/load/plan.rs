//! What a run is to do: how many of what, and which connection and message belongs to which channel and region.
//!
//! The invariant: a plan is one that can be carried out. Each channel has a member, and its members and messages take
//! the regions in turn.

use std::time::Duration;

use serde_json::value::{RawValue, Value};
use sorl_core::limits::{FRAME_IN_MAX, KB, MESSAGE_LEN_MAX};
use sorl_core::names::ChannelName;

use super::Args;
use crate::exit::Misuse;
use crate::measure::{Mark, Via, run_name};

/// What a frame or an envelope has besides the data: names, key, punctuation.
const AROUND: usize = KB;
/// Messages of a run, each some 24 bytes of this process's memory.
const MESSAGES_MAX: f64 = 10e6;

/// What a run is to do.
#[derive(Debug)]
pub(super) struct Plan {
    /// The run's name, in its channels, users and messages.
    pub(super) run: String,
    /// Connections, over all regions.
    pub(super) connections: usize,
    /// Messages, over all channels and regions.
    pub(super) messages: usize,
    /// The channels' names.
    pub(super) channels: Vec<ChannelName>,
    rate: f64,
    size: usize,
    filler: String,
    grants: Value,
}

/// Where a connection or a message belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seat {
    /// Which channel.
    pub(super) channel: usize,
    /// Which region.
    pub(super) region: usize,
}

impl Plan {
    /// Refuses what cannot be carried out, with what would be.
    pub(super) fn check(args: &Args) -> anyhow::Result<Self> {
        let (connections, channels, size) =
            (args.connections as usize, args.channels as usize, args.size as usize);
        if channels > connections {
            return Err(refuse(format!(
                "--channels {channels} is more than --connections {connections}: some channels would have nobody to \
                 hear them"
            )));
        }
        let size_max = match args.publish_via {
            Via::Ws => FRAME_IN_MAX - AROUND,
            Via::Sns => MESSAGE_LEN_MAX - AROUND,
        };
        if size > size_max {
            return Err(refuse(format!(
                "--size {size} does not fit: {} may have {size_max} bytes of data",
                match args.publish_via {
                    Via::Ws => "a frame",
                    Via::Sns => "a message",
                }
            )));
        }
        let messages = count(args.rate, args.duration)?;
        let run = run_name();
        let channels = (0..channels).map(|n| ChannelName::parse(&format!("{}:{run}-{n}", args.namespace)));
        Ok(Self {
            connections,
            messages,
            channels: channels.collect::<Result<_, _>>()?,
            rate: args.rate,
            size,
            filler: "x".repeat(size),
            grants: serde_json::json!({ format!("{}:{run}-*", args.namespace): ["subscribe", "publish"] }),
            run,
        })
    }

    /// Where the `nth` of something belongs: channels in turn, and within each the regions in turn.
    pub(super) fn seat(&self, nth: usize, regions: usize) -> Seat {
        let channels = self.channels.len().max(1);
        let channel = nth % channels;
        Seat { channel, region: (channel + nth / channels) % regions.max(1) }
    }

    /// How many of the connections are members of a channel.
    pub(super) fn members(&self, channel: usize) -> usize {
        let channels = self.channels.len().max(1);
        self.connections / channels + usize::from(channel < self.connections % channels)
    }

    /// When message `n` is due, from the first one on.
    pub(super) fn due(&self, n: usize) -> Duration {
        Duration::from_secs_f64(n as f64 / self.rate)
    }

    /// The data of message `n`.
    pub(super) fn data(&self, n: usize) -> serde_json::Result<Box<RawValue>> {
        Mark::data(&self.run, n, &self.filler, self.size)
    }

    /// What a token of a run may do: hear and publish in its channels.
    pub(super) fn grants(&self) -> Value {
        self.grants.clone()
    }
}

fn count(rate: f64, duration: Duration) -> anyhow::Result<usize> {
    let messages = (rate * duration.as_secs_f64()).floor();
    if messages < 1.0 {
        return Err(refuse(format!(
            "--rate {rate} for {duration:?} is no message at all: raise --rate or --duration"
        )));
    }
    if messages > MESSAGES_MAX {
        return Err(refuse(format!(
            "--rate {rate} for {duration:?} is {messages} messages; a run has {MESSAGES_MAX} at most: lower --rate or \
             --duration"
        )));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to ten millions")]
    let messages = messages as usize;
    Ok(messages)
}

fn refuse(told: String) -> anyhow::Error {
    Misuse(told).into()
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    pub(in crate::load) fn args(line: &str) -> Args {
        Line::try_parse_from(std::iter::once("load").chain(line.split_whitespace())).unwrap().args
    }

    fn plan(line: &str) -> anyhow::Result<Plan> {
        Plan::check(&args(line))
    }

    #[test]
    fn connections_and_messages_take_channels_and_regions_in_turn() {
        let plan = plan("--connections 12 --channels 4 --rate 1 --duration 12s").unwrap();
        let seats: Vec<_> = (0..12).map(|nth| plan.seat(nth, 3)).collect();
        for channel in 0..4 {
            let mut regions: Vec<_> =
                seats.iter().filter(|seat| seat.channel == channel).map(|seat| seat.region).collect();
            regions.sort_unstable();
            assert_eq!(regions, [0, 1, 2], "channel {channel}");
        }
    }

    #[test]
    fn the_members_of_all_channels_are_all_connections() {
        let plan = plan("--connections 11 --channels 4").unwrap();
        let members: Vec<_> = (0..4).map(|channel| plan.members(channel)).collect();
        assert_eq!(members, [3, 3, 3, 2]);
        for channel in 0..4 {
            let seated = (0..11).filter(|nth| plan.seat(*nth, 3).channel == channel).count();
            assert_eq!(seated, plan.members(channel));
        }
    }

    #[test]
    fn what_cannot_be_carried_out_is_refused_with_what_would_be() {
        for (line, word) in [
            ("--connections 5 --channels 6", "more than --connections"),
            ("--size 32000", "a frame may have 31744"),
            ("--size 98000 --publish-via sns", "a message may have"),
            ("--rate 0.1 --duration 1s", "no message at all"),
            ("--rate 100000 --duration 1h", "at most"),
        ] {
            let told = plan(line).unwrap_err();
            assert!(told.downcast_ref::<Misuse>().is_some() && told.to_string().contains(word), "{told}");
        }
        assert!(plan("--size 90000 --publish-via sns").is_ok());
    }

    #[test]
    fn flags_out_of_bounds_are_refused() {
        for line in [
            "--connections 0",
            "--rate 0",
            "--rate nan",
            "--rate -1",
            "--channels 0",
            "--size 10",
            "--duration 0s",
            "--namespace @x",
            "--namespace a:b",
        ] {
            let line = std::iter::once("load").chain(line.split_whitespace());
            assert!(Line::try_parse_from(line).is_err());
        }
    }
}
