//! Names of channels and users, parsed at the edge.
//!
//! A name that exists is valid: 1 to 128 (channels) or 1 to 120 (users) characters of
//! `A-Z a-z 0-9 _ - . : @ / = | +`. `#` is not among them, so it can separate parts of a key for good.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::limits::{CHANNEL_NAME_LEN_MAX, USER_NAME_LEN_MAX};

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {kind} name has 1 to {max} characters of A-Z a-z 0-9 _ - . : @ / = | +")]
pub struct NameError {
    kind: &'static str,
    max: usize,
}

/// What is subscribed to. Cloning is a reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ChannelName(Arc<str>);

impl ChannelName {
    /// Parses a channel's name.
    ///
    /// # Errors
    /// [`NameError`] if the length or a character is outside the bounds.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check("channel", CHANNEL_NAME_LEN_MAX, text)?;
        Ok(Self(Arc::from(text)))
    }

    /// The personal channel of `user`: `@{user}`. A user's name is short enough for it always to be valid.
    #[must_use]
    pub fn personal(user: &UserName) -> Self {
        Self(Arc::from(format!("@{user}")))
    }

    /// Whether this is somebody's personal channel.
    #[must_use]
    pub fn is_personal(&self) -> bool {
        self.0.starts_with('@')
    }

    /// Whether this is the personal channel of `user`.
    #[must_use]
    pub fn is_personal_of(&self, user: &UserName) -> bool {
        self.0.strip_prefix('@') == Some(user.as_str())
    }

    /// The prefix before the first `:`, which selects the channel's options; `@` for personal channels,
    /// `None` for a name without a prefix.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        if self.is_personal() {
            return Some("@");
        }
        self.0.split_once(':').map(|(prefix, _)| prefix)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who a connection belongs to. Cloning is a reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct UserName(Arc<str>);

impl UserName {
    /// Parses a user's name.
    ///
    /// # Errors
    /// [`NameError`] if the length or a character is outside the bounds.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check("user", USER_NAME_LEN_MAX, text)?;
        Ok(Self(Arc::from(text)))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(kind: &'static str, max: usize, text: &str) -> Result<(), NameError> {
    let valid = (1..=max).contains(&text.len()) && text.bytes().all(is_name_byte);
    if valid { Ok(()) } else { Err(NameError { kind, max }) }
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'_' | b'-' | b'.' | b':' | b'@' | b'/' | b'=' | b'|' | b'+')
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ChannelName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for UserName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_bounds() {
        assert!(ChannelName::parse(&"a".repeat(128)).is_ok());
        assert!(ChannelName::parse(&"a".repeat(129)).is_err());
        assert!(ChannelName::parse("").is_err());
        assert!(UserName::parse(&"a".repeat(120)).is_ok());
        assert!(UserName::parse(&"a".repeat(121)).is_err());
    }

    #[test]
    fn separators_spaces_and_lookalikes_are_no_name_characters() {
        for bad in ["a#b", "a b", "a\n", "a\0b", "rооm", "a*", "a?b", "å"] {
            assert!(ChannelName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(ChannelName::parse("aZ09_-.:@/=|+").is_ok());
    }

    #[test]
    fn a_namespace_is_the_prefix_before_the_first_colon() {
        let namespace = |name: &str| ChannelName::parse(name).unwrap().namespace().map(str::to_owned);
        assert_eq!(namespace("room:a:b").as_deref(), Some("room"));
        assert_eq!(namespace("news"), None);
        assert_eq!(namespace(":x").as_deref(), Some(""));
        assert_eq!(namespace("@al:ice").as_deref(), Some("@"));
    }

    #[test]
    fn every_user_has_a_valid_personal_channel() {
        let user = UserName::parse(&"u".repeat(120)).unwrap();
        let channel = ChannelName::personal(&user);
        assert!(ChannelName::parse(channel.as_str()).is_ok());
        assert!(channel.is_personal_of(&user));
    }
}
