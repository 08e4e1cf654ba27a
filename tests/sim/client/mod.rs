//! A client: the real session, driven by a user's wishes and a network that fails.
//!
//! Not the session's rules. This is what stands around it in an application: it opens connections, with fresh
//! tokens, in one region or another, and carries out what the session says.

mod act;
mod asking;
mod life;
mod link;

use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::future::{Either, select};
use futures::stream::StreamExt;
use parking_lot::Mutex;
use sorl_client::session::{Effect, Event, Exit, Moment, Session};
use sorl_core::ids::ConnectionId;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::Clock;
use sorl_core::time::Timestamp;
use sorl_local::keys::LocalKeys;

use crate::chance::Chance;
use crate::executor::Timeline;
use crate::gateway::Heard;
use crate::station::Station;
use crate::trace::Trace;
use crate::users::{Badge, user_of};
use crate::witness::{ClientNumber, Witness};
use asking::Asked;
use link::Links;

pub(crate) use act::{Act, Loss};
pub(crate) use asking::number_of;
pub(crate) use life::live;

/// The least time between two looks at the time.
const INSTANT: Duration = Duration::from_millis(1);

/// What others see of a client.
#[derive(Debug, Default)]
pub(crate) struct Mood {
    /// Nothing is owed to it, nothing is asked, and it is connected, or over.
    pub(crate) settled: bool,
    /// The connection it believes in.
    pub(crate) connection: Option<(usize, ConnectionId)>,
    /// It will never connect again.
    pub(crate) ended: bool,
}

/// How to make a client do something, and what it shows.
#[derive(Clone)]
pub(crate) struct Handle {
    /// Which.
    pub(crate) number: ClientNumber,
    acts: UnboundedSender<Act>,
    /// What it shows.
    pub(crate) mood: Arc<Mutex<Mood>>,
}

impl Handle {
    /// Has the client do something.
    pub(crate) fn tell(&self, act: Act) {
        // A client that quit does nothing.
        drop(self.acts.unbounded_send(act));
    }
}

/// What every client has around it.
#[derive(Clone)]
pub(crate) struct Surroundings {
    /// The regions.
    pub(crate) stations: Arc<[Arc<Station>]>,
    /// The application's token service.
    pub(crate) keys: Arc<LocalKeys>,
    /// Who notes what it sees.
    pub(crate) witness: Witness,
    /// Tasks and time.
    pub(crate) timeline: Timeline,
    /// What happened.
    pub(crate) trace: Trace,
}

/// A client.
pub(crate) struct Client {
    number: ClientNumber,
    user: String,
    around: Surroundings,
    chance: Chance,
    session: Session,
    asked: Asked,
    first_badge: Badge,
    badge: Badge,
    token_seconds: u64,
    station: usize,
    links: Links,
    /// Connections asked for, ever.
    dialled: u32,
    /// The connection that was heard last: what is told came over it.
    hearing: u32,
    reconnect_at: Option<Timestamp>,
    failures: u32,
    away: bool,
    quit: bool,
    ear: UnboundedSender<(u32, Heard)>,
    heard: UnboundedReceiver<(u32, Heard)>,
    acts: UnboundedReceiver<Act>,
    mood: Arc<Mutex<Mood>>,
}

/// Starts a client.
pub(crate) fn start(number: ClientNumber, around: &Surroundings, chance: Chance, badge: Badge) -> Handle {
    let (ear, heard) = unbounded();
    let (act, acts) = unbounded();
    let mood = Arc::new(Mutex::new(Mood::default()));
    let user = user_of(number);
    let name = UserName::parse(&user).ok();
    let client = Client {
        number,
        session: Session::new(name.as_ref()),
        user,
        around: around.clone(),
        asked: Asked::default(),
        first_badge: badge,
        badge,
        token_seconds: 7_200,
        station: chance.below(around.stations.len()),
        links: Links::default(),
        dialled: 0,
        hearing: 0,
        reconnect_at: Some(around.timeline.now().plus(chance.millis(0, 3_000))),
        failures: 0,
        away: false,
        quit: false,
        ear,
        heard,
        acts,
        mood: Arc::clone(&mood),
        chance,
    };
    if let Some(name) = name {
        around.witness.enters(number, &ChannelName::personal(&name));
    }
    around.timeline.spawn(client.run());
    Handle { number, acts: act, mood }
}

enum Happening {
    Heard(u32, Heard),
    Act(Act),
    Due,
}

impl Client {
    async fn run(mut self) {
        while let Some(happening) = self.next().await {
            match happening {
                Happening::Heard(link, heard) => self.hear(link, heard),
                Happening::Act(act) => self.act(act),
                Happening::Due => self.look_at_the_time(),
            }
            self.carry_out();
            self.show_mood();
            if self.quit {
                return;
            }
        }
    }

