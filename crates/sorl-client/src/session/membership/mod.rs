//! One channel across connections: whether it is wanted, what of it was had and shown.
//!
//! During a handover it sits on two connections. The former one only delivers; everything is asked over the
//! current one (`entry`, `pages`). The invariant: at most one `subscribe` or `unsubscribe` of the channel is
//! outstanding on a connection. Every step ends in [`Membership::next`], which compares what is wanted with
//! what is, and sends the one request that closes the difference.

mod entry;
mod pages;
mod seat;

use serde_json::value::RawValue;
use sorl_core::ids::MessageId;
use sorl_core::message::Message;
use sorl_core::names::ChannelName;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::event::{Event, Exit, Failure, Origin, Reconnect, Start, Subscription};
use super::line::{Line, Side};
use super::ordering::Ordering;
use super::progress::{Cursor, Debt, Progress};
use super::recovery::Recovery;
use super::seen::Seen;
use seat::Seat;

/// What a reply brought, to any request.
pub(super) type Outcome<'a> = Result<&'a RawValue, Failure>;

/// A channel that is wanted, or that is being left.
#[derive(Debug)]
pub(super) struct Membership {
    channel: ChannelName,
    /// Whether it is the user's own channel: a connection is its member from the start to the end.
    personal: bool,
    wanted: bool,
    /// Whether the application waits to hear that it was left.
    leaving: bool,
    rewind: Option<u32>,
    progress: Progress,
    seen: Seen,
    ordering: Option<Ordering>,
    seat: Seat,
    /// On the connection that is being replaced.
    former: Option<Seat>,
}

impl Membership {
    pub(super) fn new(channel: ChannelName, personal: bool, subscription: Subscription) -> Self {
        let mut membership = Self {
            channel,
            personal,
            wanted: false,
            leaving: false,
            rewind: None,
            progress: Progress::default(),
            seen: Seen::default(),
            ordering: None,
            seat: Seat::default(),
            former: None,
        };
        membership.begin(subscription);
        membership
    }

    /// It is the user's own.
    pub(super) const fn own(&mut self) {
        self.personal = true;
    }

    /// Where it would resume.
    pub(super) const fn cursor(&self) -> Option<&Cursor> {
        self.progress.since()
    }

    /// Whether joins and leaves are of interest, as heard over this connection: over the former one until
    /// the current one has entered.
    pub(super) fn attends(&self, side: Side) -> bool {
        self.wanted && (side == Side::Current || !self.seat.entered)
    }

    /// Whether it is a member, as is wanted.
    pub(super) const fn is_entered(&self) -> bool {
        self.wanted && self.seat.entered
    }

    /// Whether it is a member to whom nothing is owed.
    pub(super) const fn is_settled(&self) -> bool {
        self.is_entered() && !self.seat.debt.is_owed()
    }

    /// Whether the current connection does all for it that the former one does.
    pub(super) const fn is_handed_over(&self) -> bool {
        !self.wanted || self.is_settled()
    }

    /// Whether it is wanted, or the application waits to hear that it was left.
    pub(super) const fn is_known(&self) -> bool {
        self.wanted || self.leaving
    }

    /// Whether it can be forgotten: also the connection that may become the current one again is out of it.
    pub(super) fn is_over(&self) -> bool {
        let is_left = |seat: &Seat| seat.is_left(self.personal);
        !self.wanted && is_left(&self.seat) && self.former.as_ref().is_none_or(is_left)
    }

    /// Tells the application, if it waits to hear of the end, and this is it.
    pub(super) fn tell_end(&mut self, line: &mut Line) {
        if self.leaving && !self.wanted && self.seat.is_left(self.personal) {
            self.leaving = false;
            line.tell(Event::Unsubscribed { channel: self.channel.clone(), reason: Exit::Requested });
        }
    }

    /// The application wants it, for the first time or again.
    pub(super) fn want(&mut self, line: &mut Line, now: Timestamp, subscription: Subscription) {
        let seat = &self.seat;
        let begun = seat.entered || seat.outstanding.is_some() || self.progress.since().is_some();
        if self.wanted && begun {
            return;
        }
        if self.leaving {
            line.tell(Event::Unsubscribed { channel: self.channel.clone(), reason: Exit::Requested });
        }
        self.begin(subscription);
        self.next(line, now);
    }

    /// The application wants it no more.
    pub(super) fn leave(&mut self, line: &mut Line, now: Timestamp) {
        self.leaving |= self.wanted;
        self.exit();
        self.next(line, now);
    }

    /// A connection opened; if there was one already, that is the former one now.
    pub(super) fn opened(&mut self, line: &mut Line, now: Timestamp) {
        let seat = std::mem::replace(&mut self.seat, Seat::new(&self.progress));
        self.former = line.has_former().then(|| seat.retired());
        self.next(line, now);
    }

    /// All connections are gone.
    pub(super) fn closed(&mut self) {
        (self.seat, self.former) = (Seat::default(), None);
    }

