//! Lambda's events as core's types, and core's answers as Lambda's.
//!
//! The only place that knows how API Gateway and SQS write them. Each event is read for the few fields that Sorl
//! uses, every one of them optional: no odd header of a client and no new field of AWS's can make an event
//! unreadable, and what is missing is refused by whoever needs it.

mod authorizer;
mod queue;
mod websocket;

pub use authorizer::{Allowance, AuthorizerEvent, unauthorized};
pub use queue::{QueueAnswer, QueueEvent};
pub use websocket::{Incomplete, WebSocketAnswer, WebSocketEvent};