    /// What happens next.
    async fn next(&mut self) -> Option<Happening> {
        let reconnect_at = self.reconnect_at.filter(|_| !self.away);
        let due = [
            self.session.next_due(),
            reconnect_at,
            self.asked.next_due(),
            self.token_due(),
            self.former_due(),
        ];
        // A client that waits for nothing looks at the time now and then; and none looks all the time.
        let (soonest, latest) = (self.now().plus(INSTANT), self.now().plus(Duration::from_mins(10)));
        let due = due.into_iter().flatten().min().unwrap_or(latest).max(soonest);
        let rest = self.around.timeline.sleep_until(due);
        match select(select(self.heard.next(), self.acts.next()), rest).await {
            Either::Left((Either::Left((heard, _)), _)) => {
                heard.map(|(link, heard)| Happening::Heard(link, heard))
            }
            Either::Left((Either::Right((act, _)), _)) => act.map(Happening::Act),
            Either::Right(_) => Some(Happening::Due),
        }
    }

    fn now(&self) -> Timestamp {
        self.around.timeline.now()
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now(), jitter: self.chance.jitter() }
    }

    fn look_at_the_time(&mut self) {
        let now = self.now();
        if self.token_due().is_some_and(|due| due <= now) {
            self.expire();
        }
        if self.reconnect_at.is_some_and(|due| due <= now) && !self.away {
            self.connect();
        }
        let moment = self.moment();
        self.session.tick(moment);
        self.ask_again();
    }

    /// Does what the session says.
    fn carry_out(&mut self) {
        loop {
            let effects: Vec<_> = self.session.drain().collect();
            if effects.is_empty() && !self.hand_over() {
                return;
            }
            let said_to = self.current();
            for effect in effects {
                // What was said to a connection that is gone is not said to another.
                if !matches!(effect, Effect::Send(_)) || self.current() == said_to {
                    self.effect(effect);
                }
            }
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Send(frame) => {
                let Some(link) = &self.links.current else { return };
                if let Some(station) = self.around.stations.get(link.station) {
                    station.hear(link.id.clone(), frame);
                }
            }
            Effect::Reconnect(reason) => {
                self.note(format_args!("wants another connection: {reason:?}"));
                self.hang_up(Loss::Clean);
                if self.links.current.is_none() {
                    self.reconnect_after_failure();
                }
            }
            Effect::End => {
                self.mood.lock().ended = true;
                self.hang_up_all(Loss::Clean);
                self.reconnect_at = None;
            }
            Effect::Tell(event) => self.told(event),
        }
    }

    fn told(&mut self, event: Event) {
        let (client, witness, now) = (self.number, self.around.witness.clone(), self.now());
        let link = self.hearing;
        match event {
            Event::Message { message, origin } => self.shown(link, &message, origin),
            Event::Subscribed { channel, resumed } => {
                self.note(format_args!("is in {channel} (resumed: {resumed})"));
                witness.in_stay(client, &channel, |stay| {
                    stay.since.get_or_insert(now);
                });
            }
            Event::Gap { channel } => {
                self.note(format_args!("is told of a gap in {channel}"));
                witness.in_stay(client, &channel, |stay| stay.gaps.push(now));
            }
            // That stay ended with the wish; the next one may have begun.
            Event::Unsubscribed { reason: Exit::Requested, .. } => {}
            Event::Unsubscribed { channel, reason } => {
                self.note(format_args!("is out of {channel}: {reason:?}"));
                witness.in_stay(client, &channel, |stay| stay.over = true);
            }
            Event::Bye { code, reconnect } => {
                self.note(format_args!("hears bye: {code} (reconnect: {reconnect})"));
            }
            Event::Replied { request, outcome } => self.answered(link, request, outcome),
            Event::Recovered { channel } => self.note(format_args!("recovered {channel}")),
            Event::Presence { .. } | Event::Complaint(_) => {}
        }
    }

    fn note(&self, what: impl std::fmt::Display) {
        self.around.trace.note(format_args!("c{} {what}", self.number));
    }

    fn show_mood(&self) {
        let mut mood = self.mood.lock();
        mood.connection =
            self.links.current.as_ref().filter(|link| link.open).map(|link| (link.station, link.id.clone()));
        let inside = self.around.witness.with(|seen| {
            seen.stays
                .iter()
                .filter(|stay| stay.client == self.number && !stay.over)
                .all(|stay| self.session.is_settled(&stay.channel))
        });
        let connected = mood.connection.is_some() && inside && !self.away;
        mood.settled = self.asked.is_empty() && (mood.ended || connected);
    }
}
