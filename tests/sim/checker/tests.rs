//! Each check sees what it is for: a testimony without a fault, and the same with one.

use std::time::Duration;

use sorl_core::ids::{ConnectionId, MessageId, Tail};
use sorl_core::names::ChannelName;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::judge;
use crate::users::Badge;
use crate::witness::{Connection, Page, Publication, Sighting, Stay, Testimony};

const SKEW: Duration = Duration::from_secs(2);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_000 * seconds)
}

fn room() -> ChannelName {
    ChannelName::parse("room:1").unwrap()
}

fn region() -> Region {
    Region::parse("eu-north-1").unwrap()
}

fn id(number: u64) -> MessageId {
    MessageId::new(at(number), 0, Tail::from_bits(number))
}

fn sighting(number: u64, seconds: u64) -> Sighting {
    Sighting { number, at: at(seconds), connection: 1 }
}

/// Client 0, user0, is in a room and is shown one message, which somebody outside published.
fn faultless() -> Testimony {
    let mut seen = Testimony::default();
    let attempts = vec![(at(20), true)];
    seen.publications.insert(1, Publication { channel: room(), by: None, ephemeral: false, attempts });
    seen.stays.push(Stay {
        client: 0,
        channel: room(),
        since: Some(at(10)),
        over: false,
        gaps: Vec::new(),
        seen: vec![sighting(1, 21)],
    });
    let connection = Connection { asked_at: at(9), badge: Badge::Plain, expires_at: at(7_200) };
    seen.connections.insert((0, 1), connection);
    seen.present.insert(0);
    seen.histories.insert((region(), room()), vec![(id(1), 1)]);
    seen.listed.insert((region(), room()), ["user0".to_owned()].into());
    seen
}

/// What is found when something is changed in the faultless testimony.
fn found(fault: impl FnOnce(&mut Testimony)) -> Vec<&'static str> {
    let mut seen = faultless();
    fault(&mut seen);
    judge(&seen, SKEW).iter().map(|violation| violation.promise).collect()
}

fn stay(seen: &mut Testimony) -> &mut Stay {
    &mut seen.stays[0]
}

#[test]
fn what_is_as_promised_is_not_found_fault_with() {
    assert_eq!(found(|_| {}), [""; 0]);
}

#[test]
fn a_message_that_was_accepted_and_never_shown_is_found() {
    assert_eq!(found(|seen| stay(seen).seen.clear()), ["1: accepted means delivered"]);
    assert_eq!(found(|seen| stay(seen).gaps.push(at(30))), ["3: recovered after a gap"]);
}

#[test]
fn a_gap_is_excused_after_an_hour_of_silence_for_who_may_not_read_the_past() {
    let told = |badge, second| {
        found(move |seen| {
            seen.connections.get_mut(&(0, 1)).unwrap().badge = badge;
            stay(seen).gaps.push(at(second));
        })
    };
    let gap = ["3: recovered after a gap"];
    assert_eq!((told(Badge::Listener, 3_700), told(Badge::Listener, 600)), (Vec::new(), gap.to_vec()));
    assert_eq!(told(Badge::Plain, 3_700), gap);
}

#[test]
fn a_message_that_is_shown_twice_is_found_unless_it_could_be_forgotten() {
    let twice = ["2: seen once"];
    assert_eq!(found(|seen| stay(seen).seen.push(sighting(1, 22))), twice);
    assert_eq!(found(|seen| stay(seen).seen.push(sighting(1, 9_000))), twice);
    let after = |others: u64, seconds| {
        found(move |seen| {
            stay(seen).seen.extend((0..others).map(|other| sighting(100 + other, 22)));
            stay(seen).seen.push(sighting(1, seconds));
        })
    };
    assert_eq!((after(999, 9_000), after(1_000, 22)), (twice.to_vec(), twice.to_vec()));
    assert_eq!(after(1_000, 9_000), [""; 0]);
}

#[test]
fn what_a_token_does_not_allow_is_found() {
    let allowed = ["4: only where allowed"];
    let wear = |badge| move |seen: &mut Testimony| seen.connections.get_mut(&(0, 1)).unwrap().badge = badge;
    assert_eq!(found(wear(Badge::Hallway)), allowed);
    assert_eq!(found(|seen| seen.connections.get_mut(&(0, 1)).unwrap().expires_at = at(15)), allowed);
    assert_eq!(found(|seen| seen.publications.get_mut(&1).unwrap().by = Some(9)), allowed);
    assert_eq!(
        found(|seen| {
            seen.blocked.push((0, None));
            seen.last_calls.insert(1);
        }),
        allowed
    );
}

#[test]
fn a_history_that_is_read_after_the_right_was_taken_away_is_found() {
    let read = |asked_at| {
        found(move |seen| {
            let channel = ChannelName::parse("brief:1").unwrap();
            seen.pages.push(Page { client: 0, connection: 1, asked_at, channel, messages: Vec::new() });
            seen.rolled_out_at = Some(at(100));
        })
    };
    assert_eq!(read(at(99)), [""; 0]);
    assert_eq!(read(at(101)), ["4: only where allowed"]);
}

#[test]
fn disorder_and_holes_in_a_history_are_found() {
    let order = ["6: order is honest"];
    let history = |rows: Vec<(MessageId, u64)>| {
        found(move |seen| drop(seen.histories.insert((region(), room()), rows)))
    };
    assert_eq!(history(vec![(id(2), 2), (id(1), 1)]), order);
    assert_eq!(history(Vec::new()), ["1: accepted means delivered"]);
    assert_eq!(found(|seen| seen.disorder.push((0, vec![2, 1]))), order);
}

#[test]
fn harm_beyond_one_bad_thing_is_found() {
    let isolated = ["5: one bad thing stays one bad thing"];
    let letter = |reason: &str, text: &str| (region(), reason.to_owned(), text.to_owned());
    assert_eq!(found(|seen| seen.poison.push("hello".to_owned())), isolated);
    assert_eq!(found(|seen| seen.dead_letters.push(letter("no JSON", r#"{"n":1}"#))), isolated);
    assert_eq!(found(|seen| seen.dead_letters.push(letter("", "hello"))), isolated);
    assert_eq!(found(|seen| seen.dead_letters.push(letter("received 100 times", "hello"))), isolated);
    assert_eq!(found(|seen| seen.copies.extend([((0, 1, 1), 2)])), isolated);
    let resharded = |second: u64| {
        move |seen: &mut Testimony| {
            seen.copies.extend([((0, 1, 1), 2)]);
            seen.resharded_at = Some(at(second));
        }
    };
    assert_eq!(found(resharded(8)), isolated);
    assert_eq!(found(resharded(15)), [""; 0], "it may stand in two shards");
    let buried = |seen: &mut Testimony| {
        seen.poison.push("hello".to_owned());
        seen.dead_letters.push(letter("no JSON", "hello"));
    };
    assert_eq!(found(buried), [""; 0]);
}

#[test]
fn what_does_not_come_to_rest_is_found() {
    let rest = ["everything comes to rest"];
    let lists = |user: &str| ((region(), room()), [user.to_owned()].into());
    assert_eq!(found(|seen| seen.restless.push("3 records in live".to_owned())), rest);
    assert_eq!(found(|seen| seen.listed.extend([lists("user1")])), rest);
    assert_eq!(found(|seen| seen.lingering.extend([lists("user0")])), rest);
    let connection = ConnectionId::parse("c0-1").unwrap();
    assert_eq!(found(|seen| seen.rows_left.push((region(), connection, room()))), rest);
}
