//! When connections are sought, replaced and given up, and what becomes of the session then.
//!
//! Make before break: while a connection lives that still delivers, the next one is opened beside it, and the
//! old one is closed once the session has everything over the new one. The invariant: while a connection is
//! wanted, there is one that nobody has given up, or an attempt is on its way, or one will be made.

use std::sync::Arc;

use sorl_core::region::Region;

use super::link::{Former, HANDOVER_MAX, Live, Mode, Number, STABLE};
use super::renewal::renewal;
use super::status::{Lost, same};
use super::token::{expiry_of, user_of};
use super::{Instruction, Machine};
use crate::client::DialFault;
use crate::session::{Effect, Moment, Reconnect, Side};

impl Machine {
    /// Wants a connection, and waits no longer if it waits for the next attempt.
    pub fn connect(&mut self, at: Moment) {
        if self.link.mode == Mode::Ended {
            return;
        }
        self.link.mode = Mode::Seeking;
        if self.link.current.is_none() && self.link.attempt.is_none() {
            self.seek(at);
        }
        self.settle(at);
    }

    /// Moves to `region`; without effect if it is there already, or knows no such region.
    pub fn use_region(&mut self, at: Moment, region: &Region) {
        if self.link.mode == Mode::Ended || !self.link.settle_in(region) {
            return;
        }
        self.link.mode = Mode::Seeking;
        if self.link.current.as_ref().is_some_and(|live| live.region == *region && !live.leaving) {
            self.give_up_attempt();
            self.link.retry_at = None;
        } else if self.link.attempt.as_ref().is_none_or(|attempt| attempt.endpoint.region != *region) {
            self.seek(at);
        }
        self.settle(at);
    }

    /// The device woke up, or is online again: waits no longer, and sees who still is there.
    pub fn wake(&mut self, at: Moment) {
        if self.link.mode == Mode::Seeking {
            self.session.wake(at.now);
            if self.link.current.is_none() && self.link.attempt.is_none() {
                // What failed while the device slept or had no network was not the region.
                self.link.turn_home();
            }
            self.connect(at);
        }
    }

    /// Loses the connection without a word, as if a cable had been pulled, and comes back at once.
    pub fn cut(&mut self, at: Moment) {
        if self.link.current.is_some() {
            self.let_all_go(Instruction::Cut);
            self.seek(at);
        }
        self.settle(at);
    }

    /// Loses the connection without a word, and stays away.
    pub fn disconnect(&mut self, at: Moment) {
        if self.link.mode != Mode::Ended {
            self.link.mode = Mode::Away;
            self.let_all_go(Instruction::Cut);
        }
        self.settle(at);
    }

    /// Ends it for good.
    pub fn close(&mut self, at: Moment) {
        self.link.mode = Mode::Ended;
        self.let_all_go(Instruction::Close);
        self.settle(at);
    }

    /// A connection opened, with this token.
    pub fn opened(&mut self, at: Moment, connection: Number, token: &str) {
        let Some(attempt) = self.link.attempt.take_if(|attempt| attempt.number == connection) else { return };
        if let Some(user) = user_of(token) {
            self.session.identify(&user);
        }
        let region = attempt.endpoint.region;
        let live = Live {
            number: connection,
            region: region.clone(),
            opened_at: at.now,
            renew_at: renewal(at.now, expiry_of(token), at.jitter),
            leaving: false,
        };
        let former = self.link.current.replace(live);
        self.link.former = former.map(|live| Former { live, until: at.now.plus(HANDOVER_MAX) });
        self.link.lost = None;
        self.link.opened_in(&region);
        self.session.opened(at.now, region);
        self.settle(at);
    }

    /// An attempt failed.
    pub fn failed(&mut self, at: Moment, connection: Number, fault: DialFault) {
        let Some(attempt) = self.link.attempt.take_if(|attempt| attempt.number == connection) else { return };
        // No region is to blame for a token that could not be had.
        if !matches!(fault, DialFault::Token(_)) {
            self.link.turn();
        }
        let (region, url) = (attempt.endpoint.region, attempt.endpoint.url);
        self.retry(at, Lost::Failed { region, url, fault });
        self.settle(at);
    }

    /// A text frame came.
    pub fn received(&mut self, at: Moment, connection: Number, frame: &str) {
        if let Some(side) = self.side(connection) {
            self.session.hear(at, side, frame);
            self.settle(at);
        }
    }

    /// A connection ended by itself.
    pub fn ended(&mut self, at: Moment, connection: Number, reason: String) {
        match self.side(connection) {
            Some(Side::Current) => self.lose(at, reason),
            Some(Side::Former) => {
                self.link.former = None;
                self.session.former_closed();
            }
            None => {}
        }
        self.settle(at);
    }

