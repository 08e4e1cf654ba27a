//! Drives a machine: carries out its instructions over real connections, and tells it what happens.
//!
//! It decides nothing (`machine`). While events wait for the application no news of the connections are taken,
//! so a slow application is a slow client, as the service must see it.

use std::collections::BTreeMap;
use std::future::pending;

use sorl_core::names::ChannelName;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::clock::Clock;
use super::command::Command;
use super::dial::DialFault;
use super::nearest::nearest_first;
use super::options::{Options, Tap, TokenProvider};
use super::outbox::Outbox;
use super::waiters::Waiters;
use super::wire::{Dialled, Ears, News, Wire};
use crate::machine::{Instruction, Machine, Members, Number, Status};
use crate::session::{Event, Moment};

/// News that wait for the driver: more than there are connections, since each holds a place while it reads.
const NEWS_MAX: usize = 8;

/// The one task of a client that knows anything.
pub(super) struct Driver {
    machine: Machine,
    clock: Clock,
    tokens: TokenProvider,
    tap: Option<Tap>,
    waiters: Waiters,
    commands: mpsc::Receiver<Command>,
    outbox: Outbox,
    lists: BTreeMap<ChannelName, watch::Sender<Members>>,
    status: watch::Sender<Status>,
    wires: BTreeMap<Number, Wire>,
    tasks: JoinSet<()>,
    ears: Ears,
    dialled: mpsc::UnboundedReceiver<Dialled>,
    news: mpsc::Receiver<(Number, News)>,
    ended: bool,
}

/// Runs a client until it ends.
pub(super) async fn run(
    options: Options,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    status: watch::Sender<Status>,
) {
    let Options { endpoints, region, token, queue_max, tap, .. } = options;
    let endpoints = if region.is_none() { nearest_first(endpoints).await } else { endpoints };
    let (news_ear, news) = mpsc::channel(NEWS_MAX);
    // One at a time is on its way.
    let (dialled_ear, dialled) = mpsc::unbounded_channel();
    let driver = Driver {
        machine: Machine::new(endpoints, region.as_ref(), queue_max),
        clock: Clock::start(),
        tokens: token,
        tap,
        waiters: Waiters::default(),
        commands,
        outbox: Outbox::new(events),
        lists: BTreeMap::new(),
        status,
        wires: BTreeMap::new(),
        tasks: JoinSet::new(),
        ears: Ears { dialled: dialled_ear, news: news_ear },
        dialled,
        news,
        ended: false,
    };
    driver.run().await;
}

impl Driver {
    async fn run(mut self) {
        let at = self.moment();
        self.machine.connect(at);
        loop {
            self.carry_out();
            if self.ended {
                break;
            }
            self.attend().await;
        }
        // Those that were told to close do so.
        self.wires.clear();
        drop(self.news);
        while self.tasks.join_next().await.is_some() {}
        self.status.send_replace(Status::Closed);
        self.outbox.finish().await;
    }

    /// One thing that happens.
    async fn attend(&mut self) {
        let due = until(self.machine.next_due().map(|due| self.clock.instant(due)));
        let may_hear = self.outbox.is_empty();
        tokio::select! {
            command = self.commands.recv() => self.obey(command.unwrap_or(Command::Close)),
            () = self.outbox.hand_over() => {}
            Some((number, outcome)) = self.dialled.recv() => self.answered(number, outcome),
            Some((number, news)) = self.news.recv(), if may_hear => self.hear(number, news),
            Some(_) = self.tasks.join_next() => {}
            () = due => {
                let at = self.moment();
                self.machine.tick(at);
            }
        }
    }

    /// An attempt came to its end.
    fn answered(&mut self, number: Number, outcome: Result<String, DialFault>) {
        let at = self.moment();
        match outcome {
            Ok(token) => self.machine.opened(at, number, &token),
            Err(fault) => {
                self.wires.remove(&number);
                self.machine.failed(at, number, fault);
            }
        }
    }

