//! Grants against a plain model, over every case of a small world: every action, every namespace, every pattern,
//! personal channels included. The model is written from the protocol's words and shares no code with what it judges.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use futures::executor::block_on;
use serde_json::{Value, json};
use sorl_core::authorize::{Caller, Principal};
use sorl_core::command::{Ports, command};
use sorl_core::config::{Config, Site};
use sorl_core::error::ErrorCode;
use sorl_core::grants::{Grants, Right, Rights, rights};
use sorl_core::ids::ConnectionId;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::region::Region;

use crate::stubs::{NOW, Nothing};

const RIGHTS: [&str; 4] = ["subscribe", "publish", "history", "presence"];

/// What a token may do on a channel, in the protocol's words: `claim` is the token's, `defaults` the namespace's.
fn model(
    user: &str,
    claim: Option<&[(String, Vec<&str>)]>,
    defaults: &[&str],
    channel: &str,
) -> BTreeSet<String> {
    let granted = |right: &str| match claim {
        Some(patterns) => patterns.iter().any(|(pattern, names)| {
            let is_prefix = pattern.ends_with('*');
            let prefix = &pattern[..pattern.len() - usize::from(is_prefix)];
            let fits = if is_prefix { channel.starts_with(prefix) } else { channel == prefix };
            fits && (names.contains(&right) || names.contains(&"*"))
        }),
        None => defaults.contains(&right),
    };
    let is_own = channel == format!("@{user}");
    let may = |right: &str| match (channel.starts_with('@'), right) {
        (true, "subscribe" | "history") => is_own,
        _ => granted(right),
    };
    RIGHTS.into_iter().filter(|right| may(right)).map(str::to_owned).collect()
}

fn names(rights: Rights) -> BTreeSet<String> {
    let held = Right::ALL.into_iter().filter(|right| rights.has(*right));
    held.map(|right| right.as_str().to_owned()).collect()
}

/// Every text of these characters, from the shortest on.
fn texts(alphabet: &str, lengths: std::ops::RangeInclusive<usize>) -> Vec<String> {
    let longer = |shorter: &Vec<String>| -> Vec<String> {
        shorter.iter().flat_map(|text| alphabet.chars().map(move |c| format!("{text}{c}"))).collect()
    };
    let all = std::iter::successors(Some(vec![String::new()]), |shorter| Some(longer(shorter)));
    all.take(lengths.end() + 1).skip(*lengths.start()).flatten().collect()
}

fn grants(patterns: &[(String, Vec<&str>)]) -> Grants {
    let claim: serde_json::Map<_, _> = patterns.iter().map(|(p, names)| (p.clone(), json!(names))).collect();
    serde_json::from_value(Value::Object(claim)).unwrap()
}

#[test]
fn every_pattern_on_every_channel_gives_what_the_model_says() {
    let channels = texts("ab:@", 1..=3);
    let mut judged = 0_u32;
    for pattern in texts("ab:@*", 0..=3) {
        for names_of in
            [vec!["subscribe"], vec!["publish", "presence"], vec!["*"], vec!["fly", "PUBLISH"], vec![]]
        {
            let claim = [(pattern.clone(), names_of)];
            let read = grants(&claim);
            for channel in &channels {
                let parsed = ChannelName::parse(channel).unwrap();
                for user in ["a", "b", "@a", "a:b"] {
                    let name = UserName::parse(user).unwrap();
                    let held = names(rights(&name, Some(&read), Rights::ALL, &parsed));
                    assert_eq!(
                        held,
                        model(user, Some(&claim), &RIGHTS, channel),
                        "{user} {claim:?} {channel}"
                    );
                    judged += 1;
                }
            }
        }
    }
    assert_eq!(judged, 156 * 5 * 84 * 4, "every case");
}

