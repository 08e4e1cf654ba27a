//! Cutting: what one invocation does not post to itself becomes slices, read and sent page by page.
//!
//! Invariant: a page counts as cut only once the queue acknowledged all its slices. Where reading fails or time runs
//! short, one slice says where to go on, so that a record whose slices are on their way does not come again: its
//! slices would be posted twice.

use std::time::Duration;

use futures::stream::{self, StreamExt};

use super::Run;
use super::audience::{Page, page, shards};
use crate::envelope::{Owed, Recipient, Rest, Slice};
use crate::limits::{KB, SLICE_CONNECTIONS_MAX};
use crate::member::Member;
use crate::names::ChannelName;
use crate::ports::Unavailable;
use crate::time::Timestamp;

/// Bytes of messages in one slice: with the connections well below SQS's 1 MiB.
const SLICE_MESSAGES_MAX: usize = 600 * KB;
/// Audiences, or shards of one, that are cut at the same time: a page of each is in memory.
const CONCURRENCY: usize = 4;
/// Time kept back before the deadline: a page and a send that each take as long as they may.
const CUTTING_ENDS_BEFORE: Duration = Duration::from_secs(15);
/// Before an audience that could not be read is tried again.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Members of a shard from which on one message a second needs more than the 3,000 read units a second that a
/// partition of DynamoDB has, at 190 bytes a member, strongly consistent.
const SHARD_MEMBERS_MAX: usize = 64_000;

/// Part of an audience that this invocation does not post to itself: who was read already, and what is to be read.
pub(super) struct Remainder {
    pub(super) members: Vec<Recipient>,
    pub(super) rest: Option<Rest>,
}

/// A remainder, and what it is owed.
pub(super) struct Cutting {
    pub(super) messages: Vec<Owed>,
    /// What must come again if a part of it can be neither cut nor left to a slice.
    pub(super) records: Vec<usize>,
    pub(super) remainder: Remainder,
    /// Only members who joined later; all if absent.
    pub(super) joined_after: Option<Timestamp>,
    /// When the audience was first read.
    pub(super) read_at: Timestamp,
    /// Turns through the queue so far.
    pub(super) depth: u32,
}

/// What came of cutting.
#[derive(Default)]
pub(super) struct Cut {
    pub(super) slices: u64,
    pub(super) failed: Vec<usize>,
}

/// Cuts all of them, some at a time.
pub(super) async fn cut_all(cuttings: Vec<Cutting>, run: &Run<'_>) -> Cut {
    // Collected first: a closure over borrows that is held across an await keeps the handler from being `Send`.
    let cutting: Vec<_> = cuttings.iter().map(|cutting| cut(cutting, run)).collect();
    let outcomes: Vec<_> = stream::iter(cutting).buffer_unordered(CONCURRENCY).collect().await;
    let mut sum = Cut::default();
    for (slices, done) in outcomes {
        sum.slices += slices;
        if let Err(records) = done {
            sum.failed.extend(records);
        }
    }
    sum
}

/// The slices that were sent, and the records that must come again. While the slices of a page are sent, the next one
/// is read.
async fn cut<'c>(cutting: &'c Cutting, run: &Run<'_>) -> (u64, Result<(), &'c [usize]>) {
    let stop_at = run.deadline.minus(CUTTING_ENDS_BEFORE);
    let mut members = cutting.remainder.members.clone();
    let mut rest = cutting.remainder.rest.clone();
    let (mut sent, mut read, mut moved, mut read_at) =
        (0, members.len(), !members.is_empty(), cutting.read_at);
    loop {
        let slices = cutting.slices(&members, read_at);
        read_at = run.now();
        let next = rest.as_ref().filter(|_| read_at < stop_at);
        let (sending, reading) = futures::join!(send(&slices, run), read_if(next, read_at, run));
        match sending {
            Ok(slices) => sent += slices,
            Err(()) => return (sent, Err(&cutting.records)),
        }
        let Some(here) = rest else {
            tell_if_crowded(cutting, read);
            return (sent, Ok(()));
        };
        match reading {
            Ok(Some(page)) => {
                let wanted = page.members.iter().filter(|member| cutting.wants(member));
                (members, rest, moved) = (wanted.map(Recipient::from).collect(), page.rest, true);
                read += members.len();
            }
            Ok(None) => return hand_on(cutting, here, Duration::ZERO, sent, run).await,
            Err(fault) => {
                tracing::warn!(source = %fault.source, "an audience was not read to its end");
                // A slice that got nowhere waits as it is.
                if !moved && cutting.depth > 0 {
                    return (sent, Err(&cutting.records));
                }
                return hand_on(cutting, here, READ_AGAIN_AFTER, sent, run).await;
            }
        }
    }
}