    fn hear(&mut self, number: Number, news: News) {
        // A connection opens before it says anything.
        while let Ok((number, outcome)) = self.dialled.try_recv() {
            self.answered(number, outcome);
        }
        let at = self.moment();
        match news {
            News::Frame(frame) => {
                if let Some(tap) = &self.tap {
                    tap.hear(&frame);
                }
                self.machine.received(at, number, &frame);
            }
            News::Ended(reason) => {
                self.wires.remove(&number);
                self.machine.ended(at, number, reason);
            }
        }
    }

    /// Does what the application wants.
    fn obey(&mut self, command: Command) {
        let at = self.moment();
        match command {
            Command::Subscribe(channel, subscription, entry) => {
                let entered = self.machine.session().is_entered(&channel);
                self.machine.subscribe(at, &channel, subscription);
                if entered {
                    // Whoever asked may wait no more.
                    entry.send(Ok(())).ok();
                } else {
                    self.waiters.await_entry(channel, entry);
                }
            }
            Command::Unsubscribe(channel, exit) => {
                if self.machine.session().is_known(&channel) {
                    self.waiters.await_exit(channel.clone(), exit);
                    self.machine.unsubscribe(at, &channel);
                } else {
                    // Whoever asked may wait no more.
                    exit.send(Ok(())).ok();
                }
            }
            Command::Publish(outgoing, answer) => {
                let ticket = self.machine.publish(at, outgoing);
                self.waiters.await_answer(ticket, answer);
            }
            Command::Ask(what, answer) => {
                if !answer.is_closed() {
                    let ticket = self.machine.ask(at, what);
                    self.waiters.await_answer(ticket, answer);
                }
            }
            Command::Members(channel, answer) => {
                // Whoever asked may wait no more.
                answer.send(self.list(channel)).ok();
            }
            Command::Connect(None) => self.machine.connect(at),
            Command::Connect(Some(region)) => self.machine.use_region(at, &region),
            Command::Wake => self.machine.wake(at),
            Command::Cut => self.machine.cut(at),
            Command::Disconnect => self.machine.disconnect(at),
            Command::Close => self.machine.close(at),
        }
    }

    fn carry_out(&mut self) {
        for instruction in self.machine.drain() {
            match instruction {
                Instruction::Dial { connection, endpoint } => {
                    let (tokens, ears) = (self.tokens.clone(), self.ears.clone());
                    let wire = Wire::dial(connection, endpoint, tokens, ears, &mut self.tasks);
                    self.wires.insert(connection, wire);
                }
                Instruction::Send { connection, frame } => {
                    if let Some(wire) = self.wires.get(&connection) {
                        wire.write(frame);
                    }
                }
                Instruction::Close(connection) => {
                    if let Some(wire) = self.wires.remove(&connection) {
                        wire.close();
                    }
                }
                Instruction::Cut(connection) => drop(self.wires.remove(&connection)),
                Instruction::Tell(event) => {
                    if let Event::Unsubscribed { channel, .. } = &event {
                        self.lists.remove(channel);
                    }
                    self.waiters.tell(&event);
                    self.outbox.push(event);
                }
                Instruction::Answer(ticket, outcome) => self.waiters.answer(ticket, outcome),
                Instruction::Show(channel, members) => self.show(&channel, members),
                // Told when the connections are gone.
                Instruction::Be(Status::Closed) => self.ended = true,
                Instruction::Be(status) => drop(self.status.send_replace(status)),
            }
        }
    }

    /// The list of who is in a channel, kept as long as somebody looks at it.
    fn list(&mut self, channel: ChannelName) -> watch::Receiver<Members> {
        if let Some(list) = self.lists.get(&channel).filter(|list| !list.is_closed()) {
            return list.subscribe();
        }
        let at = self.moment();
        self.machine.keep_members(at, &channel);
        let (list, looking) = watch::channel(Members::default());
        self.lists.insert(channel, list);
        looking
    }

    fn show(&mut self, channel: &ChannelName, members: Members) {
        let unseen = self.lists.get(channel).is_none_or(|list| list.send(members).is_err());
        if unseen {
            self.lists.remove(channel);
            self.machine.ignore_members(channel);
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
