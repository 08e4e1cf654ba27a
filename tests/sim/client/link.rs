//! A client's connections: opened with fresh tokens, heard, replaced before they end, lost in one way or another,
//! opened again elsewhere.

use std::time::Duration;

use sorl_client::backoff::full_jitter;
use sorl_client::session::Side;
use sorl_core::ids::ConnectionId;
use sorl_core::time::Timestamp;

use super::{Client, Loss};
use crate::gateway::{Ear, Heard};
use crate::witness::Connection;

/// The time that a former connection is kept at most.
const HANDOVER_MAX: Duration = Duration::from_mins(1);
/// How late some clients notice that their token expired.
const NOTICED_LATE: Duration = Duration::from_secs(20);

/// A client's connections.
#[derive(Default)]
pub(super) struct Links {
    /// The one over which everything is asked, or that is being opened without another.
    pub(super) current: Option<Link>,
    /// The one that is being replaced, and until when it is kept at most.
    pub(super) former: Option<(Link, Timestamp)>,
    /// The one that is being opened in the current one's place.
    pub(super) coming: Option<Link>,
}

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
        self.links.current.as_ref().map(|link| link.given_up_at)
    }

    /// When it is done with the former connection.
    pub(super) fn former_due(&self) -> Option<Timestamp> {
        self.links.former.as_ref().map(|(former, until)| former.given_up_at.min(*until))
    }

    /// Which connection is the current one.
    pub(super) fn current(&self) -> Option<u32> {
        self.links.current.as_ref().map(|link| link.number)
    }

    pub(super) fn connect(&mut self) {
        self.reconnect_at = None;
        if self.links.current.is_none() {
            self.links.current = self.links.coming.take().or_else(|| self.dial());
        }
    }

    /// Opens the next connection, elsewhere perhaps, beside the one that there is.
    pub(super) fn rotate(&mut self) {
        let Links { current, former, coming } = &self.links;
        if current.as_ref().is_some_and(|link| link.open) && former.is_none() && coming.is_none() {
            self.move_on();
            self.links.coming = self.dial();
        }
    }

    fn dial(&mut self) -> Option<Link> {
        let station = self.around.stations.get(self.station).cloned()?;
        self.dialled += 1;
        let (number, now) = (self.dialled, self.now());
        let seconds = i64::try_from(self.token_seconds).unwrap_or(i64::MAX);
        let token = self.around.keys.mint(&self.user, self.badge.claim().as_ref(), seconds, now).ok()?;
        let id = ConnectionId::parse(&format!("c{}-{number}", self.number)).ok()?;
        let expires_at = Timestamp::from_millis((now.as_millis() / 1_000 + self.token_seconds) * 1_000);
        let connection = Connection { asked_at: now, badge: self.badge, expires_at };
        self.around.witness.with(|seen| seen.connections.insert((self.number, number), connection));
        if self.badge != self.first_badge {
            station.weather.count("token with other grants");
        }
        self.note(format_args!("opens {id} to {}", station.region));
        station.knock(id.clone(), token, Ear { number, client: self.ear.clone() });
        // Half of the clients notice late, so that what still comes over an expired connection is seen.
        let given_up_at =
            if self.number.is_multiple_of(2) { expires_at } else { expires_at.plus(NOTICED_LATE) };
        Some(Link { number, station: self.station, id, open: false, given_up_at })
    }

    pub(super) fn hear(&mut self, number: u32, heard: Heard) {
        let is_it = |link: &Link| link.number == number;
        self.hearing = number;
        if self.links.current.as_ref().is_some_and(is_it) {
            self.hear_current(number, heard);
        } else if self.links.coming.as_ref().is_some_and(is_it) {
            self.hear_coming(&heard);
        } else if self.links.former.as_ref().is_some_and(|(former, _)| is_it(former)) {
            self.hear_former(number, &heard);
        }
    }

    fn hear_current(&mut self, number: u32, heard: Heard) {
        match heard {
            Heard::Opened => self.opened(),
            Heard::Refused(status) => {
                self.note(format_args!("is not let in: {status}"));
                self.links.current = None;
                self.reconnect_after_failure();
            }
            Heard::Frame(frame) => {
                self.look_at(number, &frame);
                let moment = self.moment();
                self.session.received(moment, &frame);
            }
            Heard::Closed => {
                self.links.current = None;
                self.lost_current();
                if self.links.current.is_none() {
                    self.reconnect_after_failure();
                }
            }
        }
    }

    /// The connection that is to replace the current one.
    fn hear_coming(&mut self, heard: &Heard) {
        let coming = self.links.coming.take();
        match heard {
            Heard::Opened => {
                let until = self.now().plus(HANDOVER_MAX);
                self.links.former = self.links.current.take().map(|former| (former, until));
                self.links.current = coming;
                self.opened();
            }
            Heard::Frame(_) => self.links.coming = coming,
            Heard::Refused(_) | Heard::Closed => {}
        }
    }

    fn hear_former(&mut self, number: u32, heard: &Heard) {
        match heard {
            Heard::Frame(frame) => {
                self.look_at(number, frame);
                let moment = self.moment();
                self.session.hear(moment, Side::Former, frame);
            }
            Heard::Closed => {
                self.links.former = None;
                self.session.former_closed();
            }
            Heard::Opened | Heard::Refused(_) => {}
        }
    }

    /// Closes what its token no longer holds open.
    pub(super) fn expire(&mut self) {
        self.note("its token expired");
        if let Some(station) = self.around.stations.get(self.station) {
            station.weather.count("token expired");
        }
        self.hang_up(Loss::Clean);
        if self.links.current.is_none() {
            self.reconnect_after_failure();
        }
    }

    fn opened(&mut self) {
        let now = self.now();
        let Some(link) = self.links.current.as_mut() else { return };
        link.open = true;
        self.failures = 0;
        if let Some(station) = self.around.stations.get(link.station) {
            self.session.opened(now, station.region.clone());
        }
    }

    /// The current connection is gone: the former one, if it still lives, is that again.
    fn lost_current(&mut self) {
        match self.links.former.take() {
            Some((former, _)) => {
                self.note(format_args!("falls back to {}", former.id));
                self.links.current = Some(former);
                self.session.fell_back(self.now());
            }
            None => self.session.closed(),
        }
    }

    /// Closes the former connection once the current one has brought everything, or after a while; false if it
    /// is kept.
    pub(super) fn hand_over(&mut self) -> bool {
        let late = self.former_due().is_some_and(|due| due <= self.now());
        let done = self.links.former.is_some() && (late || self.session.is_handed_over());
        if done {
            self.let_former_go();
        }
        done
    }

    fn let_former_go(&mut self) {
        if let Some((former, _)) = self.links.former.take() {
            self.note(format_args!("is done with {}", former.id));
            self.close(former);
            self.session.former_closed();
        }
    }

    fn close(&self, link: Link) {
        if let Some(station) = self.around.stations.get(link.station) {
            station.lose(link.id, self.chance.millis(1, 100), "closed by the client");
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

    /// Ends all connections from this side.
    pub(super) fn hang_up_all(&mut self, loss: Loss) {
        if let Some(coming) = self.links.coming.take() {
            self.close(coming);
        }
        self.let_former_go();
        self.hang_up(loss);
    }

    /// Ends the current connection from this side.
    pub(super) fn hang_up(&mut self, loss: Loss) {
        let Some(link) = self.links.current.take() else { return };
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
                self.links.current = Some(link);
                return;
            }
        }
        self.lost_current();
    }
}