async fn read_if(rest: Option<&Rest>, now: Timestamp, run: &Run<'_>) -> Result<Option<Page>, Unavailable> {
    match rest {
        Some(rest) => page(rest, now, run).await.map(Some),
        None => Ok(None),
    }
}

/// Leaves the rest to a slice that goes on reading.
async fn hand_on<'c>(
    cutting: &'c Cutting,
    rest: Rest,
    delay: Duration,
    sent: u64,
    run: &Run<'_>,
) -> (u64, Result<(), &'c [usize]>) {
    let slices: Vec<_> = chunks(&cutting.messages)
        .into_iter()
        .map(|messages| {
            let mut slice = Slice::reading(messages, rest.clone(), cutting.read_at);
            (slice.depth, slice.delay) = (cutting.depth + 1, delay);
            slice
        })
        .collect();
    match send(&slices, run).await {
        Ok(slices) => (sent + slices, Ok(())),
        Err(()) => (sent, Err(&cutting.records)),
    }
}

/// Sends slices; those that the queue did not acknowledge, once more.
pub(super) async fn send(slices: &[Slice], run: &Run<'_>) -> Result<u64, ()> {
    if slices.is_empty() {
        return Ok(0);
    }
    let Err(partial) = run.ports.queue.send(slices).await else { return Ok(slices.len() as u64) };
    let again: Vec<_> = partial.failed.iter().filter_map(|at| slices.get(*at)).cloned().collect();
    match run.ports.queue.send(&again).await {
        Ok(()) => Ok(slices.len() as u64),
        Err(partial) => {
            tracing::warn!(source = %partial.source.source, "slices were not taken; their records come again");
            Err(())
        }
    }
}

fn tell_if_crowded(cutting: &Cutting, members: usize) {
    let Some(Rest { channel, .. }) = &cutting.remainder.rest else { return };
    if members > SHARD_MEMBERS_MAX {
        let namespace = channel.namespace().unwrap_or("default");
        tracing::warn!(namespace, members, "a shard has more members than a partition serves; raise shards");
    }
}

impl Cutting {
    fn wants(&self, member: &Member) -> bool {
        self.joined_after.is_none_or(|after| member.since > after)
    }

    fn slices(&self, connections: &[Recipient], read_at: Timestamp) -> Vec<Slice> {
        slices(&self.messages, connections, read_at, self.depth, Duration::ZERO)
    }
}

/// Slices, each of which fits the queue, for connections that are all owed the same.
pub(super) fn slices(
    messages: &[Owed],
    connections: &[Recipient],
    read_at: Timestamp,
    depth: u32,
    delay: Duration,
) -> Vec<Slice> {
    let mut slices = Vec::new();
    for messages in chunks(messages) {
        for connections in connections.chunks(SLICE_CONNECTIONS_MAX) {
            let mut slice = Slice::new(messages.clone(), connections.to_vec(), read_at);
            (slice.depth, slice.delay) = (depth + 1, delay);
            slices.push(slice);
        }
    }
    slices
}

/// The messages in lists that each fit a slice.
fn chunks(messages: &[Owed]) -> Vec<Vec<Owed>> {
    let (mut chunks, mut chunk, mut len) = (Vec::new(), Vec::new(), 0);
    for owed in messages {
        let owed_len = owed.message.to_json().len();
        if !chunk.is_empty() && len + owed_len > SLICE_MESSAGES_MAX {
            chunks.push(std::mem::take(&mut chunk));
            len = 0;
        }
        len += owed_len;
        chunk.push(owed.clone());
    }
    if !chunk.is_empty() {
        chunks.push(chunk);
    }
    chunks
}

