//! What a user does all day, drawn from the seed: comes in, talks, gets lost, comes back elsewhere.

use std::time::Duration;

use sorl_client::session::Start;
use sorl_core::names::ChannelName;
use sorl_core::ports::Clock;
use sorl_core::time::Timestamp;

use super::{Act, Handle, Loss};
use crate::chance::Chance;
use crate::executor::Timeline;
use crate::users::{Badge, CHANNELS, VAULT, user_of};

/// Lives until `end`, doing something about every `pace`.
pub(crate) async fn live(client: Handle, timeline: Timeline, chance: Chance, pace: Duration, end: Timestamp) {
    settle_in(&client, &chance);
    let pace = u64::try_from(pace.as_millis()).unwrap_or(1).max(1);
    loop {
        timeline.sleep(chance.millis(1, 2 * pace)).await;
        if timeline.now() >= end {
            return;
        }
        let act = draw(client.number, &chance);
        let undone = undo(&act);
        client.tell(act);
        if let Some(undone) = undone {
            // For a while: from seconds to most of a short run.
            let rest = chance.millis(500, chance.pick(&[5_000, 60_000, 200_000]).copied().unwrap_or(5_000));
            timeline.sleep(rest).await;
            client.tell(undone);
        }
    }
}

fn settle_in(client: &Handle, chance: &Chance) {
    for channel in CHANNELS {
        if let Some(channel) = name(channel).filter(|_| chance.happens(0.6)) {
            client.tell(Act::Enter(channel, start(chance)));
        }
    }
}

fn start(chance: &Chance) -> Start {
    if chance.happens(0.2) { Start::Rewind(10) } else { Start::Now }
}

fn draw(client: usize, chance: &Chance) -> Act {
    match chance.below(100) {
        0..42 => publish(client, chance),
        42..48 => Act::Lose(Loss::Clean),
        48..54 => Act::Lose(Loss::Vanished),
        54..58 => Act::Lose(Loss::Silent),
        58..61 => Act::Move,
        61..65 => Act::Rotate,
        65..71 => Act::SetReading(false),
        71..76 => Act::SetAway(true),
        76..81 => channel(client, chance).map_or(Act::Wake, Act::Leave),
        81..88 => channel(client, chance).map_or(Act::Wake, |channel| Act::Enter(channel, start(chance))),
        88..93 => channel(client, chance).map_or(Act::Wake, Act::Read),
        93..96 => channel(client, chance).map_or(Act::Wake, Act::LookAround),
        96..98 => Act::Renew(chance.pick(&[20, 60, 200]).copied().unwrap_or(60)),
        98 => Act::Wear(
            chance
                .pick(&[Badge::Plain, Badge::Plain, Badge::Listener, Badge::Hallway])
                .copied()
                .unwrap_or(Badge::Plain),
        ),
        _ => Act::Wake,
    }
}

/// What ends an act that lasts.
fn undo(act: &Act) -> Option<Act> {
    match act {
        Act::SetReading(false) => Some(Act::SetReading(true)),
        Act::SetAway(true) => Some(Act::SetAway(false)),
        _ => None,
    }
}

fn publish(client: usize, chance: &Chance) -> Act {
    let keyed = chance.happens(0.6);
    let ephemeral = chance.happens(0.1);
    match channel(client, chance) {
        Some(channel) => Act::Publish { channel, keyed, ephemeral },
        None => Act::Wake,
    }
}

/// Mostly a common channel; now and then a personal one, or one that nobody may touch.
fn channel(client: usize, chance: &Chance) -> Option<ChannelName> {
    match chance.below(20) {
        0 => name(VAULT),
        1 => name(&format!("@{}", user_of(chance.below(crate::users::CLIENTS)))),
        2 => name(&format!("@{}", user_of(client))),
        _ => name(chance.pick(&CHANNELS)?),
    }
}

fn name(text: &str) -> Option<ChannelName> {
    ChannelName::parse(text).ok()
}
