//! What the answers of a recovery bring: messages, a cursor, and further pages to ask for.
//!
//! Not how pages are asked for and waited for (`recovery`).

use sorl_core::ids::MessageId;
use sorl_core::message::Message;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::{Membership, Outcome};
use crate::session::Moment;
use crate::session::event::{Event, Origin, RequestId};
use crate::session::line::Line;
use crate::session::recovery::Step;

impl Membership {
    /// A page of the recovery was answered, or was not.
    pub(in crate::session) fn recovered(
        &mut self,
        line: &mut Line,
        at: Moment,
        request: RequestId,
        region: &Region,
        outcome: Outcome<'_>,
    ) {
        let Some(recovery) = self.seat.recovery.as_mut() else { return };
        match recovery.answered(at, request, outcome) {
            Step::Page(page) => {
                self.page(line, at.now, page.cursor, region, page.more, page.messages);
            }
            Step::Wait => {}
            Step::Lost => {
                self.seat.recovery = None;
                self.seat.debt.settle(&mut self.progress, region);
                line.tell(Event::Gap { channel: self.channel.clone() });
            }
        }
    }

    /// A page came: the reply to `subscribe` is the first.
    pub(super) fn page(
        &mut self,
        line: &mut Line,
        now: Timestamp,
        cursor: MessageId,
        region: &Region,
        more: bool,
        messages: Vec<Message>,
    ) {
        let Some(recovery) = self.seat.recovery.as_mut() else { return };
        let origin = recovery.origin();
        self.seat.debt.answered(&mut self.progress, cursor, region, more);
        if more {
            recovery.ask(line, now, &self.channel, cursor);
        }
        for message in messages {
            self.show(line, now, message, origin);
        }
        // Not sooner: the answer begins before where it was asked from, its cursor may lie far behind that.
        self.forget(now);
        if !more {
            self.seat.recovery = None;
            if origin == Origin::Recovered {
                line.tell(Event::Recovered { channel: self.channel.clone() });
            }
        }
    }
}
