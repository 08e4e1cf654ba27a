//! The first step: each record alone becomes what it asks for, or poison. No record can harm another.

use crate::config::Site;
use crate::envelope::{
    Control, Notification, Owed, Poison, PresenceChange, Relayed, Slice, Topic, read_external,
};
use crate::ports::RecordSource;
use crate::time::Timestamp;

use super::job::Item;
use super::{Accepted, Record};

/// What the records of a batch ask for; the number beside each is the record's index.
#[derive(Default)]
pub(super) struct Batch {
    /// Each message once, in id order, with the records that bring it.
    pub(super) messages: Vec<Item>,
    pub(super) presence: Vec<(usize, PresenceChange)>,
    pub(super) orders: Vec<(usize, Order)>,
    pub(super) slices: Vec<(usize, Slice)>,
    pub(super) poison: Vec<(usize, Poison)>,
    /// Of all but slices and poison.
    pub(super) accepted: Vec<(usize, Accepted)>,
}

/// An operator's order, what SNS calls it, and when SNS took it.
pub(super) struct Order {
    pub(super) control: Control,
    pub(super) id: String,
    pub(super) at: Timestamp,
}

enum Work {
    Message(Owed),
    Presence(PresenceChange),
    Control(Order),
    Slice(Slice),
}

pub(super) fn parse(records: &[Record], site: &Site) -> Batch {
    let mut batch = Batch::default();
    for (index, record) in records.iter().enumerate() {
        match read(record, site) {
            Ok((work, accepted)) => {
                batch.take(index, work);
                batch.accepted.extend(accepted.map(|accepted| (index, accepted)));
            }
            Err(poison) => batch.poison.push((index, poison)),
        }
    }
    batch.messages.sort_by_key(|item| item.owed.message.id);
    batch
}

impl Batch {
    fn take(&mut self, record: usize, work: Work) {
        match work {
            Work::Message(owed) => add(&mut self.messages, record, owed),
            Work::Presence(change) => self.presence.push((record, change)),
            Work::Control(order) => self.orders.push((record, order)),
            Work::Slice(slice) => self.slices.push((record, slice)),
        }
    }
}

/// A queue may hand out a record twice in one batch: the message is still one.
fn add(messages: &mut Vec<Item>, record: usize, owed: Owed) {
    let same = |item: &&mut Item| {
        item.owed.message.id == owed.message.id && item.owed.message.channel == owed.message.channel
    };
    match messages.iter_mut().find(same) {
        Some(item) => item.records.push(record),
        None => messages.push(Item::new(owed, vec![record])),
    }
}

fn read(record: &Record, site: &Site) -> Result<(Work, Option<Accepted>), Poison> {
    match record.source {
        RecordSource::Bulk => Slice::parse(&record.body).map(|slice| (Work::Slice(slice), None)),
        RecordSource::Live => {
            let notification = Notification::parse(&record.body, &site.config.stage)?;
            let work = read_notification(&notification)?;
            let accepted = Accepted { origin: notification.topic.region, at: notification.at };
            Ok((work, Some(accepted)))
        }
    }
}

fn read_notification(notification: &Notification) -> Result<Work, Poison> {
    match notification.topic.topic {
        Topic::Messages => {
            let (message, ephemeral) = read_external(notification)?;
            Ok(Work::Message(Owed { message, ephemeral }))
        }
        Topic::Relay => match Relayed::parse(&notification.message)? {
            Relayed::Message { message, ephemeral } => Ok(Work::Message(Owed { message, ephemeral })),
            Relayed::Presence(change) => Ok(Work::Presence(change)),
        },
        Topic::Control => {
            let control = Control::parse(&notification.message)?;
            Ok(Work::Control(Order { control, id: notification.message_id.clone(), at: notification.at }))
        }
    }
}
