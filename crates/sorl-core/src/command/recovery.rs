//! What a member missed: the messages since its cursor, with an overlap for those that overtook each other,
//! preceded by those that late marks name.
//!
//! Never a silent gap: whatever cannot be shown to be complete is answered `recovered: false`.

use super::Ports;
use super::page::{Collector, Page, collect};
use crate::config::{Namespace, Site};
use crate::grants::{Right, Rights};
use crate::ids::MessageId;
use crate::limits::{
    HISTORY_LIMIT_MAX, MARKED_IDS_MAX, RECOVERY_OVERLAP, RECOVERY_OVERLAP_ELSEWHERE, RECOVERY_SUBSCRIBE_MAX,
};
use crate::message::Message;
use crate::names::ChannelName;
use crate::ports::{Epoch, Log, LogQuery, Order, Unavailable};
use crate::region::Region;
use crate::time::Timestamp;

/// Messages that late marks name are read in chunks of this many, until the page is full.
const CHUNK: usize = 100;

/// The answer's messages, and whether they (with what `history` has behind them) are all that was missed.
/// The caller is a member already: only then is the log read, marks first.
pub(super) async fn recover(
    channel: &ChannelName,
    since: MessageId,
    gained: Option<&Region>,
    rights: Rights,
    ports: Ports<'_>,
    site: &Site,
) -> Result<(Page, bool), Unavailable> {
    let (now, namespace) = (ports.clock.now(), site.config.namespace(channel));
    let too_old = now.since(since.time()) > RECOVERY_SUBSCRIBE_MAX && !rights.has(Right::History);
    if too_old || !namespace.keeps_history() {
        return Ok((Page::default(), false));
    }
    let start = start(since, gained, site, now);
    let (page, whole) = missed(channel, since, start, rights, ports.log, now).await?;
    // Read last: what the log drops for want of room while it is read must show.
    let epochs = ports.log.epochs(&namespace.name).await?;
    Ok((page, whole && start >= complete_from(&epochs, namespace, now)))
}

/// What the log has from `start` on, preceded by what late marks name; and whether that is all of it.
async fn missed(
    channel: &ChannelName,
    since: MessageId,
    start: Timestamp,
    rights: Rights,
    log: &dyn Log,
    now: Timestamp,
) -> Result<(Page, bool), Unavailable> {
    let first = MessageId::floor(start);
    let marks = log.marks(channel, since.time().minus(RECOVERY_OVERLAP), now, MARKED_IDS_MAX).await?;
    let owed: Vec<_> = marks.ids.into_iter().filter(|id| *id < first).collect();
    let earliest = owed.first().copied().filter(|_| rights.has(Right::History) && !marks.truncated);
    match marked(channel, &owed, marks.truncated, log, now).await? {
        Marked::Fits(messages) => {
            if let Some(page) = after_marked(messages, channel, first, log, now).await? {
                return Ok((page, true));
            }
        }
        Marked::Overflows => {}
        Marked::Lost => return Ok((ordinary(channel, first, log, now).await?, false)),
    }
    // They do not fit: who may read the history gets the first of them and pages on from there; others get the
    // ordinary start and are told.
    let page = ordinary(channel, earliest.unwrap_or(first), log, now).await?;
    Ok((page, earliest.is_some()))
}

/// Where the answer starts: before the cursor, by as much as messages may have overtaken each other on the
/// way to the region where it was gained, or (elsewhere) as two regions may be apart.
fn start(since: MessageId, gained: Option<&Region>, site: &Site, now: Timestamp) -> Timestamp {
    let here = gained == Some(&site.region);
    let overlap = if here { RECOVERY_OVERLAP } else { RECOVERY_OVERLAP_ELSEWHERE };
    since.time().min(now).minus(overlap)
}

enum Marked {
    /// All of them, ascending; perhaps none.
    Fits(Vec<Message>),
    /// More than one answer holds.
    Overflows,
    /// Some are named but no longer there.
    Lost,
}

/// The messages that late marks name: `owed`, which are only some of them if `truncated`.
async fn marked(
    channel: &ChannelName,
    owed: &[MessageId],
    truncated: bool,
    log: &dyn Log,
    now: Timestamp,
) -> Result<Marked, Unavailable> {
    if truncated {
        return Ok(Marked::Overflows);
    }
    let mut fitting = collector();
    for chunk in owed.chunks(CHUNK) {
        let entries = log.read(channel, chunk).await?;
        if entries.len() < chunk.len() || entries.iter().any(|entry| entry.expires_at <= now) {
            return Ok(Marked::Lost);
        }
        for entry in entries {
            if !fitting.take(entry.message) {
                return Ok(Marked::Overflows);
            }
        }
    }
    Ok(Marked::Fits(fitting.page(false).messages))
}

