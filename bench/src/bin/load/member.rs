//! A connection of the load client: how it opens, joins a channel, and counts what comes.
//!
//! Invariant: a connection that the server ends, while it reads, ends the run.

use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::{Context as _, bail, ensure};

use crate::dialect::{Dialect, Stamp, Told};
use crate::tally::{Had, Tally};
use crate::websocket::{self, Frame, Incoming, Outgoing, Scratch, Target};

/// The kernel's receive buffer of a connection that does not read: small, so that the subject soon feels it.
const UNREAD_BUFFER: u32 = 4 * 1024;

/// Where connections go.
pub(crate) struct Door {
    pub(crate) dialect: Dialect,
    /// The address and base path of each server; connections take them in turns.
    pub(crate) servers: Vec<(SocketAddr, String)>,
    pub(crate) scratch: Scratch,
}

/// An open connection.
pub(crate) struct Line {
    dialect: Dialect,
    incoming: Incoming,
    outgoing: Outgoing,
}

/// Half a connection: what comes.
pub(crate) struct Listening {
    dialect: Dialect,
    incoming: Incoming,
}

impl Door {
    /// Opens connection `number`, with a token where the dialect has one.
    pub(crate) async fn open(&self, number: usize, token: Option<&str>, reads: bool) -> anyhow::Result<Line> {
        let turn = number % self.servers.len().max(1);
        let (address, base) = self.servers.get(turn).context("no server")?;
        let headers = token.map_or_else(String::new, |token| {
            format!("Sec-WebSocket-Protocol: sorl.v1\r\nAuthorization: Bearer {token}\r\n")
        });
        let target = Target {
            address: *address,
            path: &self.dialect.path(base),
            headers: &headers,
            number,
            receive_buffer: (!reads).then_some(UNREAD_BUFFER),
        };
        let (incoming, outgoing) = websocket::open(&target, &self.scratch).await?;
        let mut line = Line { dialect: self.dialect, incoming, outgoing };
        if let Some(greeting) = self.dialect.greeting() {
            line.wait_for(&Told::Opened).await?;
            line.outgoing.text(greeting.as_bytes()).await?;
            line.wait_for(&Told::Opened).await?;
        }
        Ok(line)
    }
}

impl Line {
    /// Becomes a member of `channel`.
    pub(crate) async fn join(&mut self, channel: &str) -> anyhow::Result<()> {
        self.outgoing.text(self.dialect.join(channel).as_bytes()).await?;
        self.wait_for(&Told::Reply(1)).await
    }

    /// Waits for one text; until then nothing else is expected than what does not matter.
    async fn wait_for(&mut self, wanted: &Told) -> anyhow::Result<()> {
        let mut seen = false;
        while !seen {
            let alive = self.incoming.receive(|frame| {
                let Frame::Text(text) = frame else { return Ok(()) };
                let told =
                    self.dialect.read(text, |stamp| bail!("{stamp:?} before anything was published"))?;
                seen |= told == *wanted;
                Ok(())
            });
            ensure!(alive.await?, "closed while opening");
        }
        Ok(())
    }

    /// The two halves.
    pub(crate) fn split(self) -> (Listening, Outgoing) {
        let Self { dialect, incoming, outgoing } = self;
        (Listening { dialect, incoming }, outgoing)
    }

    /// Reads and counts as a member of the channel of this index, until the connection ends, which is an error.
    pub(crate) async fn count(self, channel: usize, tally: Rc<Tally>) -> anyhow::Result<()> {
        let (mut listening, mut outgoing) = self.split();
        let mut had = Had::default();
        loop {
            let mut pings = Vec::new();
            let take = |stamp| tally.received(stamp, channel, &mut had);
            let told = |told| {
                if let Told::Messages(_) = told {
                    tally.frame();
                }
                Ok(())
            };
            listening.next(take, told, &mut pings).await?;
            for ping in pings {
                ping.answer(&mut outgoing).await?;
            }
        }
    }
}

/// A question whether somebody is there.
pub(crate) enum Ping {
    WebSocket(Vec<u8>),
    EngineIo,
}

impl Ping {
    /// Says yes.
    pub(crate) async fn answer(&self, outgoing: &mut Outgoing) -> anyhow::Result<()> {
        match self {
            Self::WebSocket(body) => outgoing.pong(body).await?,
            Self::EngineIo => outgoing.text(b"3").await?,
        }
        Ok(())
    }
}

impl Listening {
    /// Takes what one read brings.
    pub(crate) async fn next(
        &mut self,
        mut take: impl FnMut(Stamp) -> anyhow::Result<()>,
        mut tell: impl FnMut(Told) -> anyhow::Result<()>,
        pings: &mut Vec<Ping>,
    ) -> anyhow::Result<()> {
        let dialect = self.dialect;
        let alive = self.incoming.receive(|frame| {
            match frame {
                Frame::Text(text) => match dialect.read(text, &mut take)? {
                    Told::Ping => pings.push(Ping::EngineIo),
                    Told::Bye => bail!("the server said: {}", String::from_utf8_lossy(text)),
                    told => tell(told)?,
                },
                Frame::Ping(body) => pings.push(Ping::WebSocket(body.to_vec())),
                Frame::Close => bail!("the server closed a connection that reads"),
                Frame::Other => {}
            }
            Ok(())
        });
        ensure!(alive.await?, "the server lost a connection that reads");
        Ok(())
    }
}
