//! What one channel has had, and so where its next `subscribe` resumes.
//!
//! The invariant: `since` is the greatest id that was had, and an id counts as had only when nothing before
//! it is owed over the connection that brought it ([`Debt`]). While a recovery is owed, something before every
//! live message may be missing, so live messages do not move `since`: if they did, a connection that breaks
//! in the middle of a recovery would skip what its later pages hold.

use std::time::Duration;

use sorl_core::ids::MessageId;
use sorl_core::region::Region;

/// More than clocks differ and a first `subscribe` takes.
const START_TOLERANCE: Duration = Duration::from_mins(1);

/// A place in a channel's history, and where it was gained: other regions have the same messages at other
/// times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The last message that was had, or the time from which on messages are.
    pub id: MessageId,
    /// Where; unknown counts as elsewhere.
    pub region: Option<Region>,
}

/// How far a channel has come, over all connections.
#[derive(Debug, Default)]
pub(super) struct Progress {
    since: Option<Cursor>,
    /// Where the client came in; none if it goes on where another session left off.
    start: Option<MessageId>,
}

impl Progress {
    /// Progress that was made earlier, by another session: all after it is owed.
    pub(super) const fn resumed(cursor: Cursor) -> Self {
        Self { since: Some(cursor), start: None }
    }

    /// Where to resume; `None` until something was had.
    pub(super) const fn since(&self) -> Option<&Cursor> {
        self.since.as_ref()
    }

    /// Whether a recovery owes this message. One begins up to 16 minutes before `since`, so it also brings
    /// what was accepted before this client came.
    pub(super) fn owes(&self, id: MessageId) -> bool {
        self.start.is_none_or(|start| id.time() >= start.time().minus(START_TOLERANCE))
    }

    fn gain(&mut self, id: MessageId, region: &Region) {
        if self.since.is_none() {
            self.start = Some(id);
        }
        if self.since.as_ref().is_none_or(|since| id > since.id) {
            self.since = Some(Cursor { id, region: Some(region.clone()) });
        }
    }
}

/// Whether something is owed to a channel over one connection.
#[derive(Debug, Default)]
pub(super) struct Debt {
    owed: bool,
    /// The greatest live id that came while a recovery was owed.
    ahead: Option<MessageId>,
}

impl Debt {
    /// A connection begins, or is to recover: whatever comes after `since` is owed.
    pub(super) const fn after(progress: &Progress) -> Self {
        Self { owed: progress.since.is_some(), ahead: None }
    }

    /// Whether messages before the newest live one may be missing.
    pub(super) const fn is_owed(&self) -> bool {
        self.owed
    }

    /// A live message came.
    pub(super) fn live(&mut self, progress: &mut Progress, id: MessageId, region: &Region) {
        if self.owed {
            self.ahead = self.ahead.max(Some(id));
        } else {
            progress.gain(id, region);
        }
    }

    /// The reply to `subscribe` came, or one of the pages after it.
    pub(super) fn answered(
        &mut self,
        progress: &mut Progress,
        cursor: MessageId,
        region: &Region,
        more: bool,
    ) {
        progress.gain(cursor, region);
        if more {
            self.owed = true;
        } else {
            self.settle(progress, region);
        }
    }

    /// Nothing is owed any longer: the last page came, or the rest cannot be had. What came live meanwhile
    /// counts now, and all of it as gained in `region`, whose log was read up to the present.
    pub(super) fn settle(&mut self, progress: &mut Progress, region: &Region) {
        self.owed = false;
        if let Some(ahead) = self.ahead.take() {
            progress.gain(ahead, region);
        }
        if let Some(since) = &mut progress.since {
            since.region = Some(region.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use sorl_core::time::Timestamp;

    use super::*;

    fn id(n: u64) -> MessageId {
        MessageId::floor(Timestamp::from_millis(n))
    }

    fn region(name: &str) -> Region {
        Region::parse(name).unwrap()
    }

    fn at(progress: &Progress) -> (MessageId, &str) {
        let since = progress.since().unwrap();
        (since.id, since.region.as_ref().unwrap().as_str())
    }

    fn resumed(n: u64) -> (Progress, Debt) {
        let progress = Progress::resumed(Cursor { id: id(n), region: Some(region("a")) });
        let debt = Debt::after(&progress);
        (progress, debt)
    }

    #[test]
    fn live_messages_move_the_cursor_when_nothing_is_owed_and_never_back() {
        let (mut progress, mut debt) = (Progress::default(), Debt::default());
        debt.live(&mut progress, id(5), &region("a"));
        debt.live(&mut progress, id(3), &region("b"));
        assert_eq!(at(&progress), (id(5), "a"));
    }

    #[test]
    fn live_messages_count_only_once_the_last_page_has_come() {
        let (mut progress, mut debt) = resumed(5);
        debt.live(&mut progress, id(90), &region("b"));
        assert_eq!(at(&progress), (id(5), "a"));
        debt.answered(&mut progress, id(20), &region("b"), true);
        assert_eq!(at(&progress), (id(20), "b"));
        debt.answered(&mut progress, id(30), &region("b"), false);
        assert_eq!(at(&progress), (id(90), "b"));
    }

    #[test]
    fn a_page_that_ends_before_the_cursor_leaves_it_and_its_region() {
        let (mut progress, mut debt) = resumed(50);
        debt.answered(&mut progress, id(20), &region("b"), true);
        assert_eq!(at(&progress), (id(50), "a"));
    }

    #[test]
    fn what_came_live_before_a_drop_in_mid_recovery_is_not_had() {
        let (mut progress, mut debt) = resumed(5);
        debt.live(&mut progress, id(90), &region("b"));
        let mut next = Debt::after(&progress);
        next.answered(&mut progress, id(6), &region("c"), false);
        assert_eq!(at(&progress), (id(6), "c"));
    }

    #[test]
    fn a_complete_answer_makes_an_unmoved_cursor_one_of_its_region() {
        let (mut progress, mut debt) = resumed(50);
        debt.answered(&mut progress, id(50), &region("b"), false);
        assert_eq!(at(&progress), (id(50), "b"));
    }

    #[test]
    fn of_two_connections_only_the_one_that_owes_nothing_moves_the_cursor() {
        let (mut progress, mut next) = resumed(5);
        let mut former = Debt::default();
        next.live(&mut progress, id(90), &region("b"));
        former.live(&mut progress, id(7), &region("a"));
        assert_eq!(at(&progress), (id(7), "a"));
    }

    #[test]
    fn a_recovery_owes_what_came_since_the_client_did_and_a_minute_before() {
        const MINUTE: u64 = 60_000;
        let (mut progress, mut debt) = (Progress::default(), Debt::default());
        debt.answered(&mut progress, id(10 * MINUTE), &region("a"), false);
        debt.live(&mut progress, id(50 * MINUTE), &region("a"));
        assert!(progress.owes(id(9 * MINUTE)) && !progress.owes(id(9 * MINUTE - 1)));
        assert!(resumed(50).0.owes(id(1)), "who resumes another session's cursor is owed all that comes");
    }
}
