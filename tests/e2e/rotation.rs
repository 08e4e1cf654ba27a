//! Make before break, watched on the wire: connections are replaced while messages flow, and nobody notices.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt as _, pin_mut};
use sorl_client::{Client, Event, Events, Members, Past, Start, Status};
use sorl_core::names::ChannelName;
use sorl_tests::DEADLINE;
use sorl_tests::names::{room, unique};
use sorl_tests::stage::Stage;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::rust_client::{channel, client, name, next};
use crate::shared::stage;

/// Publishes 50 numbers a second until it is told to stop; then says how many.
async fn publish(stage: Stage, region: String, room: String, mut stop: oneshot::Receiver<()>) -> u64 {
    let mut sender = stage.somebody(&region).await;
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    for count in 0.. {
        tokio::select! {
            _ = &mut stop => return count,
            _ = beat.tick() => {}
        }
        sender.publish(&room, count).await;
    }
    unreachable!("it is told to stop before");
}

/// What the client was without a connection for.
fn watch_for_breaks(client: &Client) -> JoinHandle<Vec<String>> {
    let mut status = client.status();
    tokio::spawn(async move {
        let mut breaks = Vec::new();
        while status.changed().await.is_ok() {
            let status = status.borrow().clone();
            if !matches!(status, Status::Connected(_) | Status::Closed) {
                breaks.push(format!("{status:?}"));
            }
        }
        breaks
    })
}

/// How often each number was shown, by the event that is next.
fn count(shown: &mut BTreeMap<u64, usize>, event: &Event) {
    match event {
        Event::Message { message, .. } => {
            let number = message.data.get().parse().expect("a number");
            *shown.entry(number).or_default() += 1;
        }
        Event::Gap { channel } => panic!("a gap in {channel}"),
        _ => {}
    }
}

/// Listens until the channel was handed over, and so many numbers more were shown.
async fn handed_over(events: &mut Events, room: &ChannelName, shown: &mut BTreeMap<u64, usize>, more: usize) {
    let (mut recovered, enough) = (false, shown.len() + more);
    while !recovered || shown.len() < enough {
        let event = next(events).await;
        count(shown, &event);
        recovered |= matches!(&event, Event::Recovered { channel } if channel == room);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_rotations_under_50_messages_a_second_miss_nothing_and_double_nothing() {
    const ROTATIONS: usize = 100;
    /// Numbers between one rotation and the next, so that they meet all along.
    const APART: usize = 5;
    let stage = stage().await;
    let regions = stage.three().map(str::to_owned);
    let room = room();
    let (client, mut events) = client(&stage, &unique("alice"), &regions[0], 3600);
    let channel = channel(&room);
    client.subscribe(&channel, Start::Now).await.unwrap();
    let breaks = watch_for_breaks(&client);
    let (stop, stopped) = oneshot::channel();
    let sender = tokio::spawn(publish(stage.clone(), regions[1].clone(), room, stopped));

    let mut shown = BTreeMap::new();
    for region in regions.iter().cycle().skip(1).take(ROTATIONS) {
        client.use_region(&name(region)).await.unwrap();
        handed_over(&mut events, &channel, &mut shown, APART).await;
    }
    stop.send(()).unwrap();
    let sent = sender.await.unwrap();
    while shown.len() < usize::try_from(sent).unwrap() {
        count(&mut shown, &next(&mut events).await);
    }
    println!("{sent} messages over {ROTATIONS} rotations");
    assert!(shown.into_iter().eq((0..sent).map(|number| (number, 1))), "each number once");
    client.close().await;
    assert_eq!(breaks.await.unwrap(), Vec::<String>::new(), "there was a connection all the time");
}

#[tokio::test]
async fn the_past_is_read_over_all_its_pages_and_the_members_are_kept() {
    let stage = stage().await;
    let [here, there, _] = stage.three();
    let room = room();
    let mut sender = stage.member(there, &room).await;
    for number in 0..120 {
        sender.publish(&room, number).await;
    }
    let (client, _events) = client(&stage, &unique("alice"), here, 3600);
    let channel = channel(&room);
    let mut members = client.members(&channel).await.unwrap();
    client.subscribe(&channel, Start::Now).await.unwrap();
    let is_there = |list: &Members| list.users.keys().any(|user| user.as_str() == sender.user);
    let seen = tokio::time::timeout(DEADLINE, members.wait_for(is_there)).await;
    assert!(seen.expect("the sender is listed in time").is_ok());

    sorl_tests::eventually("this region has all of it", async || {
        let past = client.messages(&channel, Past::Latest);
        pin_mut!(past);
        let mut numbers = Vec::new();
        while let Some(message) = past.next().await {
            numbers.push(message.unwrap().data.get().parse::<u64>().expect("a number"));
        }
        numbers.iter().rev().copied().eq(0..120).then_some(())
    })
    .await;
}
