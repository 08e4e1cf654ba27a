//! Reading: the bytes of a client become messages, by the rules of RFC 6455.
//!
//! Not what the messages mean (`socket`). The protocol is tungstenite's; what it answers by itself, pongs, goes
//! through the outbox like everything else. Invariant: a client that sends pings and reads no pongs is not read
//! any further, so it cannot make the outbox grow.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::connection::Connection;
use super::outbox::Refused;
use super::wire::Encoded;

/// Largest frame that is still read, so that its sender can be told 1009 while it is sending.
const READ_MAX: usize = 1024 * 1024;
/// Enough for a command; there is one of each per connection, and larger frames grow it.
const READ_BUFFER: usize = 512;

/// The reading half of a connection.
pub(super) struct Reader<'a> {
    context: WebSocketContext,
    wire: Wire<'a>,
}

impl<'a> Reader<'a> {
    /// Reads from `stream`, beginning with what was read of it already.
    pub(super) fn new(connection: &'a Arc<Connection>, stream: &'a TcpStream, read: &[u8]) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(READ_MAX))
            .max_frame_size(Some(READ_MAX));
        let context = WebSocketContext::from_partially_read(read.to_vec(), Role::Server, Some(config));
        Self { context, wire: Wire { connection, stream, refused: None } }
    }

    /// The next message.
    pub(super) async fn next(&mut self) -> Result<Message, Error> {
        // Reading what is there already never waits by itself: a client that floods must not keep others waiting.
        tokio::task::coop::consume_budget().await;
        loop {
            match self.context.read(&mut self.wire) {
                Err(Error::Io(fault)) if fault.kind() == io::ErrorKind::WouldBlock => {
                    self.wire.ready().await?
                }
                read => return read,
            }
        }
    }
}

/// What tungstenite reads from and writes to.
struct Wire<'a> {
    connection: &'a Arc<Connection>,
    stream: &'a TcpStream,
    /// A pong for which the outbox had no room.
    refused: Option<Encoded>,
}

impl Wire<'_> {
    async fn ready(&mut self) -> io::Result<()> {
        match self.refused.take() {
            Some(pong) => {
                self.connection.outbox.room_for(&pong).await;
                Ok(())
            }
            None => self.stream.readable().await,
        }
    }
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.try_read(buffer)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, encoded: &[u8]) -> io::Result<usize> {
        let pong = Encoded::ready(Bytes::copy_from_slice(encoded));
        match self.connection.offer(pong.clone()) {
            // Nothing follows a close frame.
            Ok(()) | Err(Refused::Closing) => Ok(encoded.len()),
            Err(Refused::Full) => {
                self.refused = Some(pong);
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
