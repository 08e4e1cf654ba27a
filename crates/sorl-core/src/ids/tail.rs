//! The tail of a message id: the 62 bits of its last two groups, by which a message is known to be the same.
//!
//! Three kinds, hashed under different labels so that none can stand in for another: keyed by a verified
//! user, keyed by an external publisher, derived from SNS's `MessageId`. A fourth is drawn at random.

use sha2::{Digest, Sha256};

use crate::limits::KEY_LEN_MAX;
use crate::names::{ChannelName, UserName};

/// A publisher's idempotency key: any string of at most 64 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

/// A key that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key has at most {KEY_LEN_MAX} bytes")]
pub struct KeyError;

impl Key {
    /// Takes a publisher's key.
    ///
    /// # Errors
    /// [`KeyError`] above [`KEY_LEN_MAX`] bytes.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.len() > KEY_LEN_MAX { Err(KeyError) } else { Ok(Self(text.to_owned())) }
    }
}

/// The last two groups of a message id. Two messages of one channel with the same tail are one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tail(u64);

impl Tail {
    const MASK: u64 = (1 << 62) - 1;

    /// The tail made of the low 62 bits of `bits`.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & Self::MASK)
    }

    /// The 62 bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The tail of what the verified `user` published to `channel` under `key`.
    #[must_use]
    pub fn keyed(channel: &ChannelName, user: &UserName, key: &Key) -> Self {
        hash("verified", &[channel.as_str(), user.as_str(), &key.0])
    }

    /// The tail of what an external publisher, claiming to be `user`, published to `channel` under `key`.
    #[must_use]
    pub fn keyed_external(channel: &ChannelName, user: Option<&UserName>, key: &Key) -> Self {
        match user {
            Some(user) => hash("external", &[channel.as_str(), user.as_str(), &key.0]),
            None => hash("anonymous", &[channel.as_str(), &key.0]),
        }
    }

    /// The tail of an external message without a key: every region computes the same from SNS's `MessageId`.
    #[must_use]
    pub fn derived(sns_message_id: &str) -> Self {
        hash("sns", &[sns_message_id])
    }
}

/// SHA-256 over length-prefixed parts, so that no two lists of parts run together.
fn hash(label: &str, parts: &[&str]) -> Tail {
    let mut hasher = Sha256::new();
    for part in std::iter::once(&label).chain(parts) {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = hasher.finalize();
    let bits = digest.iter().take(8).fold(0u64, |bits, byte| (bits << 8) | u64::from(*byte));
    Tail::from_bits(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(name: &str) -> ChannelName {
        ChannelName::parse(name).unwrap()
    }

    #[test]
    fn the_same_key_gives_the_same_tail_and_other_parts_another() {
        let (room, alice, key) =
            (channel("room:1"), UserName::parse("alice").unwrap(), Key::parse("k").unwrap());
        let tail = Tail::keyed(&room, &alice, &key);
        assert_eq!(tail, Tail::keyed(&room, &alice, &key));
        assert_ne!(tail, Tail::keyed(&channel("room:2"), &alice, &key));
        assert_ne!(tail, Tail::keyed(&room, &UserName::parse("bob").unwrap(), &key));
        assert_ne!(tail, Tail::keyed_external(&room, Some(&alice), &key));
        assert_ne!(tail, Tail::keyed_external(&room, None, &key));
    }

    /// Regions run different versions for a while, and a retry may meet another than its first try did.
    #[test]
    fn tails_are_frozen() {
        let (room, alice, key) =
            (channel("room:1"), UserName::parse("alice").unwrap(), Key::parse("k").unwrap());
        let tails = [
            Tail::keyed(&room, &alice, &key),
            Tail::keyed_external(&room, Some(&alice), &key),
            Tail::keyed_external(&room, None, &key),
            Tail::derived("6f1c2b6e-0000-5000-8000-000000000000"),
        ];
        let frozen =
            [0x028b_a2ec_086f_75a4, 0x260e_3c0d_9bfc_e338, 0x3b8b_3b1a_21bc_825f, 0x211b_4d5e_6876_506a];
        assert_eq!(tails.map(Tail::bits), frozen);
        assert_eq!(Tail::from_bits(u64::MAX).bits(), (1 << 62) - 1);
    }

    #[test]
    fn parts_do_not_run_together() {
        let key = |k: &str| Key::parse(k).unwrap();
        let user = |u: &str| UserName::parse(u).unwrap();
        let one = Tail::keyed(&channel("room:1"), &user("ab"), &key("c"));
        assert_ne!(one, Tail::keyed(&channel("room:1"), &user("a"), &key("bc")));
    }

    #[test]
    fn a_key_has_at_most_64_bytes() {
        assert!(Key::parse(&"k".repeat(64)).is_ok());
        assert!(Key::parse(&"k".repeat(65)).is_err());
        assert!(Key::parse("").is_ok());
    }
}
