//! `history`: one page of a channel's past.

use super::page::{Page, latest, range};
use super::{Ports, no_grant, refuse_blocked, rights_on};
use crate::authorize::Caller;
use crate::config::Site;
use crate::error::Refusal;
use crate::grants::{Right, Rights};
use crate::ids::MessageId;
use crate::limits::{HISTORY_LIMIT_DEFAULT, HISTORY_LIMIT_MAX, RECOVERY_HISTORY_MAX};
use crate::names::ChannelName;
use crate::ports::Order;
use crate::protocol::{Fields, HistoryResult};
use crate::time::Timestamp;

/// Which part of the past.
#[derive(Clone, Copy)]
enum Direction {
    Latest,
    Since(MessageId),
    Before(MessageId),
}

struct Wanted {
    channel: ChannelName,
    direction: Direction,
    limit: u32,
}

impl Wanted {
    fn parse(fields: &Fields) -> Result<Self, Refusal> {
        let channel = fields.channel()?;
        let direction = match (fields.cursor("since")?, fields.cursor("before")?) {
            (None, None) => Direction::Latest,
            (Some(since), None) => Direction::Since(since),
            (None, Some(before)) => Direction::Before(before),
            (Some(_), Some(_)) => return Err(Refusal::bad_request("since and before exclude each other")),
        };
        let limit = fields.count("limit", 1..=HISTORY_LIMIT_MAX)?.unwrap_or(HISTORY_LIMIT_DEFAULT);
        Ok(Self { channel, direction, limit })
    }

    /// Paging on in a recovery needs no more than the right to subscribe.
    fn is_allowed(&self, rights: Rights, now: Timestamp) -> bool {
        let recovers = match self.direction {
            Direction::Since(since) => now.since(since.time()) <= RECOVERY_HISTORY_MAX,
            Direction::Latest | Direction::Before(_) => false,
        };
        rights.has(Right::History) || (recovers && rights.has(Right::Subscribe))
    }
}

pub(super) async fn history(
    fields: &Fields,
    caller: &Caller,
    ports: Ports<'_>,
    site: &Site,
) -> Result<HistoryResult, Refusal> {
    let wanted = Wanted::parse(fields)?;
    let now = ports.clock.now();
    if !wanted.is_allowed(rights_on(caller, site, &wanted.channel), now) {
        return Err(no_grant("read the history", &wanted.channel));
    }
    refuse_blocked(caller, &wanted.channel, ports, site).await?;
    let page = read(&wanted, ports, site, now).await?;
    let (first, last) = (page.messages.first().map(|m| m.id), page.messages.last().map(|m| m.id));
    let present = MessageId::floor(now);
    let cursor = match wanted.direction {
        Direction::Latest => last.unwrap_or(present),
        Direction::Since(since) => last.unwrap_or(since),
        Direction::Before(_) => first.unwrap_or(present),
    };
    Ok(HistoryResult { messages: page.messages, more: page.more, cursor })
}

async fn read(wanted: &Wanted, ports: Ports<'_>, site: &Site, now: Timestamp) -> Result<Page, Refusal> {
    let Wanted { channel, direction, limit } = wanted;
    if !site.config.namespace(channel).keeps_history() {
        return Ok(Page::default());
    }
    let page = match direction {
        Direction::Latest => latest(channel, *limit, ports.log, site, now).await?,
        Direction::Since(since) => {
            range(channel, (Some(*since), None), Order::Ascending, *limit, ports.log, now).await?
        }
        Direction::Before(before) => {
            range(channel, (None, Some(*before)), Order::Descending, *limit, ports.log, now).await?
        }
    };
    Ok(page)
}
