//! The world outside: programs that publish through the topics, operators, and what befalls whole regions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sorl_core::envelope::Topic;
use sorl_core::names::ChannelName;
use sorl_core::ports::{Clock, Entropy};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use sorl_local::clock::random_uuid;
use sorl_local::faults::Faults;
use sorl_local::topics::{Notice, NoticeAttribute};
use sorl_local::world::World;

use crate::chance::Chance;
use crate::client::Handle;
use crate::executor::Timeline;
use crate::odds::Spell;
use crate::trace::Trace;
use crate::users::{CHANNELS, CLIENTS, user_of};
use crate::weather::{MissingSubscription, Weather};
use crate::witness::{Number, Witness};

/// Attempts of a publisher at one message.
const ATTEMPTS_MAX: usize = 4;

/// Whoever acts from outside has this around it.
#[derive(Clone)]
pub(crate) struct Outside {
    /// All regions' state.
    pub(crate) world: World,
    /// Who notes what publishers see.
    pub(crate) witness: Witness,
    /// What goes wrong.
    pub(crate) weather: Weather,
    /// Tasks and time.
    pub(crate) timeline: Timeline,
    /// Chance.
    pub(crate) chance: Chance,
    /// What happened.
    pub(crate) trace: Trace,
}

impl Outside {
    /// A program that publishes about every `pace`, sometimes nonsense, until `end`.
    pub(crate) async fn publish(self, pace: Duration, end: Timestamp) {
        let pace = u64::try_from(pace.as_millis()).unwrap_or(1).max(1);
        loop {
            self.timeline.sleep(self.chance.millis(1, 2 * pace)).await;
            if self.timeline.now() >= end {
                return;
            }
            if self.chance.happens(0.1) {
                self.publish_poison().await;
            } else if let Some(channel) = self.some_channel() {
                let ephemeral = self.chance.happens(0.1);
                self.publish_message(&channel, ephemeral).await;
            }
        }
    }

    /// Publishes a message until it is acknowledged, or not at all.
    pub(crate) async fn publish_message(&self, channel: &ChannelName, ephemeral: bool) -> Number {
        let number = self.witness.publishes(channel, None, ephemeral);
        // A program that cannot shape its message has no key, so another attempt would be another message.
        let is_plain = !ephemeral && number.is_multiple_of(5);
        for _ in 0..if is_plain { 1 } else { ATTEMPTS_MAX } {
            let attempt = self.witness.tries(number, self.timeline.now());
            let notice =
                if is_plain { self.plain(number, channel) } else { self.shaped(number, channel, ephemeral) };
            if self.send(Topic::Messages, vec![notice], &format!("#{number} to {channel}")).await {
                self.witness.acknowledged(number, attempt);
                break;
            }
            self.timeline.sleep(self.chance.millis(500, 6_000)).await;
        }
        number
    }

    fn plain(&self, number: Number, channel: &ChannelName) -> Notice {
        let mut notice = self.wrap(json!({ "n": number }).to_string());
        let attribute = NoticeAttribute { kind: "String".to_owned(), value: channel.as_str().to_owned() };
        notice.attributes.insert("channel".to_owned(), attribute);
        notice
    }

    fn shaped(&self, number: Number, channel: &ChannelName, ephemeral: bool) -> Notice {
        let key = format!("outside {number}");
        let data = json!({ "n": number });
        let body =
            json!({ "channel": channel, "data": data, "user": "robot", "key": key, "ephemeral": ephemeral });
        self.wrap(body.to_string())
    }

    async fn publish_poison(&self) {
        let text = self.nonsense();
        if self.send(Topic::Messages, vec![self.wrap(text.clone())], "nonsense").await {
            self.witness.with(|seen| seen.poison.push(text));
        }
    }

    /// Publishes a message in one batch with nonsense before and after it.
    pub(crate) async fn publish_beside_nonsense(&self, channel: &ChannelName) -> Number {
        let number = self.witness.publishes(channel, None, false);
        let attempt = self.witness.tries(number, self.timeline.now());
        let nonsense = [self.nonsense(), self.nonsense()];
        let [before, after] = nonsense.clone().map(|text| self.wrap(text));
        let batch = vec![before, self.shaped(number, channel, false), after];
        if self.send(Topic::Messages, batch, &format!("#{number} to {channel} beside nonsense")).await {
            self.witness.acknowledged(number, attempt);
            self.witness.with(|seen| seen.poison.extend(nonsense));
        }
        number
    }

    fn nonsense(&self) -> String {
        const NONSENSE: [&str; 6] = [
            "hello",
            r#"{"data":{}}"#,
            r#"{"channel":"room:1"}"#,
            r#"{"channel":"no channel","data":{}}"#,
            r#"{"channel":"room:1","data":{},"key":7}"#,
            r#"{"channel":"room:1","data":"#,
        ];
        let nonsense = self.chance.pick(&NONSENSE).copied().unwrap_or_default();
        format!("{nonsense}{}", " ".repeat(self.chance.below(50)))
    }

    /// An operator puts somebody out, now and then, until `end`.
    pub(crate) async fn operate(self, clients: Arc<[Handle]>, until: Timestamp, end: Timestamp) {
        loop {
            self.timeline.sleep(self.chance.millis(5_000, 120_000)).await;
            if self.timeline.now() >= end {
                return;
            }
            let user = user_of(self.chance.below(CLIENTS));
            let channel = self.chance.pick(&CHANNELS).filter(|_| self.chance.happens(0.6));
            let channel = channel.and_then(|name| ChannelName::parse(name).ok());
            let blocks = self.chance.happens(0.5);
            self.put_out(&user, channel, blocks.then_some(until), &clients).await;
        }
    }

