//! A client's connection: opened with a fresh token, heard, lost in one way or another, opened again elsewhere.

use std::time::Duration;

use sorl_client::backoff::full_jitter;
use sorl_core::ids::ConnectionId;
use sorl_core::time::Timestamp;

use super::{Client, Loss};
use crate::gateway::{Ear, Heard};
use crate::witness::Connection;

/// How late some clients notice that their token expired.
const NOTICED_LATE: Duration = Duration::from_secs(20);

/// A connection, open or being opened.
pub(super) struct Link {
    pub(super) number: u32,
    pub(super) station: usize,
    pub(super) id: ConnectionId,
    pub(super) open: bool,
    /// When the client gives it up because its token expired.
    pub(super) given_up_at: Timestamp,
}

impl Client {
    /// When it notices that its token expired.
    pub(super) fn token_due(&self) -> Option<Timestamp> {
        self.link.as_ref().map(|link| link.given_up_at)
    }

    pub(super) fn connect(&mut self) {
        self.reconnect_at = None;
        if self.link.is_some() {
            return;
        }
        let Some(station) = self.around.stations.get(self.station).cloned() else { return };
        self.links += 1;
        let (number, now) = (self.links, self.now());
        let seconds = i64::try_from(self.token_seconds).unwrap_or(i64::MAX);
        let Ok(token) = self.around.keys.mint(&self.user, self.badge.claim().as_ref(), seconds, now) else {
            return;
        };
        let Ok(id) = ConnectionId::parse(&format!("c{}-{number}", self.number)) else { return };
        let expires_at = Timestamp::from_millis((now.as_millis() / 1_000 + self.token_seconds) * 1_000);
        let connection = Connection { asked_at: now, badge: self.badge, expires_at };
        self.around.witness.with(|seen| seen.connections.insert((self.number, number), connection));
        self.note(format_args!("opens {id} to {}", station.site.region));
        station.knock(id.clone(), token, Ear { number, client: self.ear.clone() });
        // Half of the clients notice late, so that what still comes over an expired connection is seen.
        let given_up_at =
            if self.number.is_multiple_of(2) { expires_at } else { expires_at.plus(NOTICED_LATE) };
        self.link = Some(Link { number, station: self.station, id, open: false, given_up_at });
    }

    pub(super) fn hear(&mut self, number: u32, heard: Heard) {
        let Some(link) = self.link.as_mut().filter(|link| link.number == number) else { return };
        let station = link.station;
        match heard {
            Heard::Opened => {
                link.open = true;
                self.failures = 0;
                let region = self.around.stations.get(station).map(|station| station.site.region.clone());
                if let Some(region) = region {
                    self.session.opened(self.now(), region);
                }
            }
            Heard::Refused(status) => {
                self.note(format_args!("is not let in: {status}"));
                self.link = None;
                self.reconnect_after_failure();
            }
            Heard::Frame(frame) => {
                self.check_order(&frame);
                let moment = self.moment();
                self.session.received(moment, &frame);
            }
            Heard::Closed => {
                self.link = None;
                self.session.closed();
                self.reconnect_after_failure();
            }
        }
    }

    pub(super) fn reconnect_after_failure(&mut self) {
        let rest = full_jitter(self.failures, self.chance.jitter());
        self.failures += 1;
        if self.chance.happens(0.3) {
            self.move_on();
        }
        if !self.mood.lock().ended {
            self.reconnect_at = Some(self.now().plus(rest));
        }
    }

    pub(super) fn move_on(&mut self) {
        self.station = self.chance.below(self.around.stations.len());
    }

    /// Ends the connection from this side.
    pub(super) fn hang_up(&mut self, loss: Loss) {
        let Some(link) = self.link.take() else { return };
        let Some(station) = self.around.stations.get(link.station).cloned() else { return };
        self.note(format_args!("loses {}: {loss:?}", link.id));
        match loss {
            Loss::Clean => station.lose(link.id, self.chance.millis(1, 100), "closed by the client"),
            Loss::Vanished => {
                station.gateway.break_off(&link.id);
                station.lose(link.id, self.chance.millis(1_000, 120_000), "found broken");
            }
            Loss::Silent => {
                station.gateway.break_off(&link.id);
                station.lose(link.id.clone(), self.chance.millis(1_000, 180_000), "found broken");
                // The client goes on believing in it.
                self.link = Some(link);
                return;
            }
        }
        self.session.closed();
    }
}
