//! Who is in a channel, kept up to date: by snapshots, and between them by the joins and leaves that the
//! channel is told of.
//!
//! Joins and leaves are of connections and at best effort, so the snapshot is what counts. The invariant:
//! whatever makes the list doubtful (a return after a gap, an event that a snapshot may have had in it already,
//! a leave of someone unknown, a list that is cut) is followed by another snapshot, at most one in 10 s, because
//! each is a query over all regions.

use std::collections::BTreeMap;
use std::time::Duration;

use sorl_core::envelope::{PresenceEvent, PresenceKind};
use sorl_core::names::{ChannelName, UserName};
use sorl_core::time::Timestamp;

use super::asking::Ticket;
use crate::session::{Event, Failure, Reply};
use crate::wire::{Member, Presence};

/// How long a snapshot and the events around it may be of two minds, and so the pause between snapshots.
const DOUBTFUL: Duration = Duration::from_secs(10);

/// Who is in a channel, as far as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// The users, by name.
    pub users: BTreeMap<UserName, Member>,
    /// How many users there are, also where not all are listed.
    pub count: u64,
    /// Why the list cannot be had, if it cannot.
    pub fault: Option<Failure>,
}

#[derive(Debug)]
struct Roster {
    members: Members,
    truncated: bool,
    asked_at: Timestamp,
    /// When the next snapshot is asked for.
    due: Option<Timestamp>,
}

/// The lists that are kept.
#[derive(Debug, Default)]
pub(super) struct Rosters {
    kept: BTreeMap<ChannelName, Roster>,
    asked: BTreeMap<Ticket, ChannelName>,
}

impl Rosters {
    /// Keeps a channel's list from now on.
    pub(super) fn keep(&mut self, now: Timestamp, channel: ChannelName) {
        let members = Members::default();
        self.kept.insert(channel, Roster { members, truncated: false, asked_at: now, due: Some(now) });
    }

    pub(super) fn ignore(&mut self, channel: &ChannelName) {
        self.kept.remove(channel);
    }

    /// An event came; the list, if it is another one now.
    pub(super) fn told(&mut self, now: Timestamp, event: &Event) -> Option<(ChannelName, Members)> {
        match event {
            Event::Presence { channel, events } => {
                let roster = self.kept.get_mut(channel)?;
                events.iter().for_each(|event| roster.told(now, event));
                Some((channel.clone(), roster.members.clone()))
            }
            Event::Subscribed { channel, .. } => {
                self.kept.get_mut(channel)?.due = Some(now);
                None
            }
            Event::Unsubscribed { channel, .. } => {
                self.kept.remove(channel);
                None
            }
            _ => None,
        }
    }

    /// Of which channel a snapshot is to be asked for.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<ChannelName> {
        let is_due = |roster: &Roster| roster.due.is_some_and(|due| due <= now);
        let (channel, roster) = self.kept.iter_mut().find(|(_, roster)| is_due(roster))?;
        (roster.due, roster.asked_at) = (None, now);
        Some(channel.clone())
    }

    pub(super) fn asked(&mut self, ticket: Ticket, channel: ChannelName) {
        self.asked.insert(ticket, channel);
    }

    /// Whether the answer to this request is a snapshot; then the list that it makes, if there is one.
    pub(super) fn answered(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        outcome: &Result<Reply, Failure>,
    ) -> Option<Option<(ChannelName, Members)>> {
        let channel = self.asked.remove(&ticket)?;
        let roster = self.kept.get_mut(&channel);
        Some(roster.and_then(|roster| {
            let changed = roster.answered(now, outcome);
            changed.then(|| (channel, roster.members.clone()))
        }))
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.kept.values().filter_map(|roster| roster.due).min()
    }
}

impl Roster {
    fn told(&mut self, now: Timestamp, PresenceEvent { event, user, region }: &PresenceEvent) {
        let unheard = || Member { user: user.clone(), connections: 0, regions: Vec::new() };
        let users = &mut self.members.users;
        let (before, known) = (users.len(), users.contains_key(user));
        let member = users.entry(user.clone()).or_insert_with(unheard);
        match event {
            PresenceKind::Join => {
                member.connections += 1;
                if !member.regions.contains(region) {
                    member.regions.push(region.clone());
                }
            }
            PresenceKind::Leave => {
                member.connections = member.connections.saturating_sub(1);
                // With fewer connections than regions, the last one in that region went.
                if u64::try_from(member.regions.len()).is_ok_and(|regions| regions > member.connections) {
                    member.regions.retain(|other| other != region);
                }
            }
        }
        if member.connections == 0 {
            users.remove(user);
        }
        let after = users.len();
        self.members.count = (self.members.count + count(after)).saturating_sub(count(before));
        let recent = now < self.asked_at.plus(DOUBTFUL);
        if recent || self.truncated || (*event == PresenceKind::Leave && !known) {
            self.doubt(now);
        }
    }

