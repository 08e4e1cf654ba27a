//! Drives a session over real connections: dials, reads, writes, waits, and carries out its effects.
//!
//! It decides nothing about channels (`session`). The invariant: at most one connection lives, and the
//! session hears `opened` and `closed` in turn. While events wait for the application nothing is read, so a
//! slow application is a slow client, as the service must see it.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use sorl_core::region::Region;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message as WireMessage;

use super::clock::Clock;
use super::command::{Ask, Command};
use super::dial::{Wire, dial};
use super::options::{Endpoint, Options};
use super::outbox::Outbox;
use super::status::{Lost, Status};
use super::token::user_of;
use super::waiters::Waiters;
use crate::backoff::full_jitter;
use crate::session::{Effect, Event, Moment, Reconnect, Session};

/// Time after which a connection proves that things work again, and failures are counted anew.
const STABLE: Duration = Duration::from_secs(5);
/// Time for a frame to be written before the connection counts as lost.
const WRITE_MAX: Duration = Duration::from_secs(10);
/// Time to say goodbye.
const FAREWELL_MAX: Duration = Duration::from_millis(500);

/// What follows on the present connection, or the lack of one.
enum Turn {
    /// Another attempt after a while.
    Retry(Lost),
    /// Another attempt now.
    Now,
    /// None until the application wishes.
    Stay,
    /// The end.
    Stop,
}

/// The one task of a client.
pub(super) struct Driver {
    session: Session,
    clock: Clock,
    options: Options,
    /// The endpoint of the next attempt.
    next: usize,
    failures: u32,
    waiters: Waiters,
    commands: mpsc::Receiver<Command>,
    outbox: Outbox,
    status: watch::Sender<Status>,
    connected: bool,
}

impl Driver {
    pub(super) fn new(
        options: Options,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<Event>,
        status: watch::Sender<Status>,
    ) -> Self {
        let preferred = options.endpoints.iter().position(|at| Some(&at.region) == options.region.as_ref());
        Self {
            session: Session::new(None),
            clock: Clock::start(),
            options,
            next: preferred.unwrap_or_default(),
            failures: 0,
            waiters: Waiters::default(),
            commands,
            outbox: Outbox::new(events),
            status,
            connected: false,
        }
    }

    pub(super) async fn run(mut self) {
        let mut turn = Turn::Now;
        loop {
            turn = match turn {
                Turn::Now => self.attempt().await,
                Turn::Retry(lost) => self.wait(lost).await,
                Turn::Stay => self.stay().await,
                Turn::Stop => break,
            };
        }
        self.status.send_replace(Status::Closed);
        self.outbox.finish().await;
    }

    async fn attempt(&mut self) -> Turn {
        let Some(endpoint) = self.options.endpoints.get(self.next).cloned() else { return Turn::Stop };
        let Endpoint { region, url } = endpoint.clone();
        self.status.send_modify(|status| {
            let after = match status {
                Status::Waiting(lost) => Some(Arc::clone(lost)),
                _ => None,
            };
            *status = Status::Connecting { region: region.clone(), after };
        });
        let attempt = Box::pin(dial(endpoint, self.options.token.clone()));
        match self.attending(attempt).await {
            Ok(Ok((wire, token))) => {
                if let Some(user) = user_of(&token) {
                    self.session.identify(&user);
                }
                self.serve(wire, region).await
            }
            Ok(Err(fault)) => {
                self.next = (self.next + 1) % self.options.endpoints.len();
                Turn::Retry(Lost::Failed { region, url, fault })
            }
            Err(turn) => turn,
        }
    }

    async fn wait(&mut self, lost: Lost) -> Turn {
        tracing::debug!(reason = %lost, "not connected");
        self.status.send_replace(Status::Waiting(Arc::new(lost)));
        let delay = full_jitter(self.failures, rand::random());
        self.failures = self.failures.saturating_add(1);
        self.attending(sleep(delay)).await.map_or_else(|turn| turn, |()| Turn::Now)
    }

    async fn stay(&mut self) -> Turn {
        self.status.send_replace(Status::Away);
        self.attending(pending::<Turn>()).await.unwrap_or_else(|turn| turn)
    }

    /// Does `work`, attending to the application meanwhile; its wishes come first.
    async fn attending<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Turn> {
        tokio::pin!(work);
        loop {
            let impatient = until(self.waiters.next_due());
            tokio::select! {
                biased;
                command = self.commands.recv() => self.obey(command).map_or(Ok(()), Err)?,
                () = self.outbox.hand_over() => {}
                done = &mut work => return Ok(done),
                () = impatient => self.waiters.lose_patience(),
            }
            self.pass_on_events();
        }
    }

    async fn serve(&mut self, mut wire: Wire, region: Region) -> Turn {
        let opened = Instant::now();
        self.connected = true;
        self.session.opened(self.clock.now(), region.clone());
        self.status.send_replace(Status::Connected(region.clone()));
        for ask in self.waiters.unpark() {
            self.ask(ask);
        }
        let turn = loop {
            if let Some(turn) = self.carry_out(&mut wire, &region).await {
                break turn;
            }
            if let Some(turn) = self.serve_once(&mut wire, &region).await {
                break turn;
            }
        };
        if matches!(turn, Turn::Stop) {
            farewell(&mut wire).await;
        }
        drop(wire);
        self.connected = false;
        self.session.closed();
        self.pass_on_events();
        if opened.elapsed() >= STABLE {
            self.failures = 0;
        }
        turn
    }

