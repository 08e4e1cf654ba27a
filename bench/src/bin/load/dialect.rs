//! The two protocols that the load client speaks: Sorl's `sorl.v1` and Socket.IO 4 over WebSocket alone.
//!
//! Only texts: what is sent when, and what a text that came in says. Invariant: whatever is counted as a message
//! was parsed, its own data included.

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Which protocol the subject speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Dialect {
    Sorl,
    Socketio,
}

/// The data of every message of a run: what it takes to count it and to time it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Stamp {
    /// Its number within its run.
    pub(crate) n: u64,
    /// Which run it belongs to: the id of the client's process.
    pub(crate) run: u32,
    /// When it was published, in nanoseconds of the client's own clock.
    pub(crate) sent: u64,
}

/// What a text from the server was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// So many messages, which were handed over.
    Messages(u32),
    /// The answer to the request of this number.
    Reply(u64),
    /// Engine.IO asks whether somebody is there.
    Ping,
    /// Engine.IO or Socket.IO opened.
    Opened,
    /// The server says that it closes.
    Bye,
    /// Presence and the like.
    Other,
}

impl Stamp {
    /// The data as JSON, `bytes` long.
    pub(crate) fn data(&self, bytes: usize) -> String {
        let Self { n, run, sent } = self;
        let bare = format!(r#"{{"n":{n},"run":{run},"sent":{sent},"pad":""}}"#);
        let pad = "x".repeat(bytes.saturating_sub(bare.len()));
        format!("{}{pad}\"}}", bare.trim_end_matches("\"}"))
    }
}

#[derive(Deserialize)]
struct SorlFrame<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(default, borrow)]
    messages: Vec<SorlMessage<'a>>,
    id: Option<u64>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// All that a client needs of a message, so that the parsing is a client's.
#[derive(Deserialize)]
struct SorlMessage<'a> {
    #[serde(rename = "id")]
    _id: &'a str,
    #[serde(rename = "channel")]
    _channel: &'a str,
    data: Stamp,
}

impl Dialect {
    /// The handshake's path below the address.
    pub(crate) fn path(self, base: &str) -> String {
        match self {
            Self::Sorl => base.to_owned(),
            Self::Socketio => "/socket.io/?EIO=4&transport=websocket".to_owned(),
        }
    }

    /// What is sent once Engine.IO has opened; Sorl is open with its handshake.
    pub(crate) const fn greeting(self) -> Option<&'static str> {
        match self {
            Self::Sorl => None,
            Self::Socketio => Some("40"),
        }
    }

    /// The request to become a member of `channel`, numbered 1.
    pub(crate) fn join(self, channel: &str) -> String {
        match self {
            Self::Sorl => format!(r#"{{"action":"subscribe","id":1,"channel":"{channel}"}}"#),
            Self::Socketio => format!(r#"421["join","{channel}"]"#),
        }
    }

    /// The request, of number `id`, to publish `data`. Socket.IO's is an emit, which nobody answers.
    pub(crate) fn publish(self, id: u64, channel: &str, data: &str) -> String {
        match self {
            Self::Sorl => {
                format!(r#"{{"action":"publish","id":{id},"channel":"{channel}","data":{data}}}"#)
            }
            Self::Socketio => format!(r#"42["publish","{channel}",{data}]"#),
        }
    }

    /// Reads a text, handing over the stamp of each message in it.
    pub(crate) fn read(
        self,
        text: &[u8],
        take: impl FnMut(Stamp) -> anyhow::Result<()>,
    ) -> anyhow::Result<Told> {
        let told = match self {
            Self::Sorl => read_sorl(text, take),
            Self::Socketio => read_socketio(text, take),
        };
        told.with_context(|| format!("an unexpected text: {}", String::from_utf8_lossy(text)))
    }
}

fn read_sorl(text: &[u8], mut take: impl FnMut(Stamp) -> anyhow::Result<()>) -> anyhow::Result<Told> {
    let frame: SorlFrame<'_> = serde_json::from_slice(text)?;
    Ok(match (frame.kind, frame.id) {
        ("messages", _) => {
            frame.messages.iter().try_for_each(|message| take(message.data))?;
            Told::Messages(u32::try_from(frame.messages.len())?)
        }
        ("reply", Some(id)) => Told::Reply(id),
        ("bye", _) => Told::Bye,
        ("error", _) => bail!("an error: {:?}", frame.error),
        _ => Told::Other,
    })
}

fn read_socketio(text: &[u8], mut take: impl FnMut(Stamp) -> anyhow::Result<()>) -> anyhow::Result<Told> {
    Ok(match text {
        [b'2'] => Told::Ping,
        [b'0', ..] | [b'4', b'0', ..] => Told::Opened,
        [b'4', b'2', event @ ..] => {
            let (_name, stamp): (&str, Stamp) = serde_json::from_slice(event)?;
            take(stamp)?;
            Told::Messages(1)
        }
        [b'4', b'3', rest @ ..] => {
            let digits: Vec<u8> = rest.iter().copied().take_while(u8::is_ascii_digit).collect();
            Told::Reply(std::str::from_utf8(&digits)?.parse()?)
        }
        [b'1', ..] | [b'4', b'1', ..] => Told::Bye,
        _ => bail!("not Socket.IO's"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { n: 7, run: 0, sent: 123_456_789_000 };

    fn read(dialect: Dialect, text: &str) -> anyhow::Result<(Told, Vec<Stamp>)> {
        let mut stamps = Vec::new();
        let told = dialect.read(text.as_bytes(), |stamp| {
            stamps.push(stamp);
            Ok(())
        })?;
        Ok((told, stamps))
    }

    #[test]
    fn data_is_as_long_as_asked_for() {
        let data = STAMP.data(200);
        assert_eq!(data.len(), 200);
        assert_eq!(serde_json::from_str::<Stamp>(&data).unwrap(), STAMP);
    }

    #[test]
    fn both_dialects_hand_over_what_was_published() {
        let data = STAMP.data(200);
        let message = |id| format!(r#"{{"id":"{id}","channel":"room:1","data":{data},"at":1}}"#);
        let frame = format!(r#"{{"type":"messages","messages":[{},{}]}}"#, message(1), message(2));
        assert_eq!(read(Dialect::Sorl, &frame).unwrap(), (Told::Messages(2), vec![STAMP, STAMP]));
        let frame = format!(r#"42["message",{data}]"#);
        assert_eq!(read(Dialect::Socketio, &frame).unwrap(), (Told::Messages(1), vec![STAMP]));
    }

    #[test]
    fn answers_are_told_apart() {
        for (dialect, text, told) in [
            (Dialect::Sorl, r#"{"type":"reply","id":4,"result":{}}"#, Told::Reply(4)),
            (Dialect::Sorl, r#"{"type":"bye","code":"slow","reconnect":true}"#, Told::Bye),
            (Dialect::Sorl, r#"{"type":"presence","channel":"room:1","events":[]}"#, Told::Other),
            (Dialect::Socketio, "2", Told::Ping),
            (Dialect::Socketio, r#"0{"sid":"a"}"#, Told::Opened),
            (Dialect::Socketio, r#"40{"sid":"a"}"#, Told::Opened),
            (Dialect::Socketio, "431[]", Told::Reply(1)),
        ] {
            assert_eq!(read(dialect, text).unwrap(), (told, vec![]), "{text}");
        }
        assert!(read(Dialect::Sorl, r#"{"type":"error","id":4,"error":{}}"#).is_err());
        assert!(read(Dialect::Socketio, r#"44{"message":"no"}"#).is_err());
    }
}
