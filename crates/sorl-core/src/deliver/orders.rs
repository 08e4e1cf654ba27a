//! What operators order: a user is put out (`control`), or connections are sent to another region (`shutdown`).
//!
//! Not the carrying out. The invariant: each order leaves a line with `audit` in it in the log of each region that it
//! is for, by SNS's id of the order. Who gave it is not known here: AWS knows, by the same id.

use super::parse::Order;
use super::{Run, control, shutdown};
use crate::envelope::{Control, PutOut, Shutdown};
use crate::names::ChannelName;
use crate::time::Timestamp;

/// Carries out one order; if anything of it that must be certain is not, its record comes again.
pub(super) async fn carry_out(record: usize, order: Order, run: &mut Run<'_>) {
    let (id, at) = (order.id, order.at);
    match order.control {
        Control::PutOut(order) => {
            let order = control::Order { control: order, at };
            control::carry_out(record, &order, run).await;
            audit_eviction(&id, at, &order.control, !run.failed.contains(&record), run);
        }
        Control::Shutdown(order) if order.region == run.site.region => {
            shutdown::carry_out(&order, run).await;
            audit_shutdown(&id, at, &order, run);
        }
        Control::Shutdown(_elsewhere) => {}
    }
}

fn audit_eviction(order_id: &str, at: Timestamp, order: &PutOut, done: bool, run: &Run<'_>) {
    let PutOut { user, channel, until } = order;
    let audit = if channel.is_some() { "unsubscribe" } else { "disconnect" };
    let (region, channel) = (&run.site.region, channel.as_ref().map(ChannelName::as_str));
    let (at, until) = (at.as_millis(), until.map(Timestamp::as_millis));
    tracing::info!(audit, order_id, at, %region, %user, channel, until, done, "order");
}

fn audit_shutdown(order_id: &str, at: Timestamp, order: &Shutdown, run: &Run<'_>) {
    let (at, region) = (at.as_millis(), &run.site.region);
    let (connections, close) = (order.connections.len(), order.close);
    tracing::info!(audit = "shutdown", order_id, at, %region, connections, close, "order");
}
