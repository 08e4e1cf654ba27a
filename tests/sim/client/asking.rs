//! What a client asked for, over and above being in channels: messages it publishes, pages, who is there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::value::RawValue;
use sorl_client::session::{Failure, Origin, Past, Publish, Reply, RequestId, Start};
use sorl_client::wire::Frame;
use sorl_core::message::Message;
use sorl_core::names::ChannelName;
use sorl_core::time::Timestamp;

use super::{Act, Client, Loss};
use crate::witness::{Number, Page, Sighting};

/// Attempts at a message under a key.
const ATTEMPTS_MAX: usize = 6;

/// What a request was for.
enum Purpose {
    Publish { sending: Sending, attempt: usize },
    Read(ChannelName, Timestamp),
    Look(ChannelName),
    Ping,
}

/// A message on its way.
#[derive(Clone)]
struct Sending {
    number: Number,
    channel: ChannelName,
    keyed: bool,
    ephemeral: bool,
}

/// Requests that wait for replies, and messages that wait for their next attempt.
#[derive(Default)]
pub(super) struct Asked {
    waiting: BTreeMap<RequestId, Purpose>,
    again: Vec<(Timestamp, Sending)>,
}

impl Asked {
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.again.iter().map(|(due, _)| *due).min()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.again.is_empty()
    }
}

impl Client {
    pub(super) fn act(&mut self, act: Act) {
        self.note(format_args!("does {act:?}"));
        let now = self.now();
        match act {
            Act::Enter(channel, start) => self.enter(&channel, start),
            Act::Leave(channel) => {
                self.around.witness.in_stay(self.number, &channel, |stay| stay.over = true);
                self.session.unsubscribe(now, &channel);
            }
            Act::Publish { channel, keyed, ephemeral } => {
                let number = self.around.witness.publishes(&channel, Some(self.number), ephemeral);
                self.send(Sending { number, channel, keyed, ephemeral });
            }
            Act::Read(channel) => {
                let request = self.session.history(now, &channel, Past::Latest, Some(30));
                self.asked.waiting.insert(request, Purpose::Read(channel, now));
            }
            Act::LookAround(channel) => {
                let request = self.session.presence(now, &channel);
                self.asked.waiting.insert(request, Purpose::Look(channel));
            }
            Act::Lose(loss) => self.lose(loss),
            Act::SetReading(reads) => {
                if let Some(link) = &self.links.current
                    && let Some(station) = self.around.stations.get(link.station)
                {
                    station.gateway.set_reading(&link.id, reads);
                }
            }
            Act::Move => {
                self.move_on();
                self.lose(Loss::Clean);
            }
            Act::Rotate => self.rotate(),
            Act::SetAway(away) => self.set_away(away),
            Act::Wear(badge) => self.badge = badge,
            Act::Renew(seconds) => self.token_seconds = seconds,
            Act::Wake => {
                let request = self.session.ping(now);
                self.asked.waiting.insert(request, Purpose::Ping);
            }
            Act::Quit(loss) => {
                self.hang_up_all(loss);
                let mut mood = self.mood.lock();
                (mood.ended, self.quit, self.reconnect_at) = (true, true, None);
            }
        }
    }

    fn enter(&mut self, channel: &ChannelName, start: Start) {
        let already = self.around.witness.with(|seen| {
            seen.stays.iter().any(|stay| stay.client == self.number && stay.channel == *channel && !stay.over)
        });
        if !already {
            self.around.witness.enters(self.number, channel);
            self.session.subscribe(self.now(), channel, start);
        }
    }

    fn lose(&mut self, loss: Loss) {
        if self.links.current.as_ref().is_some_and(|link| link.open) {
            self.hang_up(loss);
            if self.links.current.is_none() {
                self.reconnect_after_failure();
            }
        }
    }

    fn set_away(&mut self, away: bool) {
        self.away = away;
        if away {
            self.hang_up_all(Loss::Clean);
        } else if self.links.current.is_none() && !self.mood.lock().ended {
            self.reconnect_at = Some(self.now());
        }
    }

    fn send(&mut self, sending: Sending) {
        let now = self.now();
        let attempt = self.around.witness.tries(sending.number, now);
        let Ok(data) = RawValue::from_string(format!("{{\"n\":{}}}", sending.number)) else { return };
        let key = sending.keyed.then(|| format!("key {}", sending.number));
        let publish = Publish {
            channel: &sending.channel,
            data: &data,
            key: key.as_deref(),
            ephemeral: sending.ephemeral,
        };
        let request = self.session.publish(now, &publish);
        self.note(format_args!("publishes #{} in {}", sending.number, sending.channel));
        self.asked.waiting.insert(request, Purpose::Publish { sending, attempt });
    }

    pub(super) fn ask_again(&mut self) {
        let now = self.now();
        let due: Vec<_> = self.asked.again.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, sending) in due {
            self.send(sending);
        }
    }

    pub(super) fn answered(&mut self, link: u32, request: RequestId, outcome: Result<Reply, Failure>) {
        let Some(purpose) = self.asked.waiting.remove(&request) else { return };
        match (purpose, outcome) {
            (Purpose::Publish { sending, attempt }, Ok(_)) => {
                self.note(format_args!("has #{} acknowledged", sending.number));
                self.around.witness.acknowledged(sending.number, attempt);
            }
            (Purpose::Publish { sending, attempt }, Err(failure)) => {
                self.note(format_args!("has #{} not acknowledged: {failure}", sending.number));
                if sending.keyed && failure.is_temporary() && attempt + 1 < ATTEMPTS_MAX {
                    let due = self.now().plus(Duration::from_secs(1)).plus(self.chance.millis(0, 8_000));
                    self.asked.again.push((due, sending));
                }
            }
            (Purpose::Read(channel, asked_at), Ok(Reply::History(page))) => {
                let messages = page.messages.iter().map(|m| (m.id, number_of(m))).collect();
                let page = Page { client: self.number, connection: link, asked_at, channel, messages };
                self.around.witness.with(|seen| seen.pages.push(page));
            }
            (Purpose::Read(channel, _) | Purpose::Look(channel), Err(failure)) => {
                self.note(format_args!("learns nothing about {channel}: {failure}"));
            }
            (Purpose::Read(..) | Purpose::Look(_) | Purpose::Ping, _) => {}
        }
    }

    pub(super) fn shown(&self, link: u32, message: &Message, origin: Origin) {
        let (number, now) = (number_of(message), self.now());
        self.note(format_args!("is shown #{number} in {} ({origin:?})", message.channel));
        self.around.witness.in_stay(self.number, &message.channel, |stay| {
            stay.seen.push(Sighting { number, at: now, connection: link });
        });
    }

    /// What comes is noted as it comes: messages of one frame are in id order, and when nothing goes wrong each
    /// comes once.
    pub(super) fn look_at(&self, link: u32, frame: &str) {
        let Some(Frame::Messages(messages)) = Frame::read(frame) else { return };
        let numbers = || messages.iter().map(number_of);
        let is_sorted = messages.is_sorted_by_key(|message| message.id);
        self.around.witness.with(|seen| {
            if !is_sorted {
                seen.disorder.push((self.number, numbers().collect()));
            }
            for number in numbers().filter(|_| seen.is_last_call) {
                *seen.copies.entry((self.number, link, number)).or_default() += 1;
            }
        });
    }
}

/// The number that a message's data carries; zero for data that nobody here sends.
pub(crate) fn number_of(message: &Message) -> Number {
    #[derive(serde::Deserialize)]
    struct Data {
        n: Number,
    }
    serde_json::from_str::<Data>(message.data.get()).map_or(0, |data| data.n)
}
