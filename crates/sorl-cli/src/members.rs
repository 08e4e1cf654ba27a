//! `sorl members`: who is in a channel, over all regions, now or as it changes.
//!
//! The invariant: who asks is no member, so that looking changes nothing.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use sorl_client::Client;
use sorl_client::wire::Presence;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::region::Region;

use crate::output::{self, Reader};
use crate::table::Table;
use crate::{clock, span, target, terminal, visit};

/// Lists who is in a channel, over all regions.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sorl members room:42
  sorl members room:42 --stage prod --watch")]
pub(crate) struct Args {
    /// The channel
    #[arg(value_parser = ChannelName::parse)]
    channel: ChannelName,
    /// Go on, and print again what has changed, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// How often to look, with --watch
    #[arg(long, value_name = "SPAN", default_value = "2s", value_parser = span::parse, requires = "watch")]
    every: Duration,
    /// Who asks, where the token is minted; of a personal channel its owner
    #[arg(long, value_parser = UserName::parse, conflicts_with = "token")]
    user: Option<UserName>,
    /// The region to ask
    #[arg(long, value_parser = Region::parse)]
    region: Option<Region>,
    /// Print JSON, one object a look
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    who: target::Who,
    #[command(flatten)]
    place: target::Flags,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let target = args.place.open().await?;
    let user = visit::user(args.user.clone(), &args.channel)?;
    let tokens = target.tokens(&args.who, &user, Some(grants(&args.channel)));
    let options = target.client(tokens, args.region.as_ref())?;
    let look = visit::visit(options, |client| async move {
        let looked = if args.watch { watch(&client, &args).await } else { once(&client, &args).await };
        looked.with_context(|| format!("the members of {} cannot be listed", args.channel))
    });
    tokio::select! {
        outcome = look => outcome,
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Into::into),
    }
}

async fn once(client: &Client, args: &Args) -> anyhow::Result<()> {
    print(&client.presence(&args.channel).await?, args).map(drop)
}

async fn watch(client: &Client, args: &Args) -> anyhow::Result<()> {
    let mut last = None;
    loop {
        let presence = client.presence(&args.channel).await?;
        if last.as_ref() != Some(&presence) {
            if !args.json {
                output::line(&terminal::toned(terminal::Tone::Faint, &clock::time_of_day(clock::now())))?;
            }
            if print(&presence, args)? == Reader::Gone {
                return Ok(());
            }
            last = Some(presence);
        }
        tokio::time::sleep(args.every).await;
    }
}

fn print(presence: &Presence, args: &Args) -> anyhow::Result<Reader> {
    if args.json {
        return output::json(&as_json(presence));
    }
    let mut table = Table::with(["user", "connections", "regions"]);
    for member in &presence.members {
        let regions: Vec<_> = member.regions.iter().map(Region::as_str).collect();
        table.row([member.user.to_string(), member.connections.to_string(), regions.join(", ")]);
    }
    if !table.is_empty() {
        output::line(&table.render(terminal::width()))?;
    }
    let more = if presence.truncated { ", of whom these are some" } else { "" };
    let users = if presence.count == 1 { "user" } else { "users" };
    output::line(&format!("{} {users} in {}{more}", presence.count, args.channel))
}

fn as_json(presence: &Presence) -> Value {
    let members: Vec<_> = presence
        .members
        .iter()
        .map(|member| json!({ "user": member.user, "connections": member.connections, "regions": member.regions }))
        .collect();
    json!({ "count": presence.count, "members": members, "truncated": presence.truncated })
}

/// What a minted token allows, which is what is needed here.
fn grants(channel: &ChannelName) -> Value {
    json!({ channel.as_str(): ["presence"] })
}