    /// A snapshot came, or did not; false if the list is as it was.
    fn answered(&mut self, now: Timestamp, outcome: &Result<Reply, Failure>) -> bool {
        match outcome {
            Ok(Reply::Presence(Presence { count, members, truncated })) => {
                let users = members.iter().map(|member| (member.user.clone(), member.clone())).collect();
                self.members = Members { users, count: *count, fault: None };
                self.truncated = *truncated;
                true
            }
            Err(failure) if !failure.is_temporary() => {
                self.members.fault = Some(failure.clone());
                true
            }
            _ => {
                self.doubt(now);
                false
            }
        }
    }

    fn doubt(&mut self, now: Timestamp) {
        self.due.get_or_insert(now.plus(DOUBTFUL));
    }
}

fn count(users: usize) -> u64 {
    u64::try_from(users).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use sorl_core::region::Region;

    use super::*;

    fn region(name: &str) -> Region {
        Region::parse(name).unwrap()
    }

    fn user(name: &str) -> UserName {
        UserName::parse(name).unwrap()
    }

    fn channel() -> ChannelName {
        ChannelName::parse("c").unwrap()
    }

    fn second(second: u64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    /// A list that a snapshot of the second 0 has made: alice, with two connections in two regions.
    fn listed(truncated: bool) -> Rosters {
        let mut rosters = Rosters::default();
        rosters.keep(second(0), channel());
        assert_eq!(rosters.due(second(0)), Some(channel()));
        let regions = vec![region("a"), region("b")];
        let members = vec![Member { user: user("alice"), connections: 2, regions }];
        let roster = rosters.kept.get_mut(&channel()).unwrap();
        assert!(roster.answered(second(0), &Ok(Reply::Presence(Presence { count: 1, members, truncated }))));
        rosters
    }

    fn told(rosters: &mut Rosters, at: u64, event: PresenceKind, who: &str, place: &str) -> Members {
        let events = vec![PresenceEvent { event, user: user(who), region: region(place) }];
        let event = Event::Presence { channel: channel(), events };
        rosters.told(second(at), &event).unwrap().1
    }

    #[test]
    fn a_user_is_there_as_long_as_one_of_his_connections_is() {
        let mut rosters = listed(false);
        let members = told(&mut rosters, 60, PresenceKind::Leave, "alice", "a");
        assert_eq!(members.users[&user("alice")].regions, [region("b")]);
        let members = told(&mut rosters, 60, PresenceKind::Join, "bob", "a");
        assert_eq!((members.count, members.users.len()), (2, 2));
        let members = told(&mut rosters, 60, PresenceKind::Leave, "alice", "b");
        assert_eq!(members.users.into_keys().collect::<Vec<_>>(), [user("bob")]);
        assert_eq!(rosters.next_due(), None, "nothing of it is doubtful");
    }

    #[test]
    fn what_is_doubtful_is_followed_by_one_snapshot_a_while_later() {
        let mut recent = listed(false);
        told(&mut recent, 3, PresenceKind::Join, "bob", "a");
        told(&mut recent, 4, PresenceKind::Join, "carol", "a");
        assert_eq!(recent.next_due(), Some(second(13)), "the snapshot may have had it");
        let mut unknown = listed(false);
        assert_eq!(told(&mut unknown, 60, PresenceKind::Leave, "carol", "a").count, 1);
        assert_eq!(unknown.next_due(), Some(second(70)));
        let mut cut = listed(true);
        told(&mut cut, 60, PresenceKind::Join, "bob", "a");
        assert_eq!(cut.next_due(), Some(second(70)));
    }

    #[test]
    fn a_new_connection_asks_at_once_and_the_end_of_the_membership_asks_no_more() {
        let mut rosters = listed(false);
        rosters.told(second(60), &Event::Subscribed { channel: channel(), resumed: true });
        assert_eq!(rosters.due(second(60)), Some(channel()));
        let reason = crate::session::Exit::Operator;
        rosters.told(second(61), &Event::Unsubscribed { channel: channel(), reason });
        assert!(rosters.due(second(99)).is_none() && rosters.kept.is_empty());
    }
}
