//! The wire protocol, version 1 (PROTOCOL.md): frames from clients, replies and frames to them.
//!
//! Not what travels between Sorl's own parts (`envelope`).

mod frame;
pub mod json;
mod request;
mod response;

pub use frame::Frame;
pub use request::{Action, Fields, Request, RequestFault};
pub use response::{
    Bye, HistoryResult, PresenceMember, PresenceResult, PublishResult, SubscribeResult, error_frame,
    messages_frame, presence_frame, reply_frame, unsubscribed_frame,
};

/// The subprotocol that a client offers and the server selects.
pub const SUBPROTOCOL: &str = "sorl.v1";
/// Before the token, in an offered subprotocol.
pub const TOKEN_SUBPROTOCOL_PREFIX: &str = "sorl.token.";
