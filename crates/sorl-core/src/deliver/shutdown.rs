//! Connections that an operator sends to another region: told so, and closed if they had their time.
//!
//! Not who they are: the order names them. What fails here is left: whoever gave the order looks again at who is
//! still there, so nothing of it comes back through the queue. The invariant: no row is forgotten of a connection
//! whose handshake may be pending.

use futures::future::join_all;

use super::{Run, gone};
use crate::envelope::{Departing, Recipient, Shutdown};
use crate::limits::HANDSHAKE_MAX;
use crate::ports::PostError;
use crate::protocol::Bye;

/// Carries out an order for this region.
pub(super) async fn carry_out(order: &Shutdown, run: &Run<'_>) {
    join_all(order.connections.iter().map(|departing| send_away(departing, order.close, run))).await;
}

async fn send_away(departing: &Departing, close: bool, run: &Run<'_>) {
    let to = recipient(departing, run);
    let said = gone::say_bye(&to, Bye::Shutdown, run).await;
    let may_be_pending = matches!(said, Err(PostError::Gone)) && run.now().since(to.since) < HANDSHAKE_MAX;
    if close
        && !may_be_pending
        && let Err(fault) = gone::close(&to, run).await
    {
        tracing::warn!(connection = %to.connection, %fault, "a connection that was sent away could not be closed");
    }
}

fn recipient(departing: &Departing, run: &Run<'_>) -> Recipient {
    let Departing { connection, user, since } = departing.clone();
    Recipient { connection, user, since, expires_at: run.deadline, attempts: 0 }
}
