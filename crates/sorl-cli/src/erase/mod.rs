//! `sorl erase`: what a stage keeps of a user is deleted on request, in every region.
//!
//! His messages in the logs: those of his personal channel, whoever wrote them, and those that he wrote elsewhere; and
//! his connections with all their rows, by an order to put him out. Not what left the service: copies of clients,
//! exports, backups of the tables. The invariant: what is told as erased was looked for again, and not found.

mod dev;
mod log;

use anyhow::{Context as _, bail};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sorl_core::envelope::Topic;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::region::Region;

use crate::exit::Misuse;
use crate::output;
use crate::target::{self, Place, Target, told};
use crate::terminal::Busy;
use log::Log;

/// Deletes a user's messages from every region's log, and his connections.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sorl erase bob --dry-run --stage prod                   # how much there is
  sorl erase bob --channel room:42 --channel room:43 --yes
  sorl erase bob --everywhere --yes --stage prod --json   # reads every region's whole log

See that he gets no new token first. An order that keeps him out is no message of his: it stays until it ends.")]
pub(crate) struct Args {
    /// Whose
    #[arg(value_parser = UserName::parse)]
    user: UserName,
    /// Also what he wrote in this channel; several may be named
    #[arg(long = "channel", value_name = "CHANNEL", value_parser = ChannelName::parse)]
    channels: Vec<ChannelName>,
    /// Also what he wrote in any channel: every row of every region's log is read for it
    #[arg(long, conflicts_with = "channels")]
    everywhere: bool,
    /// Only count
    #[arg(long)]
    dry_run: bool,
    /// Do not ask: it is for good
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: target::Flags,
}

/// Whose messages, and where they are looked for.
pub(crate) struct Wanted<'a> {
    user: &'a UserName,
    /// His personal channel, of which every message is meant, and those where he wrote.
    channels: Vec<ChannelName>,
    everywhere: bool,
}

impl<'a> Wanted<'a> {
    fn of(args: &'a Args) -> Self {
        let own = ChannelName::personal(&args.user);
        let others = args.channels.iter().filter(|channel| **channel != own).cloned();
        let channels = std::iter::once(own.clone()).chain(others).collect();
        Self { user: &args.user, channels, everywhere: args.everywhere }
    }

    /// Whether every message of the channel is his own business.
    fn is_own(&self, channel: &ChannelName) -> bool {
        *channel == ChannelName::personal(self.user)
    }
}

/// What was found in a region.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Found {
    region: Region,
    messages: usize,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let target = args.place.open().await?;
    let wanted = Wanted::of(&args);
    if args.dry_run {
        return report(&args, "has", &each(&target, &wanted, false).await?);
    }
    if !args.yes {
        let text = format!(
            "what {} wrote would be lost for good; say --yes if it may, or --dry-run to count",
            args.user
        );
        return Err(Misuse(text).into());
    }
    put_out(&target, &args.user).await?;
    let erased = each(&target, &wanted, true).await?;
    let left: usize = each(&target, &wanted, false).await?.iter().map(|found| found.messages).sum();
    report(&args, "had", &erased)?;
    if left > 0 {
        bail!("{left} came meanwhile; see that he gets no new token, and run it again");
    }
    Ok(())
}

/// Closes his connections in every region, which deletes their rows.
async fn put_out(target: &Target, user: &UserName) -> anyhow::Result<()> {
    let address = target.pick(None)?;
    let (topic, order) = (address.topic(Topic::Control)?, json!({"control": "disconnect", "user": user}));
    let sns = aws_sdk_sns::Client::new(&target.aws(&address.region).await);
    let call = sns.publish().topic_arn(&topic).message(order.to_string()).send().await;
    call.map(drop)
        .map_err(told)
        .with_context(|| format!("{topic} did not accept the order to put {user} out"))
}

/// Counts, or erases, in all regions side by side.
async fn each(target: &Target, wanted: &Wanted<'_>, erase: bool) -> anyhow::Result<Vec<Found>> {
    let _busy = Busy::with(format!("reading {} logs", target.regions().len()));
    match &target.place {
        Place::Dev(server) => dev::each(server, wanted, erase).await,
        Place::Stage(stage) => {
            let logs = target.regions().iter().map(async |address| {
                let log = Log::of(stage, &address.region).await;
                let messages = log.each(wanted, erase).await?;
                Ok::<_, anyhow::Error>(Found { region: address.region.clone(), messages })
            });
            try_join_all(logs).await
        }
    }
}

fn report(args: &Args, verb: &str, found: &[Found]) -> anyhow::Result<()> {
    if args.json {
        return output::json(&json!({"user": args.user, "erased": !args.dry_run, "regions": found}))
            .map(drop);
    }
    for Found { region, messages } in found {
        output::line(&format!("{region} {verb} {messages} messages of {}", args.user))?;
    }
    Ok(())
}
