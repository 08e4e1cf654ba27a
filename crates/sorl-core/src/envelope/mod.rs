//! What travels through SNS and SQS: envelopes, and how a queue's record becomes one of them.
//!
//! Not the WebSocket protocol. Every form written here carries a version, is read with unknown fields
//! ignored, and has a frozen fixture, because old and new code run side by side while a stage is upgraded.

mod arn;
mod control;
mod external;
mod notification;
mod poison;
mod relayed;
mod slice;

pub use arn::{Topic, TopicArn};
pub use control::{Control, Departing, PutOut, Shutdown};
pub use external::read_external;
pub use notification::{Notification, attribute_text};
pub use poison::{Poison, PoisonClass};
pub use relayed::{PresenceChange, PresenceEvent, PresenceKind, Relayed};
pub use slice::{Owed, Recipient, Rest, Slice};
