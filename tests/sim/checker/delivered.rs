//! Accepted means delivered, and recovered after a gap: whoever was in a channel throughout was shown every
//! message that was acknowledged, or was told that something is missing.

use sorl_core::time::Timestamp;

use super::Violation;
use crate::users::{keeps_any, keeps_long};
use crate::witness::{Number, Publication, Stay, Testimony};

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
        if keeps_long(&stay.channel) && !stay.gaps.is_empty() {
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
