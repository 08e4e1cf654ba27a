//! What a client's action uses, once: frames, invocations, units of the tables, publishes.
//!
//! Read off the handlers (`sorl_core::{connect, disconnect, command}`) and the adapters of AWS, call by call. Not how
//! often it comes (`load`). The invariant: what is written to the registry is written in every region, and a member's
//! row stands in its index too.

use std::ops::{Add, Mul};

use super::load::Load;
use super::meter;
use crate::capacity::figures::ROW_BYTES;

/// Bytes of a reply that brings no messages; a typical one, of `subscribe`.
pub(super) const REPLY_BYTES: f64 = 200.0;
/// What a row of the log has besides its message: channel, id, names of attributes, expiry.
pub(super) const LOG_ROW_BYTES: f64 = 120.0;
/// One member in an answer of `presence`.
const MEMBER_BYTES: f64 = 60.0;
/// Members in an answer of `presence`, at most.
const MEMBERS_MAX: f64 = sorl_core::limits::PRESENCE_MEMBERS_MAX as f64;
/// SNS's batch: leaves of one connection that are one publish.
const BATCH: f64 = sorl_core::limits::BATCH_MAX as f64;
/// A row of a member and its row of the index.
const ROW_AND_INDEX: f64 = 2.0;
/// What an eventually consistent read costs of a strong one.
const EVENTUAL: f64 = 0.5;

/// What is used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Units {
    /// Messages of API Gateway, in and out.
    pub(super) gateway: f64,
    /// Bytes to clients.
    pub(super) bytes_out: f64,
    /// Events of the gateway, each a line of its access log.
    pub(super) events: f64,
    /// Invocations of the functions that clients wait for.
    pub(super) calls: f64,
    /// Read units.
    pub(super) reads: f64,
    /// Write units, in every region.
    pub(super) writes_everywhere: f64,
    /// Publishes.
    pub(super) publishes: f64,
}

impl Add for Units {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            gateway: self.gateway + more.gateway,
            bytes_out: self.bytes_out + more.bytes_out,
            events: self.events + more.events,
            calls: self.calls + more.calls,
            reads: self.reads + more.reads,
            writes_everywhere: self.writes_everywhere + more.writes_everywhere,
            publishes: self.publishes + more.publishes,
        }
    }
}

impl Mul<f64> for Units {
    type Output = Self;

    fn mul(self, times: f64) -> Self {
        Self {
            gateway: self.gateway * times,
            bytes_out: self.bytes_out * times,
            events: self.events * times,
            calls: self.calls * times,
            reads: self.reads * times,
            writes_everywhere: self.writes_everywhere * times,
            publishes: self.publishes * times,
        }
    }
}

/// A handshake: `authorize`, which reads no table, and `connect`: put, blocks. No message of API Gateway.
pub(super) fn connect() -> Units {
    Units { events: 1.0, calls: 2.0, reads: 1.0, writes_everywhere: ROW_AND_INDEX, ..Units::default() }
}

/// The end of a connection: its record deleted, the index asked for the rest, each deleted, the leaves told.
pub(super) fn disconnect(load: &Load) -> Units {
    Units {
        events: 1.0,
        calls: 1.0,
        reads: EVENTUAL,
        writes_everywhere: ROW_AND_INDEX * (1.0 + load.channels),
        publishes: if load.join_leave { (load.channels / BATCH).ceil() } else { 0.0 },
        ..Units::default()
    }
}

/// `subscribe` of the personal channel: the connection's row, blocks; with a cursor, what was missed. Nothing is put.
pub(super) fn enter_personal(resumed: bool) -> Units {
    let units = Units { reads: 2.0, ..command(REPLY_BYTES) };
    if resumed { units + missed(0.0, 0.0) } else { units }
}

/// `subscribe` of a channel: blocks, put, the connection's row, blocks again; with a cursor, what was missed; the join.
pub(super) fn enter(load: &Load, resumed: bool) -> Units {
    let found = if resumed && load.keeps_history() { load.overlap() } else { 0.0 };
    let joined = Units {
        reads: 3.0,
        writes_everywhere: ROW_AND_INDEX,
        publishes: f64::from(u8::from(load.join_leave)),
        ..command(REPLY_BYTES + found * (load.bytes + 1.0))
    };
    if resumed && load.keeps_history() { joined + missed(found, load.bytes) } else { joined }
}

/// Late marks, a range of the log, and since when it is complete.
fn missed(messages: f64, bytes: f64) -> Units {
    Units { reads: 2.0 + meter::reads(messages * (bytes + LOG_ROW_BYTES)), ..Units::default() }
}

/// `publish`: blocks, the counter if there is a bound, SNS.
pub(super) fn publish(load: &Load) -> Units {
    Units {
        reads: 1.0,
        writes_everywhere: f64::from(u8::from(load.rate_bound)),
        publishes: meter::requests(load.bytes),
        ..command(REPLY_BYTES)
    }
}

/// `ping`, which reads nothing.
pub(super) fn ping() -> Units {
    command(REPLY_BYTES)
}

/// `history`: blocks, and the page with one row more.
pub(super) fn history(load: &Load) -> Units {
    let rows = if load.keeps_history() { load.page + 1.0 } else { 0.0 };
    let read = if load.keeps_history() { meter::reads(rows * (load.bytes + LOG_ROW_BYTES)) } else { 0.0 };
    Units { reads: 1.0 + read, ..command(REPLY_BYTES + load.page * (load.bytes + 1.0)) }
}

/// `presence`: blocks, and every region's members from the local replica.
pub(super) fn presence(load: &Load) -> Units {
    let parts =
        load.regions.iter().map(|place| EVENTUAL * meter::reads(load.audience * place.share * ROW_BYTES));
    Units {
        reads: 1.0 + parts.sum::<f64>(),
        ..command(REPLY_BYTES + load.audience.min(MEMBERS_MAX) * MEMBER_BYTES)
    }
}

/// A frame in, which is one message since it has 32 KB at most, `command`, and the reply.
fn command(reply: f64) -> Units {
    Units {
        gateway: 1.0 + meter::gateway_messages(reply),
        bytes_out: reply,
        events: 1.0,
        calls: 1.0,
        ..Units::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::load;
    use super::*;

    #[test]
    fn a_connection_writes_four_rows_and_their_index_in_every_region() {
        // Record and member, put and deleted.
        let all = connect() + enter_personal(false) + enter(&load(), false) + disconnect(&load());
        assert_eq!(all.writes_everywhere, 8.0);
        // connect 1, personal 2, channel 3, disconnect 1/2.
        assert_eq!(all.reads, 6.5);
        // authorize, connect, two commands, disconnect.
        assert_eq!(all.calls, 5.0);
        // Two frames, two replies.
        assert_eq!(all.gateway, 4.0);
    }

    #[test]
    fn a_cursor_costs_three_reads_where_there_is_history() {
        assert_eq!(enter_personal(true).reads - enter_personal(false).reads, 3.0);
        assert_eq!(enter(&load(), true).reads - enter(&load(), false).reads, 3.0);
        let none = Load { history_s: 0.0, ..load() };
        assert_eq!(enter(&none, true).reads, enter(&none, false).reads);
    }

    #[test]
    fn a_large_page_is_several_messages_and_many_reads() {
        // 50 messages of 1,000 bytes: 50,250 bytes, two of 32 KB; 51 rows of 1,120 bytes: 14 units.
        let units = history(&Load { bytes: 1_000.0, ..load() });
        assert_eq!((units.gateway, units.reads), (3.0, 15.0));
    }
}
