//! One page of a channel's log as a client gets it: bounded in messages and bytes, each message once, in id
//! order, without what expired.

use std::collections::HashSet;

use crate::config::Site;
use crate::ids::{MessageId, Tail};
use crate::limits::PAGE_LEN_MAX;
use crate::message::Message;
use crate::names::ChannelName;
use crate::ports::{Log, LogQuery, Order, Unavailable};
use crate::time::Timestamp;

/// Messages, ascending by id, and whether the range goes on.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) messages: Vec<Message>,
    pub(super) more: bool,
}

impl Page {
    pub(super) fn without_more(self) -> Self {
        Self { more: false, ..self }
    }
}

/// Collects messages until one does not fit. What it holds is at least one message, if there was any.
#[derive(Debug, Default)]
pub(super) struct Collector {
    messages: Vec<Message>,
    tails: HashSet<Tail>,
    len: usize,
    limit: usize,
}

impl Collector {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Takes `message` unless it has the tail of one that is there; `false` if it does not fit.
    pub(super) fn take(&mut self, message: Message) -> bool {
        if self.tails.contains(&message.id.tail()) {
            self.keep_earlier(message);
            return true;
        }
        let len = message.to_json().len() + 1;
        let fits = self.messages.len() < self.limit && self.len + len <= PAGE_LEN_MAX;
        if fits || self.messages.is_empty() {
            self.len += len;
            self.tails.insert(message.id.tail());
            self.messages.push(message);
            return true;
        }
        false
    }

    /// Of two messages with one tail, the first is the one that is shown.
    fn keep_earlier(&mut self, message: Message) {
        let twin = self.messages.iter().position(|kept| kept.id.tail() == message.id.tail());
        if let Some(at) = twin
            && self.messages.get(at).is_some_and(|kept| message.id < kept.id)
        {
            self.messages.remove(at);
            self.messages.push(message);
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.messages.len()
    }

    /// The page, in id order.
    pub(super) fn page(mut self, more: bool) -> Page {
        self.messages.sort_by_key(|message| message.id);
        Page { messages: self.messages, more }
    }
}

/// Reads a range into `collector`; says whether the range goes on behind what was taken.
pub(super) async fn collect(
    collector: &mut Collector,
    mut query: LogQuery,
    log: &dyn Log,
    now: Timestamp,
) -> Result<bool, Unavailable> {
    loop {
        // One more than fits, to know whether there is more.
        query.limit = collector.limit.saturating_sub(collector.len()) + 1;
        let part = log.range(&query).await?;
        let last = part.entries.last().map(|entry| entry.message.id);
        for entry in part.entries {
            if entry.expires_at > now && !collector.take(entry.message) {
                return Ok(true);
            }
        }
        match (part.more, last, query.order) {
            (false, ..) | (_, None, _) => return Ok(false),
            (true, Some(last), Order::Ascending) => query.after = Some(last),
            (true, Some(last), Order::Descending) => query.before = Some(last),
        }
    }
}

/// The latest messages within the retention.
pub(super) async fn latest(
    channel: &ChannelName,
    limit: u32,
    log: &dyn Log,
    site: &Site,
    now: Timestamp,
) -> Result<Page, Unavailable> {
    let namespace = site.config.namespace(channel);
    if limit == 0 || !namespace.keeps_history() {
        return Ok(Page::default());
    }
    let oldest = MessageId::floor(now.minus(namespace.history));
    range(channel, (Some(oldest), None), Order::Descending, limit, log, now).await
}

/// A page of the range between two exclusive bounds, from the end that `order` begins with.
pub(super) async fn range(
    channel: &ChannelName,
    (after, before): (Option<MessageId>, Option<MessageId>),
    order: Order,
    limit: u32,
    log: &dyn Log,
    now: Timestamp,
) -> Result<Page, Unavailable> {
    let mut collector = Collector::new(usize::try_from(limit).unwrap_or(usize::MAX));
    let query = LogQuery { channel: channel.clone(), after, before, order, limit: 1 };
    let more = collect(&mut collector, query, log, now).await?;
    Ok(collector.page(more))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::MessageId;
    use crate::region::Region;

    fn message(ms: u64, tail: u64, len: usize) -> Message {
        let id = MessageId::new(Timestamp::from_millis(ms), 0, Tail::from_bits(tail));
        let data = serde_json::value::to_raw_value(&"x".repeat(len)).unwrap();
        Message::new(id, ChannelName::parse("c").unwrap(), data, None, Region::parse("r").unwrap())
    }

    #[test]
    fn a_page_has_at_least_one_message_and_no_more_than_fit() {
        let mut collector = Collector::new(500);
        assert!(collector.take(message(1, 1, PAGE_LEN_MAX + 1)));
        assert!(!collector.take(message(2, 2, 1)));
        let mut collector = Collector::new(2);
        assert!(collector.take(message(1, 1, 1)) && collector.take(message(2, 2, 1)));
        assert!(!collector.take(message(3, 3, 1)));
    }

    #[test]
    fn the_bytes_between_messages_count_as_the_messages_do() {
        let around = message(1, 1, 0).to_json().len() + 1;
        let half = PAGE_LEN_MAX / 2 - around;
        for (more, fits) in [(0, true), (1, false)] {
            let mut collector = Collector::new(500);
            assert!(collector.take(message(1, 1, half)));
            assert_eq!(collector.take(message(2, 2, half + more)), fits);
        }
    }

    #[test]
    fn of_two_messages_with_one_tail_the_first_is_shown() {
        for order in [[1, 2], [2, 1]] {
            let mut collector = Collector::new(500);
            assert!(order.into_iter().all(|ms| collector.take(message(ms, 7, 1))));
            let page = collector.page(false);
            let times: Vec<_> = page.messages.iter().map(|m| m.at().as_millis()).collect();
            assert_eq!(times, [1]);
        }
    }
}
