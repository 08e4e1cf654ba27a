//! What one channel has had, and so where its next `subscribe` resumes.
//!
//! The invariant: `since` is the greatest id that was had, and an id counts as had only when nothing before
//! it is owed. While a recovery is owed, something before every live message may be missing, so live
//! messages do not move `since`: if they did, a connection that breaks in the middle of a recovery would
//! skip what its later pages hold.

use sorl_core::ids::MessageId;
use sorl_core::region::Region;

/// A place in a channel's history, and where it was gained: other regions have the same messages at other
/// times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The last message that was had, or the time from which on messages are.
    pub id: MessageId,
    /// Where; unknown counts as elsewhere.
    pub region: Option<Region>,
}

/// How far a channel has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    since: Option<Cursor>,
    owed: bool,
    /// The greatest live id that came while a recovery was owed.
    ahead: Option<MessageId>,
}

impl Progress {
    /// Progress that was made earlier, by another session: all after it is owed.
    pub(super) fn resumed(cursor: Cursor) -> Self {
        Self { since: Some(cursor), owed: true, ahead: None }
    }

    /// Where to resume; `None` until something was had.
    pub(super) const fn since(&self) -> Option<&Cursor> {
        self.since.as_ref()
    }

    /// Whether messages before the newest live one may be missing.
    pub(super) const fn is_owed(&self) -> bool {
        self.owed
    }

    /// The connection is gone: whatever comes after `since` is owed.
    pub(super) fn owe(&mut self) {
        self.owed = self.since.is_some();
        self.ahead = None;
    }

    /// A live message came.
    pub(super) fn live(&mut self, id: MessageId, region: &Region) {
        if self.owed {
            self.ahead = self.ahead.max(Some(id));
        } else {
            self.gain(id, region);
        }
    }

    /// The reply to `subscribe` came, or one of the pages after it.
    pub(super) fn answered(&mut self, cursor: MessageId, region: &Region, more: bool) {
        self.gain(cursor, region);
        if more {
            self.owed = true;
        } else {
            self.settle(region);
        }
    }

    /// Nothing is owed any longer: the last page came, or the rest cannot be had. What came live meanwhile
    /// counts now, and all of it as gained in `region`, whose log was read up to the present.
    pub(super) fn settle(&mut self, region: &Region) {
        self.owed = false;
        if let Some(ahead) = self.ahead.take() {
            self.gain(ahead, region);
        }
        if let Some(since) = &mut self.since {
            since.region = Some(region.clone());
        }
    }

    fn gain(&mut self, id: MessageId, region: &Region) {
        if self.since.as_ref().is_none_or(|since| id > since.id) {
            self.since = Some(Cursor { id, region: Some(region.clone()) });
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

    #[test]
    fn live_messages_move_the_cursor_when_nothing_is_owed_and_never_back() {
        let mut progress = Progress::default();
        progress.live(id(5), &region("a"));
        progress.live(id(3), &region("b"));
        assert_eq!(at(&progress), (id(5), "a"));
    }

    #[test]
    fn live_messages_count_only_once_the_last_page_has_come() {
        let mut progress = Progress::resumed(Cursor { id: id(5), region: Some(region("a")) });
        progress.live(id(90), &region("b"));
        assert_eq!(at(&progress), (id(5), "a"));
        progress.answered(id(20), &region("b"), true);
        assert_eq!(at(&progress), (id(20), "b"));
        progress.answered(id(30), &region("b"), false);
        assert_eq!(at(&progress), (id(90), "b"));
    }

    #[test]
    fn a_page_that_ends_before_the_cursor_leaves_it_and_its_region() {
        let mut progress = Progress::resumed(Cursor { id: id(50), region: Some(region("a")) });
        progress.answered(id(20), &region("b"), true);
        assert_eq!(at(&progress), (id(50), "a"));
    }

    #[test]
    fn what_came_live_before_a_drop_in_mid_recovery_is_not_had() {
        let mut progress = Progress::resumed(Cursor { id: id(5), region: Some(region("a")) });
        progress.live(id(90), &region("b"));
        progress.owe();
        progress.answered(id(6), &region("c"), false);
        assert_eq!(at(&progress), (id(6), "c"));
    }

    #[test]
    fn a_complete_answer_makes_an_unmoved_cursor_one_of_its_region() {
        let mut progress = Progress::resumed(Cursor { id: id(50), region: Some(region("a")) });
        progress.answered(id(50), &region("b"), false);
        assert_eq!(at(&progress), (id(50), "b"));
    }
}
