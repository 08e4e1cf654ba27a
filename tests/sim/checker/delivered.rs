//! Accepted means delivered, and recovered after a gap: whoever was in a channel throughout was shown every
//! message that was acknowledged, or was told that something is missing.

use std::time::Duration;

use sorl_core::time::Timestamp;

use super::Violation;
use crate::users::{Deed, Version, keeps_any, keeps_long, user_of};
use crate::witness::{Number, Publication, Stay, Testimony};

/// How far back a recovery reaches that needs no right to the past.
const RECOVERED_MAX: Duration = Duration::from_hours(1);
/// How long before it came a message may have been accepted that a cursor stands at: cursors wait for what is owed.
const SLACK: Duration = Duration::from_mins(20);

pub(super) fn judge(seen: &Testimony) -> Vec<Violation> {
    let throughout = seen.stays.iter().filter(|stay| !stay.over && seen.present.contains(&stay.client));
    let mut violations = Vec::new();
    for stay in throughout {
        let Some(since) = stay.since else { continue };
        for (number, publication) in &seen.publications {
            if is_owed(stay, since, publication, seen) && !was_shown(stay, *number) {
                violations.push(missing(stay, *number));
            }
        }
        if keeps_long(&stay.channel) && stay.gaps.iter().any(|told| !lacks_the_past(stay, *told, seen)) {
            violations.push(Violation {
                promise: "3: recovered after a gap",
                what: format!(
                    "c{} was told of a gap in {}, whose history is long enough",
                    stay.client, stay.channel
                ),
                about: vec![format!("c{}", stay.client)],
            });
        }
    }
    violations
}

/// Whether a gap had to be told, though there may be none: nothing came for most of an hour to somebody who may not read
/// the past, and what is older than an hour is the past.
fn lacks_the_past(stay: &Stay, told: Timestamp, seen: &Testimony) -> bool {
    let mut connections = seen.connections.range((stay.client, 0)..=(stay.client, u32::MAX)).rev();
    let badge = connections.find(|(_, connection)| connection.asked_at <= told).map(|(_, with)| with.badge);
    let may_read = badge.is_some_and(|badge| {
        badge.allows(&user_of(stay.client), Deed::History, &stay.channel, Version::USUAL)
    });
    let came = stay.seen.iter().filter(|sighting| sighting.at < told);
    let accepted = came.filter_map(|sighting| seen.publications.get(&sighting.number)?.accepted());
    let latest = accepted.chain(stay.since).max();
    !may_read && latest.is_some_and(|latest| told.since(latest) > RECOVERED_MAX - SLACK)
}

fn is_owed(stay: &Stay, since: Timestamp, publication: &Publication, seen: &Testimony) -> bool {
    let Some(accepted) = publication.accepted() else { return false };
    let excused = stay.gaps.iter().any(|told| *told >= publication.began());
    stay.channel == publication.channel
        && accepted > since
        && !excused
        && (!publication.ephemeral || stayed_connected(stay, publication.began(), seen))
}

/// Ephemeral messages are outside recovery: they are owed only over the connection that was open all along.
fn stayed_connected(stay: &Stay, from: Timestamp, seen: &Testimony) -> bool {
    let later = seen.connections.range((stay.client, 0)..=(stay.client, u32::MAX));
    later.map(|(_, connection)| connection).all(|connection| connection.asked_at < from)
        && connected_at(stay, from, seen)
}

/// A connection is open some seconds after it was asked for.
fn connected_at(stay: &Stay, at: Timestamp, seen: &Testimony) -> bool {
    let last = seen.connections.range((stay.client, 0)..=(stay.client, u32::MAX)).next_back();
    last.is_some_and(|(_, connection)| at.since(connection.asked_at).as_secs() > 60)
}

fn was_shown(stay: &Stay, number: Number) -> bool {
    stay.seen.iter().any(|sighting| sighting.number == number)
}

fn missing(stay: &Stay, number: Number) -> Violation {
    let promise =
        if keeps_any(&stay.channel) { "1: accepted means delivered" } else { "1: delivered, or told" };
    Violation {
        promise,
        what: format!("c{} was in {} throughout and was never shown #{number}", stay.client, stay.channel),
        about: vec![format!("c{}", stay.client), format!("#{number}")],
    }
}
