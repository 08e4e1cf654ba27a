//! What operators publish to `control`: who is to be put out and until when, and who is to go to another region.
//!
//! Not their carrying out (`deliver`). The invariant: an order that is read is whole, and small enough to be carried
//! out at once.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Poison, PoisonClass};
use crate::ids::ConnectionId;
use crate::limits::SHUTDOWN_CONNECTIONS_MAX;
use crate::names::{ChannelName, UserName};
use crate::protocol::json;
use crate::region::Region;
use crate::time::Timestamp;

/// An operator's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// Every region carries it out on its own connections.
    PutOut(PutOut),
    /// Only the region that it names carries it out.
    Shutdown(Shutdown),
}

/// A user is put out of the service, or of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOut {
    /// Who is put out.
    pub user: UserName,
    /// Of this channel; without one, of the service.
    pub channel: Option<ChannelName>,
    /// Before then he may not come back; absent: he may at once.
    pub until: Option<Timestamp>,
}

/// Connections that are to go on in another region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shutdown {
    /// Whose they are.
    pub region: Region,
    /// Which: at most [`SHUTDOWN_CONNECTIONS_MAX`].
    pub connections: Vec<Departing>,
    /// Whether they are closed as well, because they had their time to go by themselves.
    #[serde(default)]
    pub close: bool,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Departing {
    /// Which.
    pub connection: ConnectionId,
    /// Whose.
    pub user: UserName,
    /// Since when it is open.
    pub since: Timestamp,
}

#[derive(Deserialize)]
struct Named {
    control: String,
}

#[derive(Deserialize)]
struct Wire {
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
        let Named { control } = read(text)?;
        match control.as_str() {
            "disconnect" => {
                let Wire { user, until, .. } = read(text)?;
                Ok(Self::PutOut(PutOut { user, channel: None, until }))
            }
            "unsubscribe" => unsubscribe(read(text)?),
            "shutdown" => shutdown(read(text)?),
            _ => Err(Poison::new(
                PoisonClass::Control,
                "control: unknown control; known are disconnect, unsubscribe, shutdown",
            )),
        }
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Poison> {
    json::object(text.as_bytes())
        .map_err(|fault| Poison::unreadable(PoisonClass::Control, "control: not a control message", &fault))
}

fn unsubscribe(Wire { user, channel, until }: Wire) -> Result<Control, Poison> {
    match channel {
        Some(channel) if channel.is_personal() => Err(Poison::new(
            PoisonClass::Control,
            "control: a personal channel cannot be unsubscribed; use disconnect",
        )),
        Some(channel) => Ok(Control::PutOut(PutOut { user, channel: Some(channel), until })),
        None => Err(Poison::new(PoisonClass::Control, "control: unsubscribe needs a channel")),
    }
}

fn shutdown(order: Shutdown) -> Result<Control, Poison> {
    if order.connections.len() > SHUTDOWN_CONNECTIONS_MAX {
        let most = SHUTDOWN_CONNECTIONS_MAX;
        return Err(Poison::new(
            PoisonClass::Control,
            format!("control: a shutdown names at most {most} connections"),
        ));
    }
    Ok(Control::Shutdown(order))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_names_a_user_and_what_he_is_put_out_of() {
        let put_out = |text| match Control::parse(text).unwrap() {
            Control::PutOut(PutOut { user, channel, until }) => (
                user.to_string(),
                channel.map(|channel| channel.to_string()),
                until.map(Timestamp::as_millis),
            ),
            Control::Shutdown(_) => panic!("{text} sends nobody elsewhere"),
        };
        let bob = || "bob".to_owned();
        assert_eq!(put_out(r#"{"control":"disconnect","user":"bob"}"#), (bob(), None, None));
        let unsubscribe = r#"{"control":"unsubscribe","user":"bob","channel":"room:1","until":7}"#;
        assert_eq!(put_out(unsubscribe), (bob(), Some("room:1".to_owned()), Some(7)));
    }

    #[test]
    fn what_is_no_order_says_why() {
        for (text, reason) in [
            (r#"["disconnect","bob"]"#, "control: not a control message: not a JSON object"),
            (r#"{"user":"bob"}"#, "control: not a control message: missing field `control`"),
            (r#"{"control":"dance","user":"bob"}"#, "control: unknown control; known are"),
            (r#"{"control":"disconnect"}"#, "control: not a control message: missing field `user`"),
            (r#"{"control":"unsubscribe","user":"bob"}"#, "control: unsubscribe needs a channel"),
            (
                r#"{"control":"unsubscribe","user":"bob","channel":"@bob"}"#,
                "control: a personal channel cannot be unsubscribed; use disconnect",
            ),
        ] {
            let poison = Control::parse(text).unwrap_err();
            assert!(poison.reason.starts_with(reason), "{text}: {}", poison.reason);
            assert_eq!(poison.class, PoisonClass::Control);
        }
    }
}
