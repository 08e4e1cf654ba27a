//! The closed list of errors that a client may see. Internal texts never stand in them.

use serde::Serialize;

use crate::ports::Unavailable;

/// Codes of errors on the wire. Keep in the order of PROTOCOL.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Wrong type, name, id, cursor or bound.
    BadRequest,
    /// No such action.
    UnknownAction,
    /// The user is blocked.
    Unauthorized,
    /// No grant.
    Forbidden,
    /// Unsubscribe of what is not subscribed.
    NotSubscribed,
    /// A message over 96 KB, data that does not fit a frame.
    TooLarge,
    /// More publishes than the namespace's rate.
    RateLimited,
    /// The token expired.
    Expired,
    /// A dependency failed.
    Unavailable,
    /// A fault of Sorl's own.
    Internal,
}

impl ErrorCode {
    /// All codes.
    pub const ALL: [Self; 10] = [
        Self::BadRequest,
        Self::UnknownAction,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotSubscribed,
        Self::TooLarge,
        Self::RateLimited,
        Self::Expired,
        Self::Unavailable,
        Self::Internal,
    ];

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable | Self::Internal)
    }

    /// The code as it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::UnknownAction => "unknown_action",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotSubscribed => "not_subscribed",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Expired => "expired",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

/// Why a command was refused: what the client is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// What kind of fault.
    pub code: ErrorCode,
    /// What was wrong, in words for the client's developer.
    pub message: String,
    /// Whether the same request may succeed later.
    pub temporary: bool,
}

impl Refusal {
    /// A refusal with its explanation.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), temporary: code.is_temporary() }
    }

    /// A `bad_request`.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadRequest, message)
    }

    /// A `forbidden`.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Forbidden, message)
    }
}

/// A port that failed: the source goes to the log here, the client learns only that something did.
impl From<Unavailable> for Refusal {
    fn from(fault: Unavailable) -> Self {
        tracing::warn!(port = fault.port, source = %fault.source, "a dependency failed");
        Self::new(ErrorCode::Unavailable, "a dependency did not answer; try again")
    }
}
