//! Message ids, which are also cursors: `UUIDv7`, made by Sorl only.
//!
//! Time (48 bits, ms), version, 12 bits of spread, variant, tail (62 bits). Text and byte order are the
//! order of time, so a log sorted by id is sorted by acceptance.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::Tail;
use crate::time::Timestamp;

/// The id of a message, the same in every region; as a cursor, a place in a channel's history.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(Uuid);

/// A text that is not a message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message id or cursor is a UUID of version 7, as Sorl gave it")]
pub struct MessageIdError;

const TIME_BITS_MAX: u64 = (1 << 48) - 1;
const VARIANT: u64 = 0b10 << 62;

impl MessageId {
    /// The id of what was accepted `at`. `spread`, modulo 2^12, orders ids of one millisecond: the fraction of
    /// the millisecond where it is known (RFC 9562, 6.2, method 3).
    #[must_use]
    pub fn new(at: Timestamp, spread: u16, tail: Tail) -> Self {
        let time = at.as_millis().min(TIME_BITS_MAX);
        let high = (time << 16) | 0x7000 | u64::from(spread & 0x0fff);
        Self(Uuid::from_u64_pair(high, VARIANT | tail.bits()))
    }

    /// The smallest id of the millisecond `at`: as a cursor, everything accepted from `at` on lies at or after it.
    #[must_use]
    pub fn floor(at: Timestamp) -> Self {
        Self::new(at, 0, Tail::from_bits(0))
    }

    /// The largest id before this one in byte order; as an exclusive bound it lets this one in. It need not be
    /// a valid id itself, so it is never shown to anybody.
    #[must_use]
    pub fn predecessor(&self) -> Self {
        Self(Uuid::from_u128(self.0.as_u128().saturating_sub(1)))
    }

    /// Parses the canonical form: lower-case, hyphenated, version 7.
    ///
    /// # Errors
    /// [`MessageIdError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, MessageIdError> {
        let uuid = Uuid::try_parse(text).map_err(|_other_form| MessageIdError)?;
        let mut canonical = Uuid::encode_buffer();
        let is_canonical = uuid.as_hyphenated().encode_lower(&mut canonical) == text;
        let is_v7 = uuid.get_version_num() == 7 && uuid.get_variant() == uuid::Variant::RFC4122;
        if is_canonical && is_v7 { Ok(Self(uuid)) } else { Err(MessageIdError) }
    }

    /// When the message was accepted.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        Timestamp::from_millis(self.0.as_u64_pair().0 >> 16)
    }

    /// The last two groups: what makes two messages of a channel the same.
    #[must_use]
    pub fn tail(&self) -> Tail {
        Tail::from_bits(self.0.as_u64_pair().1)
    }

    /// The id's 16 bytes, which sort as the id does.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.as_hyphenated(), f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = Uuid::encode_buffer();
        serializer.serialize_str(self.0.as_hyphenated().encode_lower(&mut buffer))
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_gives_back_its_time_and_tail() {
        let at = Timestamp::from_millis(1_764_000_000_000);
        let tail = Tail::from_bits(0x0123_4567_89ab_cdef);
        let id = MessageId::new(at, 0xffff, tail);
        assert_eq!(id.time(), at);
        assert_eq!(id.tail(), tail);
        assert_eq!(MessageId::parse(&id.to_string()), Ok(id));
    }

    #[test]
    fn ids_sort_by_time_as_text_and_as_bytes() {
        let early = MessageId::new(Timestamp::from_millis(1), 0xfff, Tail::from_bits(u64::MAX));
        let late = MessageId::floor(Timestamp::from_millis(2));
        assert!(early < late && early.to_string() < late.to_string() && early.as_bytes() < late.as_bytes());
    }

    #[test]
    fn only_the_canonical_version_seven_is_a_cursor() {
        let id = MessageId::floor(Timestamp::from_millis(1_764_000_000_000)).to_string();
        for bad in [
            id.to_uppercase().replace('0', "A"),
            id.replace('-', ""),
            format!("{{{id}}}"),
            id.replacen("-7", "-4", 1),
            String::new(),
            "nonsense".to_owned(),
        ] {
            assert_eq!(MessageId::parse(&bad), Err(MessageIdError), "{bad}");
        }
    }
}
