//! The audit: what somebody who may see everything reads once everything has come to rest.
//!
//! Through the same commands as any client's, in every region: whole histories, page by page, and who is listed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use serde::Deserialize;
use serde_json::json;
use sorl_client::wire::{Page, Presence};
use sorl_core::authorize::{Caller, Principal};
use sorl_core::command::command;
use sorl_core::envelope::Notification;
use sorl_core::grants::Grants;
use sorl_core::ids::{ConnectionId, MessageId};
use sorl_core::member::{Member, Partition};
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::{Entropy, Registry};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use sorl_local::dead_letters::Buried;

use crate::client::number_of;
use crate::stage::START;
use crate::station::Station;
use crate::users::{Badge, CHANNELS, CLIENTS, user_of};
use crate::wiring::Lambda;
use crate::witness::{Number, Witness};

/// Messages in a page: few, so that a history has several.
const PAGE: u32 = 9;
/// As many as any configuration has.
const SHARDS_MAX: u16 = 3;

/// Somebody who may see everything, in one region.
pub(crate) struct Auditor {
    station: Arc<Station>,
    witness: Witness,
}

#[derive(Deserialize)]
struct Reply<T> {
    result: T,
}

impl Auditor {
    /// In the region of `station`.
    pub(crate) const fn new(station: Arc<Station>, witness: Witness) -> Self {
        Self { station, witness }
    }

    /// Reads every channel's whole history, and who is there.
    pub(crate) async fn look(self) {
        for channel in channels() {
            let history = self.history(&channel).await;
            let listed = self.listed(&channel).await;
            let key = (self.station.region.clone(), channel);
            self.witness.with(|seen| {
                if let Some(history) = history {
                    seen.histories.insert(key.clone(), history);
                }
                seen.listed.extend(listed.map(|users| (key, users)));
            });
        }
    }

    /// Reads who is there when nobody is.
    pub(crate) async fn look_for_the_lingering(self) {
        for channel in channels() {
            let listed = self.listed(&channel).await;
            let key = (self.station.region.clone(), channel);
            self.witness.with(|seen| seen.lingering.extend(listed.map(|users| (key, users))));
        }
    }

    async fn history(&self, channel: &ChannelName) -> Option<Vec<(MessageId, Number)>> {
        let mut since = MessageId::floor(START.minus(Duration::from_hours(1)));
        let mut history = Vec::new();
        loop {
            let request = json!({
                "action": "history", "id": 1, "channel": channel, "since": since, "limit": PAGE,
            });
            let page: Page = self.ask(request.to_string()).await?;
            history.extend(page.messages.iter().map(|message| (message.id, number_of(message))));
            if !page.more || page.cursor <= since {
                return Some(history);
            }
            since = page.cursor;
        }
    }

    async fn listed(&self, channel: &ChannelName) -> Option<BTreeSet<String>> {
        let request = json!({ "action": "presence", "id": 1, "channel": channel });
        let presence: Presence = self.ask(request.to_string()).await?;
        Some(presence.members.iter().map(|member| member.user.as_str().to_owned()).collect())
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, frame: String) -> Option<T> {
        let caller = self.caller()?;
        let reply = self.station.invoke(
            Lambda::Command,
            "audit",
            Duration::from_secs(29),
            |station, ports, invocation| async move {
                let ports = ports.for_command(&*station.clock, &station.chance as &dyn Entropy);
                command(&frame, &caller, ports, invocation.site()).await.frame
            },
        );
        let reply = reply.await?;
        serde_json::from_str::<Reply<T>>(&reply).ok().map(|reply| reply.result)
    }

    fn caller(&self) -> Option<Caller> {
        let now = self.station.clock.now();
        let grants: Option<Grants> = serde_json::from_value(Badge::Auditor.claim()?).ok();
        let principal = Principal {
            user: UserName::parse("auditor").ok()?,
            grants,
            expires_at: Timestamp::from_millis(now.as_millis() + 60_000),
        };
        Some(Caller {
            connection: ConnectionId::parse("audit").ok()?,
            region: self.station.region.clone(),
            connected_at: now,
            principal,
        })
    }
}

fn channels() -> impl Iterator<Item = ChannelName> {
    CHANNELS.iter().filter_map(|name| ChannelName::parse(name).ok())
}

/// The rows of members that stand in a region's own partitions, as an operator who looks into the table finds them.
pub(crate) fn rows_in(station: &Station) -> Vec<(Region, ConnectionId, ChannelName)> {
    let personal =
        (0..CLIENTS).filter_map(|client| ChannelName::parse(&format!("@{}", user_of(client))).ok());
    let partitions = channels().chain(personal).flat_map(|channel| {
        let region = station.region.clone();
        (0..SHARDS_MAX).map(move |shard| Partition {
            channel: channel.clone(),
            region: region.clone(),
            shard,
        })
    });
    let mut rows = BTreeSet::new();
    for partition in partitions {
        // A page of three rows shows that there are some, and over memory there is nothing to wait for.
        let page = station.place.registry.audience(&partition, None).now_or_never();
        let members = page.and_then(Result::ok).map(|page| page.members).unwrap_or_default();
        let row = |member: &Member| {
            (station.region.clone(), member.connection().clone(), partition.channel.clone())
        };
        rows.extend(members.iter().map(row));
    }
    rows.into_iter().collect()
}

/// Dead letters as an operator reads them: region, reason, and the text that was published.
pub(crate) fn read_letters(letters: &[Buried]) -> Vec<(Region, String, String)> {
    let read = |letter: &Buried| {
        let text = Notification::parse(&letter.body, "sim").map(|notification| notification.message);
        (letter.region.clone(), letter.reason.clone(), text.unwrap_or_else(|_not_sns| letter.body.clone()))
    };
    letters.iter().map(read).collect()
}
