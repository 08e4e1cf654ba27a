//! The witness: what clients and publishers saw, and nothing else.
//!
//! Not the judge (`checker`). What stands here could have been written down by the users of the service; how it
//! came about is none of its business.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use sorl_core::ids::{ConnectionId, MessageId};
use sorl_core::names::ChannelName;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use crate::users::Badge;

/// The number in a message's data, by which everybody knows it.
pub(crate) type Number = u64;
/// A client's number.
pub(crate) type ClientNumber = usize;

/// One message, however often it was tried.
#[derive(Debug, Clone)]
pub(crate) struct Publication {
    /// Where to.
    pub(crate) channel: ChannelName,
    /// Who sent it: a client, or somebody outside.
    pub(crate) by: Option<ClientNumber>,
    /// Whether it is kept out of the history.
    pub(crate) ephemeral: bool,
    /// When each attempt began, and whether it was acknowledged.
    pub(crate) attempts: Vec<(Timestamp, bool)>,
}

impl Publication {
    /// When the last attempt that was acknowledged began.
    pub(crate) fn accepted(&self) -> Option<Timestamp> {
        self.attempts.iter().rev().find(|(_, acknowledged)| *acknowledged).map(|(began, _)| *began)
    }

    /// When it was first tried.
    pub(crate) fn began(&self) -> Timestamp {
        self.attempts.first().map(|(began, _)| *began).unwrap_or_default()
    }
}

/// A message shown to a client.
#[derive(Debug, Clone)]
pub(crate) struct Sighting {
    /// Which message.
    pub(crate) number: Number,
    /// When.
    pub(crate) at: Timestamp,
    /// Over which of the client's connections.
    pub(crate) connection: u32,
}

/// A client's wish to be in a channel, from its fulfilment to its end, across connections.
#[derive(Debug, Clone)]
pub(crate) struct Stay {
    /// Whose.
    pub(crate) client: ClientNumber,
    /// Where.
    pub(crate) channel: ChannelName,
    /// When the service said that the client is a member; none if it never did.
    pub(crate) since: Option<Timestamp>,
    /// Whether it ended, for whatever reason.
    pub(crate) over: bool,
    /// When the client was told that something is missing.
    pub(crate) gaps: Vec<Timestamp>,
    /// What it was shown.
    pub(crate) seen: Vec<Sighting>,
}

/// A client's connection, as the client knows it.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    /// When it was asked for.
    pub(crate) asked_at: Timestamp,
    /// What its token granted.
    pub(crate) badge: Badge,
    /// When its token expires.
    pub(crate) expires_at: Timestamp,
}

/// A page of history that a client asked for.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// Who.
    pub(crate) client: ClientNumber,
    /// Over which connection.
    pub(crate) connection: u32,
    /// When it asked.
    pub(crate) asked_at: Timestamp,
    /// Where.
    pub(crate) channel: ChannelName,
    /// What came, in its order.
    pub(crate) messages: Vec<(MessageId, Number)>,
}

