//! A region of a deployed stage drained by the command, under load. Alone, since everybody in it has to go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use sorl_client::{Client, Endpoint, Event, Events, Options, Start, TokenProvider};
use sorl_core::names::ChannelName;
use sorl_core::region::Region;
use sorl_tests::names::{room, unique};
use sorl_tests::program::{json as as_json, sorl_at};
use sorl_tests::stage::Stage;

use crate::shared::stage;

/// Who listens in the region, by a client that goes elsewhere when it is told to.
const LISTENERS: usize = 3;

#[tokio::test]
async fn the_clients_of_a_drained_region_go_on_elsewhere_and_miss_nothing() {
    let stage = stage().await;
    let [here, there, _] = stage.three();
    let channel = room();
    let mut listeners = Vec::new();
    for _ in 0..LISTENERS {
        listeners.push(listener(&stage, there, &channel).await);
    }
    // This one does not know what a `bye` is, so it has to be closed.
    let mut stubborn = stage.somebody(there).await;

    let is_over = Arc::new(AtomicBool::new(false));
    let publishing = tokio::spawn(publish(stage.clone(), here.to_owned(), channel, Arc::clone(&is_over)));
    let drained = as_json(&sorl_at(&stage, &["drain", there, "--rate", "20", "--json"]).await);
    is_over.store(true, Ordering::Relaxed);
    let sent = publishing.await.expect("every publish was accepted");

    assert!(drained["left"] == 0 && drained["closed"].as_u64() >= Some(1), "{drained}");
    assert!(drained["went"].as_u64() >= Some(LISTENERS as u64), "{drained}");
    stubborn.frame("a bye", |frame| frame["type"] == "bye" && frame["code"] == "shutdown").await;
    for (client, mut events) in listeners {
        assert_eq!(heard(&mut events, sent).await, (0..sent).collect::<Vec<_>>(), "each once");
        client.close().await;
    }
    println!("drain: {drained}, {sent} messages meanwhile");
}

/// A client in `region` that knows the others, and is a member of `channel`.
async fn listener(stage: &Stage, region: &str, channel: &str) -> (Client, Events) {
    let parse = |name: &str| Region::parse(name).expect("a region");
    let known = stage.regions.iter();
    let known = known.map(|at| Endpoint { region: parse(&at.region), url: at.url.clone() }).collect();
    let tokens = TokenProvider::fixed(stage.token(&unique("listener")).await);
    let (client, events) = Client::start(Options::new(known, tokens).in_region(parse(region)));
    let channel = ChannelName::parse(channel).expect("a channel");
    client.subscribe(&channel, Start::Now).await.expect("a member");
    (client, events)
}

/// Publishes numbers from 0 on until it is over, and a few more; how many.
async fn publish(stage: Stage, region: String, channel: String, is_over: Arc<AtomicBool>) -> u64 {
    let mut number = 0;
    let mut rest = 5;
    while rest > 0 {
        stage.publish(&region, &json!({"channel": channel, "data": number})).await;
        number += 1;
        rest -= u64::from(is_over.load(Ordering::Relaxed));
        // A pace, not a wait: the emulator has the same cores.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    number
}

/// The numbers that were shown until so many were, in ascending order; a gap ends the test.
async fn heard(events: &mut Events, wanted: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    while (numbers.len() as u64) < wanted {
        let next = tokio::time::timeout(sorl_tests::DEADLINE, events.next()).await;
        match next.unwrap_or_else(|_| panic!("of {wanted} only {numbers:?}")) {
            Some(Event::Message { message, .. }) => {
                let data: Value = serde_json::from_str(message.data.get()).expect("JSON");
                numbers.push(data.as_u64().expect("a number"));
            }
            Some(Event::Gap { .. }) => panic!("a gap after {numbers:?}"),
            Some(_) => {}
            None => panic!("the client ended after {numbers:?}"),
        }
    }
    numbers.sort_unstable();
    numbers
}