    async fn put_out(
        &self,
        user: &str,
        channel: Option<ChannelName>,
        until: Option<Timestamp>,
        clients: &[Handle],
    ) {
        let control = if channel.is_some() { "unsubscribe" } else { "disconnect" };
        let order = json!({ "control": control, "user": user, "channel": channel, "until": until });
        let about = format!("{control} {user} {channel:?} until {until:?}");
        let theirs: Vec<_> = clients.iter().filter(|client| user_of(client.number) == user).collect();
        if channel.is_none() {
            self.witness.with(|seen| seen.put_out.extend(theirs.iter().map(|client| client.number)));
        }
        if self.send(Topic::Control, vec![self.wrap(order.to_string())], &about).await && until.is_some() {
            let barred = theirs.iter().map(|client| (client.number, channel.clone()));
            self.witness.with(|seen| seen.blocked.extend(barred));
        }
    }

    /// Publishes to the topic of some region; whether it was acknowledged.
    async fn send(&self, topic: Topic, notices: Vec<Notice>, about: &str) -> bool {
        let Some(region) = self.some_region() else { return false };
        self.timeline.sleep(self.chance.millis(1, 200)).await;
        let topics = self.world.topics();
        let accepted = topics.publish(&topics.arn(&region, topic), &notices).await.is_ok();
        let lost = self.weather.strikes("lost SNS reply", self.weather.odds().lost_reply * 4.0);
        self.timeline.sleep(self.chance.millis(1, 200)).await;
        self.trace.note(format_args!("outside publishes {about} in {region} (lost reply: {lost})"));
        accepted && !lost
    }

    fn wrap(&self, message: String) -> Notice {
        let message_id = random_uuid(&self.chance as &dyn Entropy);
        Notice { message_id, message, ..Notice::default() }
    }

    fn some_channel(&self) -> Option<ChannelName> {
        if self.chance.happens(0.1) {
            return ChannelName::parse(&format!("@{}", user_of(self.chance.below(CLIENTS)))).ok();
        }
        ChannelName::parse(self.chance.pick(&CHANNELS)?).ok()
    }

    fn some_region(&self) -> Option<Region> {
        self.chance.pick(&self.world.config().regions).cloned()
    }

    /// Whatever befalls whole regions: one spell after another, until `end`.
    pub(crate) async fn befall(self, longest: Duration, end: Timestamp) {
        let longest = u64::try_from(longest.as_millis()).unwrap_or(1).max(2_000);
        loop {
            self.timeline.sleep(self.chance.millis(2_000, 60_000)).await;
            let spell = self.chance.pick(&self.weather.odds().spells).copied();
            let Some(spell) = spell.filter(|_| self.timeline.now() < end) else { return };
            let over = self.timeline.now().plus(self.chance.millis(1_000, longest)).min(end);
            self.trace.note(format_args!("{spell:?} for {} s", over.since(self.timeline.now()).as_secs()));
            self.cast(spell, over).await;
            self.timeline.sleep_until(over).await;
            self.weather.throttle(0.0);
            self.weather.unsubscribe(None);
            self.put_in_force(self.usual());
        }
    }

    async fn cast(&self, spell: Spell, over: Timestamp) {
        match spell {
            Spell::Cut => {
                self.weather.count("region cut");
                self.put_in_force(Faults { cut: self.some_region().into_iter().collect(), ..self.usual() });
            }
            Spell::Lag => {
                self.weather.count("replication lags");
                let lag_ms = 1_000 + self.chance.below(20_000) as u64;
                self.put_in_force(Faults { lag_ms, ..self.usual() });
            }
            Spell::Reorder => self.reorder(over).await,
            Spell::Throttle => {
                self.weather.throttle(self.chance.pick(&[0.05, 0.3, 0.9]).copied().unwrap_or(0.1));
            }
            Spell::Unsubscribed => self.weather.unsubscribe(self.missing(over)),
        }
    }

    /// Each item that is written meanwhile takes its own time, so that younger ones overtake older ones.
    async fn reorder(&self, over: Timestamp) {
        self.weather.count("replication reordered");
        while self.timeline.now() < over {
            let lag_ms = self.chance.below(8_000) as u64;
            self.put_in_force(Faults { lag_ms, ..self.usual() });
            self.timeline.sleep(self.chance.millis(50, 2_000)).await;
        }
    }

    fn missing(&self, until: Timestamp) -> Option<MissingSubscription> {
        let (to, from) = (self.some_region()?, self.some_region()?);
        Some(MissingSubscription { to, from, since: self.timeline.now(), until })
    }

    fn usual(&self) -> Faults {
        Faults { cut: BTreeSet::new(), duplicate: self.weather.odds().duplicate, ..Faults::default() }
    }

    /// Puts faults in force in the world underneath.
    pub(crate) fn put_in_force(&self, faults: Faults) {
        self.trace.note(format_args!("the world has cut {:?} and lag {} ms", faults.cut, faults.lag_ms));
        // Regions that exist, shares between 0 and 1, a lag of seconds: never refused.
        drop(self.world.set_faults(faults));
    }
}