/// The marked messages and as many of the ordinary ones as fit behind them; none if not even one fits, since
/// then the answer's cursor would stand among the marked, whose neighbours the caller may not see.
async fn after_marked(
    marked: Vec<Message>,
    channel: &ChannelName,
    first: MessageId,
    log: &dyn Log,
    now: Timestamp,
) -> Result<Option<Page>, Unavailable> {
    let mut collector = collector();
    let marked_len = marked.len();
    for message in marked {
        collector.take(message);
    }
    let more = collect(&mut collector, from(channel, first), log, now).await?;
    let stuck = more && collector.len() == marked_len;
    Ok((!stuck).then(|| collector.page(more)))
}

async fn ordinary(
    channel: &ChannelName,
    first: MessageId,
    log: &dyn Log,
    now: Timestamp,
) -> Result<Page, Unavailable> {
    let mut collector = collector();
    let more = collect(&mut collector, from(channel, first), log, now).await?;
    Ok(collector.page(more))
}

fn collector() -> Collector {
    Collector::new(usize::try_from(HISTORY_LIMIT_MAX).unwrap_or(usize::MAX))
}

/// Everything from `first` on, itself included.
fn from(channel: &ChannelName, first: MessageId) -> LogQuery {
    let after = Some(first.predecessor());
    LogQuery { channel: channel.clone(), after, before: None, order: Order::Ascending, limit: 1 }
}

/// From when on the region's log has every message of the namespace: bounded by the retention, by each
/// earlier and shorter retention, and by when the region began, if the stage was there before it.
fn complete_from(epochs: &[Epoch], namespace: &Namespace, now: Timestamp) -> Timestamp {
    let Some(first) = epochs.first() else {
        // Nothing is known of what was logged before now.
        return now;
    };
    let beginning = if first.begins_stage { Timestamp::ZERO } else { first.since };
    let ends = epochs.iter().skip(1).map(|next| next.since).chain([now]);
    let lost_until = epochs.iter().zip(ends).filter_map(|(epoch, end)| {
        let expired_until = now.minus(epoch.retention);
        (expired_until > epoch.since).then(|| expired_until.min(end))
    });
    lost_until.fold(beginning.max(now.minus(namespace.history)), Timestamp::max)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Config;

    const HOUR: u64 = 3_600_000;

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_millis(hours * HOUR)
    }

    fn epoch(since: u64, hours: u64) -> Epoch {
        Epoch { since: at(since), retention: Duration::from_hours(hours), begins_stage: since == 0 }
    }

    fn complete(epochs: &[Epoch], now: u64) -> Timestamp {
        let config = Config::default();
        let room = ChannelName::parse("room:1").unwrap();
        complete_from(epochs, config.namespace(&room), at(now))
    }

    #[test]
    fn a_stage_is_complete_from_its_beginning_since_nothing_was_before() {
        let began = [Epoch { begins_stage: true, ..epoch(90, 24) }];
        assert_eq!(complete(&began, 91), at(67));
        assert_eq!(complete(&began, 200), at(176));
    }

    #[test]
    fn a_region_from_the_beginning_is_complete_within_its_retention() {
        assert_eq!(complete(&[epoch(0, 24)], 10), at(0));
        assert_eq!(complete(&[epoch(0, 24)], 100), at(76));
    }

    #[test]
    fn a_region_added_later_is_complete_from_then_on() {
        assert_eq!(complete(&[epoch(90, 24)], 100), at(90));
        assert_eq!(complete(&[epoch(90, 24)], 200), at(176));
        assert_eq!(complete(&[], 100), at(100));
    }

    #[test]
    fn a_lengthened_retention_does_not_bring_back_what_expired() {
        assert_eq!(complete(&[epoch(0, 1), epoch(90, 24)], 90), at(89));
        assert_eq!(complete(&[epoch(0, 1), epoch(90, 24)], 100), at(90));
        assert_eq!(complete(&[epoch(0, 0), epoch(90, 24)], 100), at(90));
    }

    #[test]
    fn what_expires_this_very_moment_was_there_until_now() {
        let short = Epoch { begins_stage: true, ..epoch(90, 1) };
        assert_eq!(complete(&[short], 91), at(67));
    }
}