    /// The current connection is gone, and the former one is the current one again.
    pub(super) fn fell_back(&mut self, line: &mut Line, now: Timestamp) {
        let former = self.former.take().unwrap_or_else(|| Seat::new(&self.progress));
        self.seat = former.resumed(self.wanted);
        if self.seat.dubious {
            line.reconnect(Reconnect::Silent);
        }
        self.next(line, now);
    }

    /// The former connection is gone.
    pub(super) fn former_closed(&mut self) {
        self.former = None;
    }

    /// A live message came.
    pub(super) fn live(
        &mut self,
        line: &mut Line,
        now: Timestamp,
        side: Side,
        region: &Region,
        message: Message,
    ) {
        if !self.wanted {
            return;
        }
        let debt = match side {
            Side::Current => Some(&mut self.seat.debt),
            Side::Former => {
                self.former.as_mut().filter(|former| !former.superseded).map(|former| &mut former.debt)
            }
        };
        if let Some(debt) = debt {
            debt.live(&mut self.progress, message.id, region);
        }
        self.show(line, now, message, Origin::Live);
        self.forget(now);
    }

    /// An operator took the channel away.
    pub(super) fn evicted(&mut self, line: &mut Line, now: Timestamp, side: Side) {
        match (side, &mut self.former) {
            (Side::Current, _) => self.seat.left(),
            (Side::Former, Some(former)) => former.left(),
            (Side::Former, None) => {}
        }
        self.drop_out(line, now, Exit::Operator);
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, line: &mut Line, now: Timestamp) {
        if self.seat.retry_at.is_some_and(|due| due <= now) {
            self.seat.retry_at = None;
            self.next(line, now);
        }
        if let Some(recovery) = &mut self.seat.recovery {
            recovery.tick(line, now, &self.channel);
        }
        let behind = self.is_behind(line);
        let released = self.ordering.as_mut().map(|ordering| ordering.release(now, behind));
        tell_all(line, released.unwrap_or_default());
    }

    /// When [`Membership::tick`] has something to do.
    pub(super) fn next_due(&self, line: &Line) -> Option<Timestamp> {
        let page = self.seat.recovery.as_ref().and_then(Recovery::next_due);
        let held = self.ordering.as_ref().and_then(|held| held.next_due(self.is_behind(line)));
        [self.seat.retry_at, page, held].into_iter().flatten().min()
    }

    /// Shows what is held back: nothing will come that is to go before it.
    pub(super) fn flush(&mut self, line: &mut Line) {
        let held = self.ordering.as_mut().map(Ordering::flush);
        tell_all(line, held.unwrap_or_default());
    }

    /// Whether something older than what came live may come soon: what is to be shown in order waits for it.
    fn is_behind(&self, line: &Line) -> bool {
        let former_owes =
            self.former.as_ref().is_none_or(|former| former.superseded || former.debt.is_owed());
        line.is_open() && self.seat.debt.is_owed() && former_owes
    }

    fn begin(&mut self, subscription: Subscription) {
        self.wanted = true;
        self.leaving = false;
        self.seen = Seen::default();
        (self.progress, self.rewind) = match subscription.start {
            Start::Now => (Progress::default(), None),
            Start::Rewind(count) => (Progress::default(), Some(count)),
            Start::Since(cursor) => (Progress::resumed(cursor), None),
        };
        self.ordering = subscription.ordered.map(Ordering::holding);
        self.seat.debt = Debt::after(&self.progress);
        if let Some(former) = &mut self.former {
            former.superseded = true;
        }
    }

    /// The service ended it.
    fn drop_out(&mut self, line: &mut Line, now: Timestamp, reason: Exit) {
        if self.wanted {
            self.flush(line);
            line.tell(Event::Unsubscribed { channel: self.channel.clone(), reason });
        }
        self.exit();
        self.next(line, now);
    }

    fn exit(&mut self) {
        self.wanted = false;
        self.ordering = None;
        self.seat.abandon();
    }

    fn show(&mut self, line: &mut Line, now: Timestamp, message: Message, origin: Origin) {
        let owed = origin != Origin::Recovered || self.progress.owes(message.id);
        if owed && self.seen.first(message.id, now) {
            match &mut self.ordering {
                Some(ordering) => ordering.hold(now, message, origin),
                None => line.tell(Event::Message { message, origin }),
            }
        }
    }

    fn forget(&mut self, now: Timestamp) {
        // A recovery under way began before an older cursor than the former connection has moved it to since, and
        // repeats what lies between.
        let since = if self.seat.debt.is_owed() { None } else { self.since() };
        self.seen.forget(since, now);
    }

    fn since(&self) -> Option<MessageId> {
        self.progress.since().map(|cursor| cursor.id)
    }
}

fn tell_all(line: &mut Line, messages: Vec<(Message, Origin)>) {
    for (message, origin) in messages {
        line.tell(Event::Message { message, origin });
    }
}