    /// Carries out what the session wants, and what follows from it.
    pub(super) fn settle(&mut self, at: Moment) {
        loop {
            let effects: Vec<_> = self.session.drain().collect();
            // What it said it said to the connection that was the current one until now.
            let current = self.link.current.as_ref().map(|live| live.number);
            let idle = effects.is_empty();
            for effect in effects {
                self.carry_out(at, current, effect);
            }
            if idle && !self.send_what_waits(at.now) && !self.hand_over() {
                break;
            }
        }
        let status = self.link.status();
        if !same(&status, &self.shown) {
            self.shown = status.clone();
            self.instruct(Instruction::Be(status));
        }
    }

    /// What the time says about the connections.
    pub(super) fn look_at_connections(&mut self, at: Moment) {
        let late = self.link.attempt.as_ref().filter(|attempt| attempt.deadline <= at.now);
        if let Some(number) = late.map(|attempt| attempt.number) {
            self.instruct(Instruction::Close(number));
            self.failed(at, number, DialFault::TimedOut);
        }
        if self.link.former.as_ref().is_some_and(|former| former.until <= at.now) {
            self.let_former_go();
        }
        if self.link.retry_at.is_some_and(|due| due <= at.now) {
            self.seek(at);
        }
        if !self.link.is_seeking()
            && let Some(live) = self.link.current.as_mut().filter(|live| live.renew_at <= at.now)
        {
            live.leaving = true;
            self.link.turn_home();
            self.seek(at);
        }
    }

    fn carry_out(&mut self, at: Moment, current: Option<Number>, effect: Effect) {
        match effect {
            Effect::Send(frame) => {
                if let Some(connection) = current.filter(|number| self.side(*number).is_some()) {
                    self.instruct(Instruction::Send { connection, frame });
                }
            }
            Effect::Tell(event) => self.told(at, event),
            Effect::Reconnect(Reconnect::Bye(code)) => self.leave(at, &code),
            Effect::Reconnect(reason) => {
                if let Some(live) = &self.link.current {
                    let number = live.number;
                    self.instruct(Instruction::Close(number));
                    self.lose(at, format!("{reason:?}"));
                }
            }
            Effect::End => {
                self.link.mode = Mode::Ended;
                self.let_all_go(Instruction::Close);
            }
        }
    }

    /// Begins an attempt now.
    fn seek(&mut self, at: Moment) {
        self.give_up_attempt();
        // A third one would be open.
        self.let_former_go();
        let Some(attempt) = self.link.begin(at.now) else {
            self.link.mode = Mode::Ended;
            return;
        };
        let (connection, endpoint) = (attempt.number, attempt.endpoint.clone());
        self.instruct(Instruction::Dial { connection, endpoint });
    }

    /// Begins an attempt after a while.
    fn retry(&mut self, at: Moment, lost: Lost) {
        tracing::debug!(reason = %lost, "another connection is needed");
        self.link.lost = Some(Arc::new(lost));
        if !self.link.is_seeking() {
            self.link.retry_at = Some(at.now.plus(self.link.wait(at.jitter)));
            self.link.failures = self.link.failures.saturating_add(1);
        }
    }

    /// The service is about to close the current connection, which still delivers.
    fn leave(&mut self, at: Moment, code: &str) {
        if code == "shutdown" {
            // A region that shuts down is one to leave; other reasons are about this client.
            self.link.turn();
        }
        if let Some(live) = &mut self.link.current {
            live.leaving = true;
            let region = live.region.clone();
            self.retry(at, Lost::Ended { region, reason: format!("the service said bye: {code}") });
        }
    }

    /// The current connection is gone.
    fn lose(&mut self, at: Moment, reason: String) {
        let Some(gone) = self.link.current.take() else { return };
        if at.now.since(gone.opened_at) >= STABLE {
            self.link.failures = 0;
        }
        match self.link.former.take() {
            Some(former) => {
                self.link.current = Some(former.live);
                self.session.fell_back(at.now);
            }
            None => self.session.closed(),
        }
        self.retry(at, Lost::Ended { region: gone.region, reason });
    }

    /// Closes the former connection if the current one has brought everything.
    fn hand_over(&mut self) -> bool {
        let done = self.link.former.is_some() && self.session.is_handed_over();
        if done {
            self.let_former_go();
        }
        done
    }

    fn let_former_go(&mut self) {
        if let Some(former) = self.link.former.take() {
            self.instruct(Instruction::Close(former.live.number));
            self.session.former_closed();
        }
    }

    fn give_up_attempt(&mut self) {
        if let Some(attempt) = self.link.attempt.take() {
            self.instruct(Instruction::Close(attempt.number));
        }
    }

    fn let_all_go(&mut self, how: fn(Number) -> Instruction) {
        self.link.retry_at = None;
        let former = self.link.former.take().map(|former| former.live.number);
        let current = self.link.current.take().map(|live| live.number);
        for number in [former, current].into_iter().flatten() {
            self.instruct(how(number));
        }
        self.give_up_attempt();
        self.session.closed();
    }

    fn side(&self, connection: Number) -> Option<Side> {
        let is = |live: &Live| live.number == connection;
        if self.link.current.as_ref().is_some_and(is) {
            return Some(Side::Current);
        }
        self.link.former.as_ref().is_some_and(|former| is(&former.live)).then_some(Side::Former)
    }
}
