//! The log's rows: keys and values of messages, marks and their expiry.
//!
//! A value begins with when it expires. Beside every row stands one in the expiry's order, in the same batch, that
//! names it.

use bytes::{BufMut, Bytes, BytesMut};
use sorl_core::ids::MessageId;
use sorl_core::message::Message;
use sorl_core::names::ChannelName;
use sorl_core::ports::{LateMark, LogEntry};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use crate::store::{Batch, Key, StoreError, Tag};

const TIME_LEN: usize = 8;

/// What the keys of a channel's messages begin with.
pub(super) fn channel(region: &Region, channel: &ChannelName) -> Key {
    Key::new(Tag::Message).text(region.as_str()).text(channel.as_str())
}

pub(super) fn message(region: &Region, name: &ChannelName, id: &MessageId) -> Key {
    channel(region, name).bytes(id.as_bytes())
}

/// What the keys of a channel's marks begin with; their time follows.
pub(super) fn marks(region: &Region, channel: &ChannelName) -> Key {
    Key::new(Tag::Mark).text(region.as_str()).text(channel.as_str())
}

/// Marks of one moment are told apart by what they name: the same mark written twice is one.
pub(super) fn mark(region: &Region, mark: &LateMark) -> Key {
    let first = mark.ids.first().map_or(&[0; 16], MessageId::as_bytes);
    marks(region, &mark.channel).number(mark.at.as_millis()).bytes(first).number(fingerprint(&mark.ids))
}

/// FNV-1a over the ids.
fn fingerprint(ids: &[MessageId]) -> u64 {
    ids.iter().flat_map(|id| id.as_bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

pub(super) fn ids_json(ids: &[MessageId]) -> Vec<u8> {
    // A list of texts always serializes.
    serde_json::to_vec(ids).unwrap_or_default()
}

/// Adds a row of the log and its place in the expiry's order.
pub(super) fn put(batch: &mut Batch, key: Key, expires_at: Timestamp, content: &[u8]) {
    let mut value = BytesMut::with_capacity(TIME_LEN + content.len());
    value.put_u64(expires_at.as_millis());
    value.put_slice(content);
    batch.put(expiry(expires_at).bytes(key.as_bytes()), Bytes::new());
    batch.put(key, value.freeze());
}

/// What the keys of the expiry's order begin with, up to this time; the row's own key follows.
pub(super) fn expiry(expires_at: Timestamp) -> Key {
    Key::new(Tag::Expiry).number(expires_at.as_millis())
}

/// A key of the expiry's order: when, and which row.
pub(super) fn read_expiry(key: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (time, row) = key.get(1..)?.split_at_checked(TIME_LEN)?;
    Some((read_time(time)?, row))
}

/// Of a row's key: where and whose it is, and its time: a message's acceptance, a mark's writing.
pub(super) fn read_key(key: &[u8]) -> Option<(Region, ChannelName, Timestamp)> {
    let (tag, parts) = key.split_first()?;
    let ((region, channel), rest) = split_names(parts)?;
    let time = read_time(rest.get(..TIME_LEN)?)?;
    let time = if *tag == Tag::Message as u8 {
        // A UUID of version 7 begins with 48 bits of milliseconds.
        Timestamp::from_millis(time.as_millis() >> 16)
    } else {
        time
    };
    Some((Region::parse(region).ok()?, ChannelName::parse(channel).ok()?, time))
}

fn split_names(parts: &[u8]) -> Option<((&str, &str), &[u8])> {
    let mut parts = parts.splitn(3, |byte| *byte == 0);
    let region = std::str::from_utf8(parts.next()?).ok()?;
    let channel = std::str::from_utf8(parts.next()?).ok()?;
    Some(((region, channel), parts.next()?))
}

fn read_time(bytes: &[u8]) -> Option<Timestamp> {
    bytes.try_into().ok().map(u64::from_be_bytes).map(Timestamp::from_millis)
}

/// When the row counts as gone, and what else it says.
pub(super) fn read_value(value: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (time, content) = value.split_at_checked(TIME_LEN)?;
    Some((read_time(time)?, content))
}

pub(super) fn read_entry(value: &[u8]) -> Result<LogEntry, StoreError> {
    let (expires_at, json) = read_value(value).ok_or_else(damaged)?;
    let message: Message = serde_json::from_slice(json).map_err(|_not_a_message| damaged())?;
    Ok(LogEntry { message, expires_at })
}

pub(super) fn read_mark(value: &[u8]) -> Result<(Timestamp, Vec<MessageId>), StoreError> {
    let (expires_at, json) = read_value(value).ok_or_else(damaged)?;
    let ids = serde_json::from_slice(json).map_err(|_not_ids| damaged())?;
    Ok((expires_at, ids))
}

fn damaged() -> StoreError {
    StoreError::Damaged("the log".to_owned())
}
