//! `sorl history`: the past of a channel, page by page, oldest first.
//!
//! Not what comes (`tail`). The invariant: every message is printed once, in id order, and if there are more than were
//! asked for, that is said.

use anyhow::Context as _;
use serde_json::{Value, json};
use sorl_client::{Client, Past};
use sorl_core::ids::MessageId;
use sorl_core::limits::{HISTORY_LIMIT_DEFAULT, HISTORY_LIMIT_MAX};
use sorl_core::message::Message;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use crate::output::{self, Reader};
use crate::tail::readable;
use crate::{clock, span, target, visit};

/// Prints what was published in a channel, oldest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sorl history room:42                        # the latest 50
  sorl history room:42 --since 10m --all      # everything of the last ten minutes
  sorl history room:42 --stage prod --json | jq .data")]
pub(crate) struct Args {
    /// The channel
    #[arg(value_parser = ChannelName::parse)]
    channel: ChannelName,
    /// What came after this: a message id, or how long ago
    #[arg(long, value_name = "ID|SPAN", value_parser = bound)]
    since: Option<MessageId>,
    /// What came before this: a message id, or how long ago
    #[arg(long, value_name = "ID|SPAN", value_parser = bound)]
    before: Option<MessageId>,
    /// At most so many messages: the first after --since, else the last
    #[arg(long, value_name = "N", default_value_t = HISTORY_LIMIT_DEFAULT, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// All of them, however many
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Who asks, where the token is minted; of a personal channel its owner
    #[arg(long, value_parser = UserName::parse, conflicts_with = "token")]
    user: Option<UserName>,
    /// The region whose log is read
    #[arg(long, value_parser = Region::parse)]
    region: Option<Region>,
    /// Print JSON, one message a line
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
    visit::visit(options, |client| async move {
        let read = async {
            if args.all || args.since.is_some() {
                forward(&client, &args).await
            } else {
                backward(&client, &args).await
            }
        };
        read.await.with_context(|| format!("the history of {} cannot be read", args.channel))
    })
    .await
}

/// From `since`, or the very beginning, on: printed as it comes.
async fn forward(client: &Client, args: &Args) -> anyhow::Result<()> {
    let mut since = args.since.unwrap_or_else(|| MessageId::floor(Timestamp::ZERO));
    let mut left = if args.all { u32::MAX } else { args.limit };
    loop {
        let page =
            client.history(&args.channel, Past::Since(since), Some(left.min(HISTORY_LIMIT_MAX))).await?;
        since = page.cursor;
        for message in &page.messages {
            if args.before.is_some_and(|before| message.id >= before) || print(message, args)? == Reader::Gone
            {
                return Ok(());
            }
        }
        left = left.saturating_sub(count(&page.messages));
        if !page.more || left == 0 {
            say_more(page.more, &format!("--since {since}"));
            return Ok(());
        }
    }
}

/// The latest, or the last before `before`: pages from the newest to the oldest, printed the other way round.
async fn backward(client: &Client, args: &Args) -> anyhow::Result<()> {
    let (mut past, mut left) = (args.before.map_or(Past::Latest, Past::Before), args.limit);
    let mut pages = Vec::new();
    let more = loop {
        let page = client.history(&args.channel, past, Some(left.min(HISTORY_LIMIT_MAX))).await?;
        left = left.saturating_sub(count(&page.messages));
        let first = page.messages.first().map(|message| message.id);
        pages.push(page.messages);
        match first {
            Some(first) if page.more && left > 0 => past = Past::Before(first),
            _ => break page.more,
        }
    };
    let first = pages.iter().rev().flatten().next().map(|message| message.id);
    for message in pages.iter().rev().flatten() {
        if print(message, args)? == Reader::Gone {
            return Ok(());
        }
    }
    if let Some(first) = first {
        say_more(more, &format!("--before {first}"));
    }
    Ok(())
}

fn count(messages: &[Message]) -> u32 {
    u32::try_from(messages.len()).unwrap_or(u32::MAX)
}

fn say_more(more: bool, next: &str) {
    if more {
        eprintln!("there are more: {next} goes on, --all shows all");
    }
}

fn print(message: &Message, args: &Args) -> anyhow::Result<Reader> {
    if args.json {
        return output::line(&message.to_json());
    }
    output::line(&readable(message, &clock::date_and_time(message.at())))
}

/// What a minted token allows, which is what is needed here.
fn grants(channel: &ChannelName) -> Value {
    json!({ channel.as_str(): ["history", "subscribe"] })
}

/// A message id, or so long ago.
fn bound(text: &str) -> Result<MessageId, String> {
    if let Ok(id) = MessageId::parse(text) {
        return Ok(id);
    }
    let ago = span::parse(text);
    ago.map(|ago| MessageId::floor(clock::now().minus(ago)))
        .map_err(|_neither| format!("{text:?} is neither a message id nor a length of time such as 10m"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_an_id_or_so_long_ago() {
        let id = "01980000-0000-7000-8000-000000000000";
        assert_eq!(bound(id).unwrap().to_string(), id);
        let hour = bound("1h").unwrap().time().as_millis();
        assert!(clock::now().as_millis() - hour >= 3_600_000);
        assert!(bound("yesterday").unwrap_err().contains("10m"));
    }
}
