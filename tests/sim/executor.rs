//! The scheduler: every task of a run on one thread, in simulated time.
//!
//! Not fair and not fast: whenever several tasks could go on, chance says which, so every interleaving at an
//! await is reachable from some seed. The invariant: time moves only when nobody can go on, and then to the
//! next thing that is due.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use sorl_core::ports::Clock;
use sorl_core::time::Timestamp;

use crate::chance::Chance;

/// Polls after which a run counts as one that never ends.
const POLLS_MAX: u64 = 20_000_000;

/// A task's number.
pub(crate) type TaskId = u64;
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What tasks see of the scheduler: the time, and how to start others. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Timeline(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
}

struct State {
    now: Timestamp,
    next_id: u64,
    timers: BTreeMap<(Timestamp, u64), Waker>,
    ready: BTreeSet<TaskId>,
    started: Vec<(TaskId, Task)>,
    killed: Vec<TaskId>,
}

impl Timeline {
    fn new(start: Timestamp) -> Self {
        let state = State {
            now: start,
            next_id: 0,
            timers: BTreeMap::new(),
            ready: BTreeSet::new(),
            started: Vec::new(),
            killed: Vec::new(),
        };
        Self(Arc::new(Shared { state: Mutex::new(state) }))
    }

    /// Starts a task.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> TaskId {
        let mut state = self.0.state.lock();
        let id = state.next_id();
        state.started.push((id, Box::pin(task)));
        id
    }

    /// Ends a task at the await where it stands.
    pub(crate) fn kill(&self, task: TaskId) {
        self.0.state.lock().killed.push(task);
    }

    /// Waits.
    pub(crate) fn sleep(&self, rest: Duration) -> Sleep {
        self.sleep_until(self.now().plus(rest))
    }

    /// Waits until a point in time.
    pub(crate) fn sleep_until(&self, due: Timestamp) -> Sleep {
        Sleep { timeline: self.clone(), due, timer: None }
    }
}

impl Clock for Timeline {
    fn now(&self) -> Timestamp {
        self.0.state.lock().now
    }
}

impl State {
    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

struct TaskWaker {
    task: TaskId,
    timeline: Timeline,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.timeline.0.state.lock().ready.insert(self.task);
    }
}

/// A wait in simulated time.
pub(crate) struct Sleep {
    timeline: Timeline,
    due: Timestamp,
    timer: Option<(Timestamp, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let shared = Arc::clone(&self.timeline.0);
        let mut state = shared.state.lock();
        if state.now >= self.due {
            return Poll::Ready(());
        }
        let due = self.due;
        let timer = *self.timer.get_or_insert_with(|| (due, state.next_id()));
        state.timers.insert(timer, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            let waker = self.timeline.0.state.lock().timers.remove(&timer);
            // Dropped outside the lock: it may be the last hold on a task that sleeps itself.
            drop(waker);
        }
    }
}

/// Owns the tasks and runs them.
pub(crate) struct Executor {
    timeline: Timeline,
    tasks: BTreeMap<TaskId, (Task, Waker)>,
    chance: Chance,
    polls: u64,
}

impl Executor {
    /// No tasks, at `start`.
    pub(crate) fn new(start: Timestamp, chance: Chance) -> Self {
        Self { timeline: Timeline::new(start), tasks: BTreeMap::new(), chance, polls: 0 }
    }

    /// For the tasks.
    pub(crate) fn timeline(&self) -> Timeline {
        self.timeline.clone()
    }

    /// Runs until `done` has a value, looked at whenever time is about to move; none if it has none by `end`.
    pub(crate) fn run<T>(&mut self, end: Timestamp, mut done: impl FnMut() -> Option<T>) -> Option<T> {
        loop {
            self.run_ready();
            if let Some(value) = done() {
                return Some(value);
            }
            if self.polls > POLLS_MAX || !self.advance(end) {
                return None;
            }
        }
    }

    fn run_ready(&mut self) {
        loop {
            self.adopt();
            let Some(task) = self.choose() else { return };
            self.poll(task);
        }
    }

    fn adopt(&mut self) {
        let (started, killed) = {
            let mut state = self.timeline.0.state.lock();
            (std::mem::take(&mut state.started), std::mem::take(&mut state.killed))
        };
        for (id, task) in started {
            let waker = Waker::from(Arc::new(TaskWaker { task: id, timeline: self.timeline.clone() }));
            self.tasks.insert(id, (task, waker));
            self.timeline.0.state.lock().ready.insert(id);
        }
        for id in killed {
            // What the dropped task held is dropped here, outside the lock.
            drop(self.tasks.remove(&id));
        }
    }

    fn choose(&self) -> Option<TaskId> {
        let mut state = self.timeline.0.state.lock();
        let nth = if state.ready.len() < 2 { 0 } else { self.chance.below(state.ready.len()) };
        let task = state.ready.iter().nth(nth).copied()?;
        state.ready.remove(&task);
        Some(task)
    }

    fn poll(&mut self, id: TaskId) {
        let Some((task, waker)) = self.tasks.get_mut(&id) else { return };
        self.polls += 1;
        if task.as_mut().poll(&mut Context::from_waker(waker)).is_ready() {
            self.tasks.remove(&id);
        }
    }

    /// Moves time to the next timer and wakes who waits for it; `false` if there is none before `end`.
    fn advance(&self, end: Timestamp) -> bool {
        let mut state = self.timeline.0.state.lock();
        let Some(((due, _), _)) = state.timers.first_key_value() else { return false };
        let due = *due;
        if due > end {
            state.now = end;
            return false;
        }
        state.now = due;
        let mut woken = Vec::new();
        while let Some(timer) = state.timers.first_entry()
            && timer.key().0 <= due
        {
            woken.push(timer.remove());
        }
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        true
    }
}
