//! What operators publish to `control`: who is to be put out, and until when.

use serde::Deserialize;

use super::{Poison, PoisonClass};
use crate::names::{ChannelName, UserName};
use crate::protocol::json;
use crate::time::Timestamp;

/// An operator's order. Every region carries it out on its own connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Who is put out.
    pub user: UserName,
    /// Of this channel; without one, of the service.
    pub channel: Option<ChannelName>,
    /// Before then he may not come back; absent: he may at once.
    pub until: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Wire {
    control: String,
    user: UserName,
    channel: Option<ChannelName>,
    until: Option<Timestamp>,
}

impl Control {
    /// Reads an operator's message.
    ///
    /// # Errors
    /// [`Poison`] if it is none of the orders.
    pub fn parse(text: &str) -> Result<Self, Poison> {
        let wire: Wire = json::object(text.as_bytes()).map_err(|fault| {
            Poison::unreadable(PoisonClass::Control, "control: not a control message", &fault)
        })?;
        let Wire { control, user, channel, until } = wire;
        match (control.as_str(), channel) {
            ("disconnect", _) => Ok(Self { user, channel: None, until }),
            ("unsubscribe", Some(channel)) if channel.is_personal() => Err(Poison::new(
                PoisonClass::Control,
                "control: a personal channel cannot be unsubscribed; use disconnect",
            )),
            ("unsubscribe", Some(channel)) => Ok(Self { user, channel: Some(channel), until }),
            ("unsubscribe", None) => {
                Err(Poison::new(PoisonClass::Control, "control: unsubscribe needs a channel"))
            }
            _ => Err(Poison::new(
                PoisonClass::Control,
                "control: unknown control; known are disconnect and unsubscribe",
            )),
        }
    }
}
