//! The keys of the connections table, over every case of a small world: no two rows share one.
//!
//! The world is made of the characters that a key might take for its own, and of regions and shards that run into
//! each other if they can.

use std::collections::BTreeMap;

use sorl_core::ids::ConnectionId;
use sorl_core::member::Partition;
use sorl_core::names::{ChannelName, UserName};
use sorl_core::region::Region;

use super::{blocks, counters, row};

fn names() -> Vec<String> {
    let letters = ["a", "0", "-", "@", "/"];
    let pairs = letters.iter().flat_map(|one| letters.iter().map(move |two| format!("{one}{two}")));
    let words = ["blocks", "rate", "a-0", "a/blocks"].map(str::to_owned);
    letters.iter().map(|one| (*one).to_owned()).chain(pairs.clone()).chain(words).collect()
}

fn regions() -> [Region; 6] {
    ["a", "a0", "a-0", "blocks", "rate", "b"].map(|name| Region::parse(name).unwrap())
}

#[test]
fn no_two_partitions_of_members_blocks_or_counters_share_a_key() {
    let mut owners = BTreeMap::new();
    let mut own = |key: String, owner: String| {
        let taken = owners.insert(key.clone(), owner.clone());
        assert_eq!(taken, None, "{owner} has the key {key}");
    };
    for region in regions() {
        for name in names() {
            for shard in [0, 1, 10, 11] {
                let channel = ChannelName::parse(&name).unwrap();
                let partition = Partition { channel, region: region.clone(), shard };
                own(row::partition(&partition), format!("{partition:?}"));
            }
            let user = UserName::parse(&name).unwrap();
            own(blocks::partition(&user, &region), format!("blocks of {user} in {region}"));
            own(counters::partition(&user, &region), format!("counters of {user} in {region}"));
        }
    }
}

#[test]
fn no_two_connections_share_a_key_of_the_index() {
    let mut owners = BTreeMap::new();
    for region in regions() {
        for id in ["a", "0", "-", "a-0", "0a", "/", "=", "+a"] {
            let id = ConnectionId::parse(id).unwrap();
            let taken = owners.insert(row::connection(&region, &id), (region.clone(), id.clone()));
            assert_eq!(taken, None, "{region} {id:?}");
        }
    }
}

#[test]
fn a_members_key_is_read_back_as_what_it_was_written_from() {
    for region in regions() {
        for name in names() {
            let channel = ChannelName::parse(&name).unwrap();
            let partition = Partition { channel, region: region.clone(), shard: 10 };
            let mut parts =
                row::partition(&partition).split('#').map(str::to_owned).collect::<Vec<_>>().into_iter();
            let read = (parts.next(), parts.next(), parts.next(), parts.next());
            let written = (Some(name), Some(region.to_string()), Some("10".to_owned()), None);
            assert_eq!(read, written, "a key falls apart in one way only");
        }
    }
}
