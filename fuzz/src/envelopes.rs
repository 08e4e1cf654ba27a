//! What comes out of the queues: notifications of each topic, and slices. What is read can be written and read again,
//! nobody from outside is verified, and a reason never quotes what it is about.

use sorl_core::envelope::{Control, Notification, Poison, Relayed, Slice, Topic, TopicArn, read_external};
use sorl_core::limits::{MESSAGE_LEN_MAX, SHUTDOWN_CONNECTIONS_MAX};
use sorl_core::message::Message;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::time::Timestamp;

/// What stands for a message's content: no reason may have it.
const SECRET: &str = "S3cr3t";

/// Holds for every body of a record.
pub fn hold(bytes: &[u8]) {
    let Ok(body) = std::str::from_utf8(bytes) else { return };
    match Notification::parse(body, "dev") {
        Ok(notification) => notified(&notification),
        Err(poison) => assert!(!poison.reason.is_empty()),
    }
    // And what a notification would bring, without the luck of writing its envelope.
    for channel in [None, Some("room:1"), Some(body)] {
        external(&notification(body, channel));
    }
    relayed(body);
    ordered(body);
    sliced(body);
}

fn notification(message: &str, channel: Option<&str>) -> Notification {
    Notification {
        message_id: "6f1c2b6e-0000-5000-8000-000000000000".to_owned(),
        topic: TopicArn::parse("arn:aws:sns:eu-north-1:000000000000:sorl-dev-messages").expect("an ARN"),
        at: Timestamp::from_millis(1_764_000_000_000),
        message: message.to_owned(),
        channel: channel.map(str::to_owned),
    }
}

fn notified(notification: &Notification) {
    assert_eq!(notification.topic.stage, "dev", "of this stage");
    assert_eq!(TopicArn::parse(&notification.topic.to_string()).as_ref(), Some(&notification.topic));
    match notification.topic.topic {
        Topic::Messages => external(notification),
        Topic::Relay => relayed(&notification.message),
        Topic::Control => ordered(&notification.message),
    }
}

fn external(notification: &Notification) {
    let (message, ephemeral) = match read_external(notification) {
        Ok(read) => read,
        Err(poison) => return reason(&poison),
    };
    assert_ne!(message.verified, Some(true), "nobody outside is verified");
    assert_eq!(message.user.is_some(), message.verified.is_some());
    assert_eq!(&message.region, &notification.topic.region);
    assert!(message.to_json().len() <= MESSAGE_LEN_MAX);
    well_named(&message);
    if let Some(channel) = &notification.channel {
        assert_eq!(message.channel.as_str(), channel, "the attribute wins");
    }
    let (again, ephemeral_again) = read_external(notification).expect("it was read before");
    assert_eq!(
        (again.to_json(), ephemeral_again),
        (message.to_json(), ephemeral),
        "the same in every region"
    );
}

fn well_named(message: &Message) {
    assert_eq!(ChannelName::parse(message.channel.as_str()).as_ref(), Ok(&message.channel));
    let user = message.user.as_ref().map(|user| UserName::parse(user.as_str()));
    assert!(user.is_none_or(|user| user.is_ok()));
    assert_eq!(message.at(), message.id.time(), "the id says when");
    let again: Message = serde_json::from_str(&message.to_json()).expect("a message can be read");
    assert_eq!(again.to_json(), message.to_json());
}

fn relayed(text: &str) {
    match Relayed::parse(text) {
        Ok(read) => {
            let written = read.to_json();
            assert_eq!(Relayed::parse(&written).expect("it was written here").to_json(), written);
            if let Relayed::Message { message, .. } = &read {
                well_named(message);
            }
        }
        Err(poison) => reason(&poison),
    }
}

fn ordered(text: &str) {
    match Control::parse(text) {
        Ok(Control::PutOut(order)) => assert!(order.channel.is_none_or(|channel| !channel.is_personal())),
        Ok(Control::Shutdown(order)) => assert!(order.connections.len() <= SHUTDOWN_CONNECTIONS_MAX),
        Err(poison) => reason(&poison),
    }
}

fn sliced(text: &str) {
    match Slice::parse(text) {
        Ok(slice) => {
            assert!(!slice.connections.is_empty() || slice.rest.is_some(), "it is owed to somebody");
            slice.messages.iter().for_each(|owed| well_named(&owed.message));
            let written = slice.to_json();
            assert_eq!(Slice::parse(&written).expect("it was written here").to_json(), written);
        }
        Err(poison) => reason(&poison),
    }
}

fn reason(poison: &Poison) {
    assert!(!poison.reason.is_empty() && poison.reason.len() < 400, "{poison}");
    assert!(!poison.reason.contains(SECRET), "a reason quotes what it is about: {poison}");
}
