//! What is around a machine in a scenario: an application, a service, a token function and a clock, all of
//! which do what the script says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use sorl_core::ids::MessageId;
use sorl_core::names::ChannelName;
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::script::{Names, START};
use crate::client::DialFault;
use crate::machine::{Ask, Endpoint, Instruction, Machine, Number, Outgoing, Status, Ticket};
use crate::session::{Event, Exit, Failure, Moment, Origin, Past, Reply, Start, Subscription};

/// Half of every range.
const JITTER: u32 = 1 << 31;
/// Turns after which a machine that is left to itself was to be at rest.
const TURNS_MAX: usize = 100_000;

/// What a step may say that follows.
const LISTS: [&str; 4] = ["dials", "sends", "closes", "tells"];

/// Everything around one machine, and what it did since the last step.
pub(super) struct World {
    machine: Machine,
    now: Timestamp,
    user: Option<String>,
    tokens_asked: u64,
    /// How long tokens live, in seconds; none while they cannot be had.
    tokens_life: Option<u64>,
    /// All connections that were tried, and with which token.
    connections: Vec<(Number, String)>,
    gone: BTreeSet<Number>,
    asked: BTreeMap<Ticket, String>,
    leaving: BTreeMap<ChannelName, String>,
    keys: u64,
    names: Names,
    status: Status,
    followed: BTreeMap<&'static str, Vec<Value>>,
    answers: BTreeMap<String, Value>,
}

