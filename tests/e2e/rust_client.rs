//! The Rust client against the real thing: what its user is promised, whatever happens to its connection.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use sorl_client::{Client, Endpoint, Event, Events, Options, Origin, Past, Start, Status, TokenProvider};
use sorl_core::ids::{MessageId, Tail};
use sorl_core::message::Message;
use sorl_core::names::ChannelName;
use sorl_core::region::Region;
use sorl_tests::DEADLINE;
use sorl_tests::names::{room, unique};
use sorl_tests::stage::Stage;

use crate::shared::stage;

/// A client that fetches a new token, living for so many seconds, for every connection.
pub(crate) fn client(stage: &Stage, user: &str, region: &str, ttl: i64) -> (Client, Events) {
    let endpoints =
        stage.regions.iter().map(|known| Endpoint { region: name(&known.region), url: known.url.clone() });
    let (stage, user) = (stage.clone(), user.to_owned());
    let tokens = TokenProvider::new(move || {
        let (stage, user) = (stage.clone(), user.clone());
        async move { Ok(stage.mint(&user, None, ttl).await) }
    });
    let endpoints: Vec<_> = endpoints.collect();
    Client::start(Options::new(endpoints, tokens).in_region(name(region)))
}

pub(crate) fn name(region: &str) -> Region {
    Region::parse(region).unwrap()
}

pub(crate) fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).unwrap()
}

pub(crate) async fn next(events: &mut Events) -> Event {
    let next = tokio::time::timeout(DEADLINE, events.next()).await.expect("an event in time");
    next.expect("the client goes on")
}

/// So many messages; a gap on the way is a fault, and so is a message that was shown before.
async fn messages(events: &mut Events, count: usize) -> Vec<(Message, Origin)> {
    let mut shown: BTreeSet<Tail> = BTreeSet::new();
    let mut messages = Vec::new();
    while messages.len() < count {
        match next(events).await {
            Event::Message { message, origin } => {
                assert!(shown.insert(message.id.tail()), "{} was shown twice", message.id);
                messages.push((message, origin));
            }
            Event::Gap { channel } => panic!("a gap in {channel}"),
            _ => {}
        }
    }
    messages
}

fn data(messages: &[(Message, Origin)]) -> BTreeSet<u64> {
    messages.iter().map(|(message, _)| message.data.get().parse().expect("a number")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_connection_drops_again_and_again_shows_every_message_once() {
    const COUNT: u64 = 300;
    let stage = stage().await;
    let regions = stage.three().map(str::to_owned);
    let name_of_channel = room();
    let (client, mut events) = client(&stage, &unique("alice"), &regions[0], 3600);
    client.subscribe(&channel(&name_of_channel), Start::Now).await.unwrap();

    let mut sender = stage.somebody(&regions[1]).await;
    let restless = client.clone();
    let sending = tokio::spawn(async move {
        for n in 0..COUNT {
            sender.publish(&name_of_channel, n).await;
            if n % 20 == 7 {
                restless.drop_connection().await.unwrap();
            }
            if n % 50 == 31 {
                restless.use_region(&name(&regions[usize::try_from(n).unwrap() / 50 % 3])).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let seen = messages(&mut events, usize::try_from(COUNT).unwrap()).await;
    assert_eq!(data(&seen), (0..COUNT).collect());
    sending.await.unwrap();
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_away_for_1000_messages_gets_them_in_another_region_in_id_order() {
    let stage = stage().await;
    let [here, there, elsewhere] = stage.three();
    let name_of_channel = room();
    let (client, mut events) = client(&stage, &unique("alice"), here, 3600);
    client.subscribe(&channel(&name_of_channel), Start::Now).await.unwrap();
    client.disconnect().await.unwrap();
    let mut sender = stage.member(elsewhere, &name_of_channel).await;
    for n in 0..1_000 {
        sender.request(json!({"action": "publish", "channel": name_of_channel, "data": n})).await;
    }
    sender.live(&name_of_channel, 1_000).await;
    client.use_region(&name(there)).await.unwrap();
    let seen = messages(&mut events, 1_000).await;
    assert_eq!(data(&seen), (0..1_000).collect());
    let recovered: Vec<MessageId> = seen
        .iter()
        .filter(|(_, origin)| *origin == Origin::Recovered)
        .map(|(message, _)| message.id)
        .collect();
    assert!(recovered.is_sorted() && recovered.len() > 900, "{} were recovered", recovered.len());
    assert_eq!(client.connected().await.unwrap(), name(there));

    let page = client.history(&channel(&name_of_channel), Past::Latest, Some(10)).await.unwrap();
    assert_eq!((page.messages.len(), page.more), (10, true));
    let wanted = channel(&name_of_channel);
    sorl_tests::eventually("the sender is seen from here", async || {
        let presence = client.presence(&wanted).await.unwrap();
        presence.members.iter().any(|member| member.user.as_str() == sender.user).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_client_outlives_its_tokens() {
    let stage = stage().await;
    let [here, there, _] = stage.three();
    let name_of_channel = room();
    let (client, mut events) = client(&stage, &unique("alice"), here, 2);
    client.subscribe(&channel(&name_of_channel), Start::Now).await.unwrap();
    let mut sender = stage.somebody(there).await;
    // Three lives of a token; the client notices when it is told, at the latest when it asks.
    for n in 0..12_u64 {
        sender.publish(&name_of_channel, n).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        client.ping().await.ok();
    }
    assert_eq!(data(&messages(&mut events, 12).await), (0..12).collect());
}

#[tokio::test]
async fn a_kicked_client_does_not_come_back() {
    let stage = stage().await;
    let region = stage.three()[0];
    let user = unique("bob");
    let (client, mut events) = client(&stage, &user, region, 3600);
    client.subscribe(&channel(&room()), Start::Now).await.unwrap();
    stage.control(region, &json!({"control": "disconnect", "user": user})).await;
    loop {
        if let Event::Bye { code, reconnect } = next(&mut events).await {
            assert_eq!((code.as_str(), reconnect), ("kicked", false));
            break;
        }
    }
    let mut status = client.status();
    let ended = tokio::time::timeout(DEADLINE, status.wait_for(|status| matches!(status, Status::Closed)));
    assert!(ended.await.is_ok(), "a kicked client stays away");
}

#[tokio::test]
async fn a_channel_without_a_grant_is_refused_for_good() {
    let stage = stage().await;
    let (client, _events) = client(&stage, &unique("alice"), stage.three()[0], 3600);
    let refused = client.subscribe(&channel(&unique("unheard-of:test")), Start::Now).await.unwrap_err();
    assert!(refused.to_string().contains("forbidden"), "{refused}");
    client.subscribe(&channel(&room()), Start::Now).await.unwrap();
}
