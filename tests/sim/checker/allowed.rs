//! Only where allowed: nobody is shown, sends or reads what the token of that connection does not grant, nor
//! anything that came into being after it expired, nor what an operator keeps from him.

use std::fmt::Display;
use std::time::Duration;

use sorl_core::names::ChannelName;

use super::Violation;
use crate::users::{Deed, Version, user_of};
use crate::witness::{ClientNumber, Connection, Stay, Testimony};

const PROMISE: &str = "4: only where allowed";
/// Versions differ in who may read the past, and in nothing else.
const ANY: Version = Version::USUAL;

pub(super) fn judge(seen: &Testimony, skew: Duration) -> Vec<Violation> {
    let mut violations = Vec::new();
    for stay in &seen.stays {
        violations.extend(judge_stay(stay, seen, skew));
    }
    for page in &seen.pages {
        let Some(connection) = seen.connections.get(&(page.client, page.connection)) else { continue };
        let is_rolled_out = seen.rolled_out_at.is_some_and(|at| page.asked_at > at);
        let version = Version { shows_past: !is_rolled_out, ..Version::USUAL };
        if !allows(connection, page.client, Deed::History, &page.channel, version) {
            violations.push(violation(page.client, format!("read the history of {}", page.channel)));
        }
    }
    for publication in seen.publications.values().filter(|publication| publication.accepted().is_some()) {
        let Some(client) = publication.by else { continue };
        let badges = seen.connections.range((client, 0)..=(client, u32::MAX));
        let mut may_publish = badges
            .map(|(_, connection)| allows(connection, client, Deed::Publish, &publication.channel, ANY));
        if !may_publish.any(|may| may) {
            violations.push(violation(client, format!("published in {}", publication.channel)));
        }
    }
    violations.extend(
        seen.blocked.iter().filter_map(|(client, channel)| judge_block(*client, channel.as_ref(), seen)),
    );
    violations
}

fn allows(
    connection: &Connection,
    client: ClientNumber,
    deed: Deed,
    channel: &ChannelName,
    version: Version,
) -> bool {
    connection.badge.allows(&user_of(client), deed, channel, version)
}

fn judge_stay(stay: &Stay, seen: &Testimony, skew: Duration) -> Vec<Violation> {
    let mut violations = Vec::new();
    for sighting in &stay.seen {
        let (client, number) = (stay.client, sighting.number);
        let Some(connection) = seen.connections.get(&(client, sighting.connection)) else { continue };
        if !allows(connection, client, Deed::Subscribe, &stay.channel, ANY) {
            violations.push(violation(client, format!("was shown #{number} of {}", stay.channel)));
        }
        let began = seen.publications.get(&number).map(|publication| publication.began());
        if began.is_some_and(|began| began > connection.expires_at.plus(skew)) {
            violations.push(violation(client, format!("was shown #{number} over an expired connection")));
        }
    }
    violations
}

/// Once everything has settled, a block is in force everywhere: the last call does not reach who is kept out.
fn judge_block(client: ClientNumber, channel: Option<&ChannelName>, seen: &Testimony) -> Option<Violation> {
    let stays = seen
        .stays
        .iter()
        .filter(|stay| stay.client == client && channel.is_none_or(|channel| stay.channel == *channel));
    let mut shown = stays.flat_map(|stay| &stay.seen);
    let last_call = shown.find(|sighting| seen.last_calls.contains(&sighting.number))?;
    Some(violation(client, format!("is kept out of {channel:?} and was shown #{}", last_call.number)))
}

fn violation(client: ClientNumber, what: impl Display) -> Violation {
    Violation { promise: PROMISE, what: format!("c{client} {what}"), about: vec![format!("c{client}")] }
}
