//! Writing: what outboxes hold goes to the network, many frames a system call, many connections a task.
//!
//! Posts wake no task of their connection: they put it among the [`Ready`], and whoever serves those writes as
//! much as each socket takes at once. Only a socket that takes no more is handed back to its own task. Invariant:
//! one slow client costs the others one system call that says so.

use std::io::{self, IoSlice};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::TcpStream;

use super::connection::Connection;
use super::outbox::{Batch, Next, Outbox};

/// Pieces of one system call. Linux takes 1,024; a batch of more is rare.
const PIECES_MAX: usize = 32;

/// Connections after which the writing task lets others run: a fraction of a millisecond.
const TURN: usize = 32;

/// What came of an attempt to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Everything; the next frame begins anew.
    All,
    /// As much as the network takes now.
    Blocked,
    /// Everything there ever will be, or as much as ever can be.
    Over,
}

/// Writes what the outbox holds, and what comes to it meanwhile, as far as the network takes it at once.
pub(super) fn write(outbox: &Outbox, stream: &TcpStream) -> Written {
    let mut written = Batch::default();
    loop {
        let mut batch = match outbox.next(&written) {
            Next::Write(batch) => batch,
            Next::Idle => return Written::All,
            Next::Over => return Written::Over,
        };
        if let Err(fault) = write_batch(&mut batch, stream) {
            outbox.put_back(batch);
            return if fault.kind() == io::ErrorKind::WouldBlock { Written::Blocked } else { Written::Over };
        }
        written = batch;
    }
}

fn write_batch(batch: &mut Batch, stream: &TcpStream) -> io::Result<()> {
    while !batch.is_empty() {
        let mut pieces = [IoSlice::new(&[]); PIECES_MAX];
        let filled = pieces.iter_mut().zip(batch.pieces()).map(|(free, piece)| *free = piece).count();
        let written = stream.try_write_vectored(pieces.get(..filled).unwrap_or_default())?;
        batch.advance(written);
    }
    Ok(())
}

/// The connections of a gateway that have something to write, each once.
#[derive(Default)]
pub(super) struct Ready(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    connections: Vec<Arc<Connection>>,
    /// A task serves them until there are none.
    is_served: bool,
}

impl Ready {
    /// Has the connection's outbox written.
    pub(super) fn add(self: &Arc<Self>, connection: Arc<Connection>) {
        let mut queue = self.0.lock();
        queue.connections.push(connection);
        if !std::mem::replace(&mut queue.is_served, true) {
            drop(queue);
            tokio::spawn(Arc::clone(self).serve());
        }
    }

    async fn serve(self: Arc<Self>) {
        let mut turn = Vec::new();
        while self.take(&mut turn) {
            for (count, connection) in turn.drain(..).enumerate() {
                connection.write();
                if count % TURN == TURN - 1 {
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// All that are ready; `false` if there are none, and then nobody serves any more.
    fn take(&self, turn: &mut Vec<Arc<Connection>>) -> bool {
        let mut queue = self.0.lock();
        queue.is_served = !queue.connections.is_empty();
        std::mem::swap(&mut queue.connections, turn);
        queue.is_served
    }
}