impl World {
    pub(super) fn new(client: &Value) -> Self {
        let region = |value: &Value| Region::parse(value.as_str().expect("a region")).unwrap();
        let endpoint = |value: &Value| Endpoint { region: region(value), url: "ws://scenario".to_owned() };
        let endpoints = client["endpoints"].as_array().expect("endpoints").iter().map(endpoint).collect();
        let queue = client["queue"].as_u64().map_or(1_000, |queue| usize::try_from(queue).unwrap());
        Self {
            machine: Machine::new(endpoints, Some(&region(&client["region"])), queue),
            now: Timestamp::from_millis(START),
            user: client["user"].as_str().map(str::to_owned),
            tokens_asked: 0,
            tokens_life: Some(86_400),
            connections: Vec::new(),
            gone: BTreeSet::new(),
            asked: BTreeMap::new(),
            leaving: BTreeMap::new(),
            keys: 0,
            names: Names::default(),
            status: Status::Away,
            followed: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }

    /// Does what the step says, and leaves the machine to itself until nothing moves.
    pub(super) fn cause(&mut self, step: &Value) {
        let at = self.moment();
        if let Some(wish) = step.get("app") {
            self.wish(wish);
        } else if let Some(frames) = step.get("frame") {
            let (name, frame) = frames.as_object().unwrap().iter().next().expect("a frame");
            let frame = self.names.fill(frame);
            let text = frame.as_str().map_or_else(|| frame.to_string(), str::to_owned);
            let (connection, _) = self.connection(name);
            self.machine.received(at, connection, &text);
        } else if let Some(name) = step.get("opens") {
            let (connection, token) = self.connection(name.as_str().unwrap());
            self.machine.opened(at, connection, &token);
        } else if let Some(name) = step.get("refuses") {
            let (connection, _) = self.connection(name.as_str().unwrap());
            self.gone.insert(connection);
            self.machine.failed(at, connection, DialFault::Refused(401));
        } else if let Some(name) = step.get("ends") {
            let (connection, _) = self.connection(name.as_str().unwrap());
            self.gone.insert(connection);
            self.machine.ended(at, connection, "the script says so".to_owned());
        } else if let Some(tokens) = step.get("tokens") {
            self.tokens_life = tokens["life"].as_u64();
        }
        self.pass(step["clock"].as_u64().unwrap_or_default());
    }

    /// What differs from what the step says that follows.
    pub(super) fn compare(&mut self, step: &Value) -> Vec<String> {
        let mut differences = Vec::new();
        for list in LISTS {
            let expected = step.get(list).cloned().unwrap_or_else(|| json!([]));
            let came = Value::Array(self.followed.remove(list).unwrap_or_default());
            if !self.names.matches(&expected, &came) {
                differences.push(format!("{list}: expected {expected}, came {came}"));
            }
        }
        let expected = step.get("answers").cloned().unwrap_or_else(|| json!({}));
        let came = json!(std::mem::take(&mut self.answers));
        if expected != came {
            differences.push(format!("answers: expected {expected}, came {came}"));
        }
        let (state, region) = place(&self.status);
        for (key, is) in [("state", json!(state)), ("region", json!(region))] {
            if step.get(key).is_some_and(|expected| *expected != is) {
                differences.push(format!("{key}: expected {}, is {is}", step[key]));
            }
        }
        differences
    }

    fn wish(&mut self, wish: &Value) {
        let at = self.moment();
        let (verb, what) = wish.as_object().unwrap().iter().find(|(key, _)| is_verb(key)).expect("a verb");
        let channel = || ChannelName::parse(what.as_str().unwrap()).unwrap();
        match verb.as_str() {
            "connect" => self.machine.connect(at),
            "wake" => self.machine.wake(at),
            "close" => self.machine.close(at),
            "use" => self.machine.use_region(at, &Region::parse(what.as_str().unwrap()).unwrap()),
            "subscribe" => self.machine.subscribe(at, &channel(), subscription(wish)),
            "unsubscribe" => {
                self.leaving.insert(channel(), name_of(wish));
                self.machine.unsubscribe(at, &channel());
            }
            "publish" => {
                let outgoing = self.outgoing(channel(), wish);
                let ticket = self.machine.publish(at, outgoing);
                self.asked.insert(ticket, name_of(wish));
            }
            "history" => {
                let limit = wish["limit"].as_u64().map(|limit| u32::try_from(limit).unwrap());
                let ask = Ask::History { channel: channel(), past: past(wish), limit };
                let ticket = self.machine.ask(at, ask);
                self.asked.insert(ticket, name_of(wish));
            }
            other => panic!("no client can {other}"),
        }
    }

    fn outgoing(&mut self, channel: ChannelName, wish: &Value) -> Outgoing {
        self.keys += 1;
        let key = wish["key"].as_str().map_or_else(|| format!("key {}", self.keys), str::to_owned);
        let data = to_raw_value(&wish["data"]).unwrap();
        Outgoing { channel, data, key: Some(key), ephemeral: wish["ephemeral"] == true }
    }

    /// Time passes; what is due happens when it is due.
    fn pass(&mut self, ms: u64) {
        let end = self.now.plus(Duration::from_millis(ms));
        for _ in 0..TURNS_MAX {
            if self.carry_out() {
                continue;
            }
            let Some(due) = self.machine.next_due().filter(|due| *due <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(due);
            let at = self.moment();
            self.machine.tick(at);
        }
        panic!("the machine does not come to rest");
    }

    /// Carries out what there is; false if there is nothing.
    fn carry_out(&mut self) -> bool {
        let instructions: Vec<_> = self.machine.drain().collect();
        let any = !instructions.is_empty();
        for instruction in instructions {
            match instruction {
                Instruction::Dial { connection, endpoint } => self.dial(connection, &endpoint),
                Instruction::Send { connection, frame } => {
                    let frame: Value = serde_json::from_str(&frame).unwrap();
                    let name = self.name(connection).expect("a connection that was tried");
                    self.follow("sends", json!({ name: frame }));
                }
                Instruction::Close(connection) | Instruction::Cut(connection) => {
                    if let Some(name) = self.name(connection).filter(|_| self.gone.insert(connection)) {
                        self.follow("closes", json!(name));
                    }
                }
                Instruction::Tell(event) => self.told(event),
                Instruction::Answer(ticket, outcome) => {
                    let name = self.asked.remove(&ticket).expect("every request is answered once");
                    self.answers.insert(name, answer(outcome));
                }
                Instruction::Show(..) => {}
                Instruction::Be(status) => self.status = status,
            }
        }
        any
    }

    fn dial(&mut self, connection: Number, endpoint: &Endpoint) {
        self.tokens_asked += 1;
        let Some(life) = self.tokens_life else {
            let at = self.moment();
            return self.machine.failed(at, connection, DialFault::Token("there is none".into()));
        };
        let claims = json!({"sub": self.user, "exp": self.now.as_millis() / 1_000 + life});
        let token = format!("x.{}.y", URL_SAFE_NO_PAD.encode(claims.to_string()));
        self.connections.push((connection, token));
        let (name, token) = (format!("c{}", self.connections.len()), format!("t{}", self.tokens_asked));
        self.follow("dials", json!({ name: endpoint.region, "token": token }));
    }

    fn told(&mut self, event: Event) {
        let told = match event {
            Event::Message { message, origin } => {
                json!({"message": message.id, "channel": message.channel, "origin": origin_of(origin)})
            }
            Event::Subscribed { channel, resumed } => json!({"subscribed": channel, "resumed": resumed}),
            Event::Recovered { channel } => json!({"recovered": channel}),
            Event::Gap { channel } => json!({"gap": channel}),
            Event::Unsubscribed { channel, reason: Exit::Operator } => {
                json!({"unsubscribed": channel, "reason": "operator"})
            }
            Event::Unsubscribed { channel, reason: Exit::Refused(refusal) } => {
                json!({"unsubscribed": channel, "reason": "refused", "code": refusal.code.as_str()})
            }
            Event::Unsubscribed { channel, reason: Exit::Requested } => {
                if let Some(name) = self.leaving.remove(&channel) {
                    self.answers.insert(name, json!({}));
                }
                return;
            }
            Event::Presence { channel, events } => json!({"presence": channel, "events": events}),
            Event::Bye { code, reconnect } => json!({"bye": code, "reconnect": reconnect}),
            Event::Complaint(_) | Event::Replied { .. } => return,
        };
        self.follow("tells", told);
    }

    fn follow(&mut self, list: &'static str, what: Value) {
        self.followed.entry(list).or_default().push(what);
    }

    fn connection(&self, name: &str) -> (Number, String) {
        let number: usize = name.trim_start_matches('c').parse().expect("a connection's name");
        self.connections.get(number - 1).expect("a connection that was tried").clone()
    }

    fn name(&self, connection: Number) -> Option<String> {
        let index = self.connections.iter().position(|(number, _)| *number == connection)?;
        Some(format!("c{}", index + 1))
    }

    const fn moment(&self) -> Moment {
        Moment { now: self.now, jitter: JITTER }
    }
}

fn is_verb(key: &str) -> bool {
    ["connect", "subscribe", "unsubscribe", "publish", "history", "use", "wake", "close"].contains(&key)
}

fn name_of(wish: &Value) -> String {
    wish["as"].as_str().expect("a request has a name").to_owned()
}

fn subscription(wish: &Value) -> Subscription {
    let rewind = wish["rewind"].as_u64().map(|count| Start::Rewind(u32::try_from(count).unwrap()));
    let ordered = wish["ordered"].as_u64().map(Duration::from_millis);
    Subscription { start: rewind.unwrap_or_default(), ordered }
}

fn past(wish: &Value) -> Past {
    let id = |key: &str| wish[key].as_str().map(|id| MessageId::parse(id).unwrap());
    id("since").map(Past::Since).or_else(|| id("before").map(Past::Before)).unwrap_or_default()
}

fn origin_of(origin: Origin) -> &'static str {
    match origin {
        Origin::Live => "live",
        Origin::Recovered => "recovered",
        Origin::Rewound => "rewound",
    }
}

fn answer(outcome: Result<Reply, Failure>) -> Value {
    match outcome {
        Ok(Reply::Published(published)) => json!({"message_id": published.message_id}),
        Ok(Reply::History(page)) => {
            let ids: Vec<_> = page.messages.iter().map(|message| message.id).collect();
            json!({"messages": ids, "more": page.more})
        }
        Ok(Reply::Presence(_) | Reply::Pong(_)) => json!({}),
        Err(Failure::Refused(refusal)) => json!({"error": refusal.code.as_str()}),
        Err(Failure::Unknown) => json!({"error": "unknown"}),
        Err(Failure::Disconnected) => json!({"error": "disconnected"}),
        Err(Failure::QueueFull) => json!({"error": "queue_full"}),
    }
}

/// The state and the region.
fn place(status: &Status) -> (&'static str, Option<&Region>) {
    match status {
        Status::Connecting { region, .. } => ("connecting", Some(region)),
        Status::Connected(region) => ("connected", Some(region)),
        Status::Waiting(_) => ("waiting", None),
        Status::Away => ("away", None),
        Status::Closed => ("closed", None),
    }
}