    /// One thing that happens on an open connection.
    async fn serve_once(&mut self, wire: &mut Wire, region: &Region) -> Option<Turn> {
        let due = until(self.session.next_due().map(|due| self.clock.instant(due)));
        let may_read = self.outbox.is_empty();
        tokio::select! {
            command = self.commands.recv() => self.obey(command),
            () = self.outbox.hand_over() => None,
            frame = wire.next(), if may_read => match frame {
                Some(Ok(WireMessage::Text(frame))) => {
                    if let Some(tap) = &self.options.tap {
                        tap.hear(&frame);
                    }
                    let at = self.moment();
                    self.session.received(at, &frame);
                    None
                }
                Some(Ok(WireMessage::Close(close))) => {
                    let reason = close.map_or_else(|| "closed".to_owned(), |close| close.to_string());
                    Some(lost(region, reason))
                }
                Some(Ok(_)) => None,
                Some(Err(error)) => Some(lost(region, error.to_string())),
                None => Some(lost(region, "the other side hung up".to_owned())),
            },
            () = due => {
                let at = self.moment();
                self.session.tick(at);
                None
            }
        }
    }

    /// Carries out what the session wants done on an open connection.
    async fn carry_out(&mut self, wire: &mut Wire, region: &Region) -> Option<Turn> {
        let effects: Vec<_> = self.session.drain().collect();
        for effect in effects {
            match effect {
                Effect::Send(frame) => {
                    let sent = timeout(WRITE_MAX, wire.send(WireMessage::text(frame))).await;
                    if !matches!(sent, Ok(Ok(()))) {
                        return Some(lost(region, "a frame could not be written".to_owned()));
                    }
                }
                Effect::Tell(event) => self.pass_on(event),
                Effect::Reconnect(reason) => {
                    if reason == Reconnect::Bye("shutdown".to_owned()) {
                        // A region that shuts down is one to leave; other reasons are about this client.
                        self.next = (self.next + 1) % self.options.endpoints.len();
                    }
                    farewell(wire).await;
                    return Some(lost(region, format!("{reason:?}")));
                }
                Effect::End => return Some(Turn::Stop),
            }
        }
        None
    }

    /// Does what the application wants; a turn, if that ends the present connection.
    fn obey(&mut self, command: Option<Command>) -> Option<Turn> {
        let now = self.clock.now();
        match command {
            Some(Command::Subscribe(channel, start, entry)) => {
                let entered = self.session.is_entered(&channel);
                self.session.subscribe(now, &channel, start);
                if entered {
                    // Whoever asked may wait no more.
                    entry.send(Ok(())).ok();
                } else {
                    self.waiters.await_entry(channel, entry);
                }
                None
            }
            Some(Command::Unsubscribe(channel, exit)) => {
                if self.session.is_known(&channel) {
                    self.waiters.await_exit(channel.clone(), exit);
                    self.session.unsubscribe(now, &channel);
                } else {
                    // Whoever asked may wait no more.
                    exit.send(Ok(())).ok();
                }
                None
            }
            Some(Command::Ask(ask)) => {
                self.ask(ask);
                None
            }
            Some(Command::Connect(region)) => self.turn_to(region.as_ref()),
            Some(Command::Drop) => self.connected.then_some(Turn::Now),
            Some(Command::Disconnect) => Some(Turn::Stay),
            Some(Command::Close) | None => Some(Turn::Stop),
        }
    }

    fn turn_to(&mut self, region: Option<&Region>) -> Option<Turn> {
        let here = self.options.endpoints.get(self.next).map(|endpoint| &endpoint.region);
        let stay = self.connected && (region.is_none() || region == here);
        if let Some(next) = self.options.endpoints.iter().position(|at| Some(&at.region) == region) {
            self.next = next;
        }
        (!stay).then_some(Turn::Now)
    }

    fn ask(&mut self, Ask { what, answer }: Ask) {
        if answer.is_closed() {
            return;
        }
        if self.connected {
            let request = what.ask(&mut self.session, self.clock.now());
            self.waiters.await_reply(request, answer);
        } else {
            self.waiters.park(Ask { what, answer });
        }
    }

    /// Without a connection the session only has things to tell.
    fn pass_on_events(&mut self) {
        let effects: Vec<_> = self.session.drain().collect();
        for effect in effects {
            if let Effect::Tell(event) = effect {
                self.pass_on(event);
            }
        }
    }

    fn pass_on(&mut self, event: Event) {
        if let Some(event) = self.waiters.answer(event) {
            self.outbox.push(event);
        }
    }

    fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), jitter: rand::random() }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

async fn farewell(wire: &mut Wire) {
    // The connection is given up either way.
    timeout(FAREWELL_MAX, wire.close(None)).await.ok();
}

fn lost(region: &Region, reason: String) -> Turn {
    Turn::Retry(Lost::Ended { region: region.clone(), reason })
}