/// The cuttings that look for whoever joined a channel since then, in all its shards.
pub(super) fn of_newer(channel: &ChannelName, since: Timestamp, of: &Cutting, run: &Run<'_>) -> Vec<Cutting> {
    let newer = |rest| Cutting {
        messages: of.messages.clone(),
        records: of.records.clone(),
        remainder: Remainder { members: Vec::new(), rest: Some(rest) },
        joined_after: Some(since),
        read_at: of.read_at,
        depth: of.depth,
    };
    shards(channel, run.site).map(newer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ConnectionId, MessageId, Tail};
    use crate::member::{MemberKey, Partition};
    use crate::message::Message;
    use crate::names::UserName;
    use crate::region::Region;

    fn owed(text_len: usize) -> Owed {
        let id = MessageId::new(Timestamp::from_millis(1), 0, Tail::from_bits(1));
        let data = serde_json::value::to_raw_value(&"x".repeat(text_len)).unwrap();
        let (channel, region) = (ChannelName::parse("c").unwrap(), Region::parse("r").unwrap());
        Owed { message: Message::new(id, channel, data, None, region), ephemeral: false }
    }

    fn recipients(count: usize) -> Vec<Recipient> {
        let text = r#"{"connection":"c","user":"u","since":0,"expires_at":1,"attempts":0}"#;
        vec![serde_json::from_str(text).unwrap(); count]
    }

    fn joined(since: u64) -> Member {
        let (channel, region) = (ChannelName::parse("c").unwrap(), Region::parse("r").unwrap());
        let key = MemberKey {
            partition: Partition { channel, region, shard: 0 },
            connection: ConnectionId::parse("c").unwrap(),
        };
        let since = Timestamp::from_millis(since);
        Member { key, user: UserName::parse("u").unwrap(), since, expires_at: since }
    }

    fn cut(messages: &[Owed], connections: usize) -> Vec<(usize, usize)> {
        let slices = slices(messages, &recipients(connections), Timestamp::ZERO, 4, Duration::from_secs(7));
        assert!(slices.iter().all(|slice| (slice.depth, slice.delay.as_secs()) == (5, 7)));
        slices.iter().map(|slice| (slice.messages.len(), slice.connections.len())).collect()
    }

    #[test]
    fn a_slice_names_a_thousand_connections_at_most() {
        assert_eq!(cut(&[owed(1)], SLICE_CONNECTIONS_MAX), [(1, SLICE_CONNECTIONS_MAX)]);
        assert_eq!(cut(&[owed(1)], SLICE_CONNECTIONS_MAX + 1), [(1, SLICE_CONNECTIONS_MAX), (1, 1)]);
        assert_eq!(cut(&[owed(1)], 0), []);
    }

    #[test]
    fn a_slice_holds_600_kilobytes_of_messages_at_most_and_always_one() {
        let one = owed(0).message.to_json().len();
        let half = owed(SLICE_MESSAGES_MAX / 2 - one);
        assert_eq!(cut(&[half.clone(), half.clone()], 1), [(2, 1)]);
        assert_eq!(cut(&[half.clone(), half.clone(), owed(1)], 1), [(2, 1), (1, 1)]);
        assert_eq!(cut(&[half.clone(), owed(SLICE_MESSAGES_MAX), half], 1), [(1, 1); 3]);
    }

    #[test]
    fn only_who_joined_later_is_looked_for() {
        let cutting = |joined_after| Cutting {
            messages: Vec::new(),
            records: Vec::new(),
            remainder: Remainder { members: Vec::new(), rest: None },
            joined_after,
            read_at: Timestamp::ZERO,
            depth: 0,
        };
        let later = cutting(Some(Timestamp::from_millis(5)));
        assert_eq!([4, 5, 6].map(|since| later.wants(&joined(since))), [false, false, true]);
        assert!(cutting(None).wants(&joined(0)));
    }
}
