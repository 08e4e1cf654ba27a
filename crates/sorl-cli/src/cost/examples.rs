//! Loads to begin with, each a set of flags: what is given on the command line goes before them.

use clap::ValueEnum;

/// A load to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Example {
    /// Rooms of 25, 10,000 users for eight hours a day, 40 messages each, joins and leaves told
    Chat,
    /// 100,000 in one channel for two hours, four times a month, a message a second, gathered for a second
    LiveEvent,
    /// 5,000 users for ten hours a day, 20 prices a second each, gathered for a second, nothing kept
    Ticker,
}

/// What an example says of the flags.
#[derive(Debug, Clone, Copy)]
pub(super) struct Defaults {
    pub(super) users: f64,
    pub(super) hours: f64,
    pub(super) active_hours: f64,
    pub(super) days: f64,
    pub(super) messages_per_day: f64,
    pub(super) from_clients: f64,
    pub(super) bytes: u64,
    pub(super) audience: f64,
    pub(super) channels: f64,
    pub(super) history: &'static str,
    pub(super) history_calls: f64,
    pub(super) presence_calls: f64,
    pub(super) join_leave: bool,
    pub(super) window: u16,
    pub(super) batch: u16,
    pub(super) live_concurrency: u32,
    pub(super) shards: u16,
}

impl Example {
    /// What it is made of.
    pub(super) const fn defaults(self) -> Defaults {
        match self {
            Self::Chat => CHAT,
            Self::LiveEvent => Defaults {
                users: 100_000.0,
                hours: 2.0,
                active_hours: 2.0,
                days: 4.0,
                messages_per_day: 7_200.0,
                from_clients: 0.0,
                audience: 100_000.0,
                history: "1h",
                history_calls: 0.0,
                presence_calls: 0.0,
                join_leave: false,
                window: 1,
                batch: 100,
                live_concurrency: 2,
                shards: 2,
                ..CHAT
            },
            Self::Ticker => Defaults {
                users: 5_000.0,
                hours: 10.0,
                active_hours: 10.0,
                days: 21.0,
                // 50 channels, two prices a second each; a user watches ten.
                messages_per_day: 3_600_000.0,
                from_clients: 0.0,
                bytes: 150,
                audience: 1_000.0,
                channels: 10.0,
                history: "0",
                history_calls: 0.0,
                presence_calls: 0.0,
                join_leave: false,
                window: 1,
                batch: 1_000,
                live_concurrency: 2,
                ..CHAT
            },
        }
    }
}

/// What holds where nothing is said.
const CHAT: Defaults = Defaults {
    users: 10_000.0,
    hours: 8.0,
    active_hours: 24.0,
    days: 30.0,
    messages_per_day: 400_000.0,
    from_clients: 1.0,
    bytes: 300,
    audience: 25.0,
    channels: 1.0,
    history: "24h",
    history_calls: 2.0,
    presence_calls: 2.0,
    join_leave: true,
    window: 0,
    batch: 10,
    live_concurrency: 10,
    shards: 1,
};
