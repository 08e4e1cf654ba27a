//! The frames of one connection, each carried out by `command` as a task of its own.
//!
//! Invariant: at most [`IN_FLIGHT_MAX`] at a time; further frames wait in the network. Whatever happens to one
//! frame, a panic or a handler that hangs, is answered and harms neither the connection nor the process.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use sorl_core::authorize::Caller;
use sorl_core::command::{Answer, command};
use sorl_core::error::{ErrorCode, Refusal};
use sorl_core::protocol::error_frame;
use sorl_metrics::outcomes;
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::connection::Connection;
use super::wire::Encoded;
use crate::stage::Station;

/// Frames of one connection that are carried out side by side, as API Gateway does too.
const IN_FLIGHT_MAX: usize = 16;

/// API Gateway gives an integration 29 s.
const COMMAND_MAX: Duration = Duration::from_secs(29);

/// Carries out a connection's frames.
pub(super) struct Commands {
    station: Arc<Station>,
    caller: Arc<Caller>,
    connection: Arc<Connection>,
    room: Arc<Semaphore>,
}

impl Commands {
    pub(super) fn new(station: Arc<Station>, caller: Arc<Caller>, connection: Arc<Connection>) -> Self {
        Self { station, caller, connection, room: Arc::new(Semaphore::new(IN_FLIGHT_MAX)) }
    }

    /// Begins to carry out a frame, as soon as there is room; its reply goes to the outbox.
    pub(super) async fn begin(&self, frame: Utf8Bytes) {
        // Nobody closes the semaphore.
        let Ok(room) = Arc::clone(&self.room).acquire_owned().await else { return };
        let (station, caller) = (Arc::clone(&self.station), Arc::clone(&self.caller));
        let connection = Arc::clone(&self.connection);
        self.station.tasks.commands.spawn(async move {
            let answer = carry_out(&frame, &caller, &station).await;
            connection.push(Encoded::text(answer.frame.into())).await;
            drop(room);
        });
    }
}

async fn carry_out(frame: &str, caller: &Caller, station: &Station) -> Answer {
    let started = Instant::now();
    let handler = command(frame, caller, station.command_ports(), station.site());
    let outcome = tokio::time::timeout(COMMAND_MAX, AssertUnwindSafe(handler).catch_unwind()).await;
    let answer = match outcome {
        Ok(Ok(answer)) => answer,
        Ok(Err(_panic)) => internal("panicked"),
        Err(_elapsed) => internal("timed_out"),
    };
    station.metrics.take(&station.site().region, &outcomes::command(&answer));
    station.metered.tab.replied(answer.frame.len());
    if let Some(message) = answer.message {
        station.traces.accepted(message, &caller.region);
    }
    tracing::info!(
        outcome = answer.error.map_or("answered", ErrorCode::as_str),
        action = answer.action,
        message_id = answer.message.map(tracing::field::display),
        user = %caller.principal.user,
        region = %caller.region,
        connection = %caller.connection,
        took_us = started.elapsed().as_micros(),
        "command"
    );
    answer
}

/// What is told when the handler itself failed: nobody knows any more which request it was.
fn internal(what: &'static str) -> Answer {
    tracing::error!(outcome = what, "a command failed");
    let refusal = Refusal::new(ErrorCode::Internal, "the command failed; try again");
    Answer {
        frame: error_frame(None, &refusal),
        action: "none",
        error: Some(ErrorCode::Internal),
        message: None,
    }
}
