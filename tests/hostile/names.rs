//! Names that pretend: look-alikes, control characters, paths, escapes and separators are no names, wherever they are
//! said; and no two names share a place.

use std::collections::BTreeMap;

use futures::executor::block_on;
use serde_json::{Value, json};
use sorl_core::authorize::{Caller, Principal};
use sorl_core::command::{Ports, command};
use sorl_core::config::{Config, Site};
use sorl_core::envelope::{Control, Notification, Relayed, Slice, TopicArn, read_external};
use sorl_core::error::ErrorCode;
use sorl_core::ids::ConnectionId;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;
use sorl_local::store::{Key, Tag};

use crate::stubs::{NOW, Nothing};

/// Each looks like a name, or like more than one.
const PRETENDERS: [&str; 34] = [
    "",
    " ",
    "room:1 ",
    " room:1",
    "room:1\n",
    "room:1\r\nroom:2",
    "room:1\0",
    "room:1\0room:2",
    "room\t1",
    "room:\u{7f}",
    "room:1#eu-north-1#0",
    "alice#eu-north-1#blocks",
    "#",
    "#epochs",
    "room:1#marks",
    "room:*",
    "*",
    "r\u{43e}\u{43e}m:1",
    "room\u{ff1a}1",
    "room\u{2024}1",
    "\u{ff20}alice",
    "room:1\u{200b}",
    "room:1\u{feff}",
    "\u{202e}1:moor",
    "roo\u{301}m:1",
    "room%3A1",
    "room:1%00",
    "..\\room",
    "room:1?token=x",
    "room:1&channel=room:2",
    "room:1;room:2",
    "room:1,room:2",
    "<script>",
    "\"room:1\"",
];

#[test]
fn of_all_characters_those_of_the_protocol_and_no_others_are_in_names() {
    for character in '\0'..=char::MAX {
        let is_one =
            matches!(character, 'A'..='Z' | 'a'..='z' | '0'..='9') || "_-.:@/=|+".contains(character);
        let text = character.to_string();
        assert_eq!(ChannelName::parse(&text).is_ok(), is_one, "{character:?}");
        assert_eq!(UserName::parse(&text).is_ok(), is_one, "{character:?}");
    }
}

/// A name of a path is a name like any other: nothing that Sorl does takes it for a path.
#[test]
fn paths_are_names_that_go_nowhere() {
    for path in ["../../etc/passwd", "/", "//", ".", "..", "room:../room:2", "@/../bob"] {
        let channel = ChannelName::parse(path).unwrap();
        assert_eq!(channel.as_str(), path, "as it was said");
        assert_eq!(channel.is_personal(), path.starts_with('@'));
        assert!(!channel.is_personal_of(&UserName::parse("bob").unwrap()));
    }
}

fn error(frame: &Value) -> Option<ErrorCode> {
    let config = Config::parse("[namespaces.default]\ngrants = [\"*\"]\n").unwrap();
    let site = Site { region: Region::parse("eu-north-1").unwrap(), config: config.into() };
    let principal = Principal {
        user: UserName::parse("alice").unwrap(),
        grants: Some(serde_json::from_value(json!({"*": ["*"]})).unwrap()),
        expires_at: NOW.plus(std::time::Duration::from_secs(60)),
    };
    let connection = ConnectionId::parse("L0SM9cOFvHcCIhw=").unwrap();
    let caller = Caller { connection, region: site.region.clone(), connected_at: NOW, principal };
    let ports = Nothing::default();
    let all = Ports { registry: &ports, log: &ports, bus: &ports, clock: &ports, entropy: &ports };
    let answer = block_on(command(&frame.to_string(), &caller, all, &site));
    assert!(ports.published.lock().unwrap().is_empty(), "{frame}");
    answer.error
}

#[test]
fn a_pretender_is_refused_in_every_frame_even_to_who_may_everything() {
    for name in PRETENDERS {
        for action in ["subscribe", "unsubscribe", "publish", "history", "presence"] {
            let frame = json!({"id": 1, "action": action, "channel": name, "data": 1});
            assert_eq!(error(&frame), Some(ErrorCode::BadRequest), "{action} {name:?}");
        }
        let region =
            json!({"id": 1, "action": "subscribe", "channel": "room:1", "region": format!("eu{name}#")});
        assert_eq!(error(&region), Some(ErrorCode::BadRequest), "{name:?}");
    }
}

#[test]
fn a_pretender_is_poison_in_every_envelope() {
    let topic = TopicArn::parse("arn:aws:sns:eu-north-1:000000000000:sorl-dev-messages").unwrap();
    let read = |message: String, channel: Option<&str>| {
        let (at, channel) = (Timestamp::from_millis(1), channel.map(str::to_owned));
        let notification =
            Notification { message_id: "m".to_owned(), topic: topic.clone(), at, message, channel };
        read_external(&notification)
    };
    let id = "019ab2c3-d400-7000-8000-000000000001";
    for name in PRETENDERS {
        assert!(read("text".to_owned(), Some(name)).is_err(), "attribute {name:?}");
        assert!(read(json!({"channel": name, "data": 1}).to_string(), None).is_err(), "{name:?}");
        assert!(
            read(json!({"channel": "room:1", "data": 1, "user": name}).to_string(), None).is_err(),
            "{name:?}"
        );
        for order in [
            json!({"control": "disconnect", "user": name}),
            json!({"control": "unsubscribe", "user": "bob", "channel": name}),
        ] {
            assert!(Control::parse(&order.to_string()).is_err(), "{order}");
        }
        let message = json!({"id": id, "channel": name, "data": 1, "region": "eu-north-1"});
        let relayed = json!({"v": 1, "message": message});
        assert!(Relayed::parse(&relayed.to_string()).is_err(), "{relayed}");
        let rest = json!({"channel": name, "shard": 0});
        let slice = json!({"v": 1, "messages": [], "rest": rest, "read_at": 1, "depth": 0});
        assert!(Slice::parse(&slice.to_string()).is_err(), "{slice}");
    }
}

/// Every name of these characters, which are the ones that keys might take for their own.
fn names() -> Vec<String> {
    let letters = ["a", "0", "-", ":", "@", "/"];
    let pairs = letters.iter().flat_map(|one| letters.iter().map(move |two| format!("{one}{two}")));
    let triples = pairs.clone().flat_map(|pair| letters.iter().map(move |one| format!("{pair}{one}")));
    letters.iter().map(|one| (*one).to_owned()).chain(pairs.clone()).chain(triples).collect()
}

#[test]
fn no_two_channels_share_a_key_of_the_embedded_store() {
    let mut owners = BTreeMap::new();
    for region in ["a", "a-0", "a0"] {
        for channel in names() {
            for tag in [Tag::Message, Tag::Mark, Tag::Block] {
                let key = Key::new(tag).text(region).text(&channel);
                let owner = (region, channel.clone(), tag as u8);
                let range = key.clone().children();
                let taken = owners.insert(Vec::from(key), owner.clone());
                assert_eq!(taken, None, "{owner:?}");
                assert!(range.start < range.end);
            }
        }
    }
    // No key lies within another's range: the rows of one channel are nobody else's.
    let keys: Vec<_> = owners.keys().collect();
    for pair in keys.windows(2) {
        assert!(!pair[1].starts_with(pair[0]), "{:?} {:?}", owners[pair[0]], owners[pair[1]]);
    }
}