#[test]
fn patterns_add_up_and_never_take_away() {
    let (patterns, channels) = (texts("a:@*", 0..=2), texts("a:@", 1..=2));
    for one in &patterns {
        for two in &patterns {
            let claim = [(one.clone(), vec!["history"]), (two.clone(), vec!["subscribe", "publish"])];
            // A pattern stands once in an object: the latter of two is all there is.
            let claim = if one == two { &claim[1..] } else { &claim[..] };
            let read = grants(claim);
            for channel in &channels {
                let (alice, parsed) = (UserName::parse("a").unwrap(), ChannelName::parse(channel).unwrap());
                let held = names(rights(&alice, Some(&read), Rights::NONE, &parsed));
                assert_eq!(held, model("a", Some(claim), &[], channel), "{claim:?} {channel}");
            }
        }
    }
}

/// A namespace for each set of default rights, and for personal channels one that grants everything.
static SITE: LazyLock<Site> = LazyLock::new(|| {
    let sections = (0..16_usize).map(|set| {
        let granted: Vec<_> = (0..4).filter(|at| set & (1 << at) != 0).map(|at| RIGHTS[at]).collect();
        format!("[namespaces.n{set}]\ngrants = {}\n", json!(granted))
    });
    let personal = "[namespaces.\"@\"]\ngrants = [\"*\"]\n".to_owned();
    let text: String = sections.chain([personal]).collect();
    Site { region: Region::parse("eu-north-1").unwrap(), config: Arc::new(Config::parse(&text).unwrap()) }
});

/// The actions that are carried out rather than forbidden.
fn allowed(user: &str, claim: Option<&[(String, Vec<&str>)]>, channel: &str) -> BTreeSet<String> {
    let principal = Principal {
        user: UserName::parse(user).unwrap(),
        grants: claim.map(grants),
        expires_at: NOW.plus(std::time::Duration::from_secs(60)),
    };
    let connection = ConnectionId::parse("L0SM9cOFvHcCIhw=").unwrap();
    let caller = Caller { connection, region: SITE.region.clone(), connected_at: NOW, principal };
    let ports = Nothing::default();
    let all = Ports { registry: &ports, log: &ports, bus: &ports, clock: &ports, entropy: &ports };
    let may = |action: &str| {
        let frame = json!({"id": 1, "action": action, "channel": channel, "data": 1}).to_string();
        let answer = block_on(command(&frame, &caller, all, &SITE));
        assert!(matches!(answer.error, None | Some(ErrorCode::Forbidden)), "{frame}: {}", answer.frame);
        answer.error.is_none()
    };
    let allowed: BTreeSet<_> = RIGHTS.into_iter().filter(|action| may(action)).map(str::to_owned).collect();
    let published = ports.published.lock().unwrap();
    assert!(
        published.is_empty() || allowed.contains("publish") || allowed.contains("subscribe"),
        "{published:?}"
    );
    allowed
}

#[test]
fn every_action_in_every_namespace_is_carried_out_where_the_model_allows_it_and_only_there() {
    let personal = ["@alice", "@bob", "@alice:x", "@"].map(str::to_owned);
    let shared = (0..16).map(|set| format!("n{set}:x"));
    for channel in shared.chain(personal).chain(["nowhere".to_owned(), "n3".to_owned()]) {
        let namespace =
            channel.split_once(':').and_then(|(name, _)| name.strip_prefix('n')?.parse::<u8>().ok());
        let defaults: Vec<_> = match namespace {
            Some(set) => (0..4).filter(|at| usize::from(set) & (1 << at) != 0).map(|at| RIGHTS[at]).collect(),
            None if channel.starts_with('@') => RIGHTS.to_vec(),
            None => Vec::new(),
        };
        assert_eq!(allowed("alice", None, &channel), model("alice", None, &defaults, &channel), "{channel}");
        for pattern in ["*", "n*", "@*", "@bob", "n1:*", "n1:x", "n1", "", "*x", "n**"] {
            for right in RIGHTS.into_iter().chain(["*"]) {
                let claim = [(pattern.to_owned(), vec![right])];
                let expected = model("alice", Some(&claim), &defaults, &channel);
                assert_eq!(allowed("alice", Some(&claim), &channel), expected, "{pattern} {right} {channel}");
            }
        }
    }
}
