//! The name that API Gateway gives to a WebSocket, such as `L0SM9cOFvHcCIhw=`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

/// One WebSocket within its region. Cloning is a reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ConnectionId(Arc<str>);

/// A text that no gateway would name a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a connection id is 1 to 128 characters of base64")]
pub struct ConnectionIdError;

impl ConnectionId {
    const LEN_MAX: usize = 128;

    /// Parses a connection id. AWS does not document its form beyond "a string"; what is fixed here is what
    /// keeps keys and URLs safe: base64 of either alphabet.
    ///
    /// # Errors
    /// [`ConnectionIdError`] if the length or a character is outside of that.
    pub fn parse(text: &str) -> Result<Self, ConnectionIdError> {
        let valid = (1..=Self::LEN_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'='));
        if valid { Ok(Self(Arc::from(text))) } else { Err(ConnectionIdError) }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ConnectionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_id_is_base64_and_nothing_that_a_key_or_an_address_would_take_apart() {
        for good in ["L0SM9cOFvHcCIhw=", "a-b_c+d/e", &"c".repeat(ConnectionId::LEN_MAX)] {
            assert_eq!(ConnectionId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a#b", "a b", "a?b", "a%2f", "ä", &"c".repeat(ConnectionId::LEN_MAX + 1)] {
            assert_eq!(ConnectionId::parse(bad), Err(ConnectionIdError), "{bad}");
        }
    }
}