/// Everything that was seen.
#[derive(Debug, Default)]
pub(crate) struct Testimony {
    /// By number.
    pub(crate) publications: BTreeMap<Number, Publication>,
    /// In the order in which they began.
    pub(crate) stays: Vec<Stay>,
    /// By client and number.
    pub(crate) connections: BTreeMap<(ClientNumber, u32), Connection>,
    /// Pages of history.
    pub(crate) pages: Vec<Page>,
    /// Frames with messages that were not in id order: by whom, and what.
    pub(crate) disorder: Vec<(ClientNumber, Vec<Number>)>,
    /// Clients whose user an operator put out of everything, acknowledged or not.
    pub(crate) put_out: BTreeSet<ClientNumber>,
    /// Clients that are connected when everything has settled, and to whom nothing is owed.
    pub(crate) present: BTreeSet<ClientNumber>,
    /// Texts that external publishers sent and that are no messages.
    pub(crate) poison: Vec<String>,
    /// Whole histories, read by auditors at the end: by region and channel.
    pub(crate) histories: BTreeMap<(Region, ChannelName), Vec<(MessageId, Number)>>,
    /// Who is listed in a channel once everything has settled: by region asked and channel.
    pub(crate) listed: BTreeMap<(Region, ChannelName), BTreeSet<String>>,
    /// The same long after everybody left.
    pub(crate) lingering: BTreeMap<(Region, ChannelName), BTreeSet<String>>,
    /// Dead letters: region, reason, and the text that was published.
    pub(crate) dead_letters: Vec<(Region, String, String)>,
    /// Rows of members that stand two hours after everybody left, where TTL is not late: region, whose, and where.
    pub(crate) rows_left: Vec<(Region, ConnectionId, ChannelName)>,
    /// When the last region took away the right to the past of `brief`, if that was rolled out.
    pub(crate) rolled_out_at: Option<Timestamp>,
    /// When the last region wrote another number of shards, if it did.
    pub(crate) resharded_at: Option<Timestamp>,
    /// Whether everything had settled before what comes now was published.
    pub(crate) is_last_call: bool,
    /// How often each message came over each connection since then.
    pub(crate) copies: BTreeMap<(ClientNumber, u32, Number), u32>,
    /// What did not come to rest though nothing went wrong any more.
    pub(crate) restless: Vec<String>,
    /// Who is kept out at the end, and of what (none: of everything).
    pub(crate) blocked: Vec<(ClientNumber, Option<ChannelName>)>,
    /// Messages published after everything had settled.
    pub(crate) last_calls: BTreeSet<Number>,
}

/// Where all note what they saw. Cloning shares it.
#[derive(Clone, Default)]
pub(crate) struct Witness(Arc<Mutex<Testimony>>);

impl Witness {
    /// Looks at, or adds to, what was seen.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Testimony) -> T) -> T {
        look(&mut self.0.lock())
    }

    /// A new message is about to be published.
    pub(crate) fn publishes(
        &self,
        channel: &ChannelName,
        by: Option<ClientNumber>,
        ephemeral: bool,
    ) -> Number {
        self.with(|seen| {
            let number = seen.publications.len() as Number + 1;
            let channel = channel.clone();
            let publication = Publication { channel, by, ephemeral, attempts: Vec::new() };
            seen.publications.insert(number, publication);
            number
        })
    }

    /// An attempt begins; returns its number.
    pub(crate) fn tries(&self, number: Number, now: Timestamp) -> usize {
        self.with(|seen| {
            let Some(publication) = seen.publications.get_mut(&number) else { return 0 };
            publication.attempts.push((now, false));
            publication.attempts.len() - 1
        })
    }

    /// An attempt was acknowledged.
    pub(crate) fn acknowledged(&self, number: Number, attempt: usize) {
        self.with(|seen| {
            let attempt =
                seen.publications.get_mut(&number).and_then(|message| message.attempts.get_mut(attempt));
            if let Some((_, acknowledged)) = attempt {
                *acknowledged = true;
            }
        });
    }

    /// A client wants to be in a channel.
    pub(crate) fn enters(&self, client: ClientNumber, channel: &ChannelName) {
        self.with(|seen| {
            seen.stays.push(Stay {
                client,
                channel: channel.clone(),
                since: None,
                over: false,
                gaps: Vec::new(),
                seen: Vec::new(),
            });
        });
    }

    /// Something happened in the client's present stay.
    pub(crate) fn in_stay(&self, client: ClientNumber, channel: &ChannelName, note: impl FnOnce(&mut Stay)) {
        self.with(|seen| {
            let present =
                seen.stays.iter_mut().rev().find(|stay| stay.client == client && stay.channel == *channel);
            if let Some(stay) = present.filter(|stay| !stay.over) {
                note(stay);
            }
        });
    }
}
