//! What a registry promises.

use std::collections::BTreeSet;
use std::time::Duration;

use sorl_core::member::{Block, Member, MemberKey, Partition};
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::{Rate, Registry};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use crate::arm::{Arm, channel, connection, fresh_channel, fresh_user, in_time, member};
use crate::run;

/// Which of the two ways to read a partition.
#[derive(Clone, Copy)]
enum Read {
    Audience,
    Presence,
}

/// Everything in a partition, page by page; `between` happens after each page.
async fn all(
    registry: &dyn Registry,
    partition: &Partition,
    read: Read,
    mut between: impl AsyncFnMut(usize),
) -> Vec<Member> {
    let mut members = Vec::new();
    let mut after = None;
    for page_number in 0.. {
        let page = match read {
            Read::Audience => registry.audience(partition, after.as_ref()).await.unwrap(),
            Read::Presence => registry.presence(partition, after.as_ref()).await.unwrap(),
        };
        members.extend(page.members);
        between(page_number).await;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    members
}

async fn names(registry: &dyn Registry, partition: &Partition, read: Read) -> Vec<String> {
    let members = all(registry, partition, read, async |_| {}).await;
    members.into_iter().map(|member| member.key.connection.to_string()).collect()
}

fn block(user: &UserName, channel: Option<&ChannelName>, at: Timestamp, until: Timestamp) -> Block {
    Block { user: user.clone(), channel: channel.cloned(), until, at }
}

pub(crate) async fn put_is_read_at_once(arm: &dyn Arm) {
    let (here, room) = (arm.here(), fresh_channel());
    let registry = arm.registry(&here);
    let row = member(&room, &here, "one", arm.now());
    registry.put(&row).await.unwrap();
    assert_eq!(registry.get(&row.key).await.unwrap(), Some(row.clone()));
    let page = registry.audience(&row.key.partition, None).await.unwrap();
    assert_eq!((page.members, page.next), (vec![row], None));

    let user = fresh_user();
    let blocked = block(&user, Some(&room), arm.now(), arm.now().plus(Duration::from_secs(60)));
    registry.put_block(&here, &blocked).await.unwrap();
    assert_eq!(registry.blocks(&here, &user).await.unwrap(), [blocked]);
    assert_eq!(registry.blocks(&here, &fresh_user()).await.unwrap(), []);
}

pub(crate) async fn deleted_is_gone_at_once(arm: &dyn Arm) {
    let (here, room) = (arm.here(), fresh_channel());
    let registry = arm.registry(&here);
    let (one, two) = (member(&room, &here, "one", arm.now()), member(&room, &here, "two", arm.now()));
    for row in [&one, &two] {
        registry.put(row).await.unwrap();
    }
    registry.delete(&one.key).await.unwrap();
    assert_eq!(registry.get(&one.key).await.unwrap(), None);
    assert_eq!(registry.audience(&one.key.partition, None).await.unwrap().members, [two]);
}

pub(crate) async fn replaced_row_is_told(arm: &dyn Arm) {
    let (here, room) = (arm.here(), fresh_channel());
    let registry = arm.registry(&here);
    let first = member(&room, &here, "one", arm.now());
    let second = Member { since: arm.now().plus(Duration::from_secs(1)), ..first.clone() };
    assert_eq!(registry.put(&first).await.unwrap(), None);
    assert_eq!(registry.put(&second).await.unwrap(), Some(first.clone()));
    assert_eq!(registry.delete(&first.key).await.unwrap(), Some(second));
    assert_eq!(registry.delete(&first.key).await.unwrap(), None);
}

pub(crate) async fn pages_lead_to_the_end(arm: &dyn Arm) {
    let (here, room) = (arm.here(), fresh_channel());
    let registry = arm.registry(&here);
    let steady: Vec<_> = (0..10).map(|n| format!("steady-{n}")).collect();
    for name in steady.iter().chain(&["brief-a".to_owned(), "steady-5-brief".to_owned()]) {
        registry.put(&member(&room, &here, name, arm.now())).await.unwrap();
    }
    // Neighbours in the order of keys, which belong to others.
    for other in [format!("{room}0"), format!("{room}:")] {
        registry.put(&member(&channel(&other), &here, "stranger", arm.now())).await.unwrap();
    }
    let partition = member(&room, &here, "any", arm.now()).key.partition;
    let other_shard = Partition { shard: 1, ..partition.clone() };
    let key = MemberKey { partition: other_shard, connection: connection("stranger") };
    registry.put(&Member { key, ..member(&room, &here, "any", arm.now()) }).await.unwrap();

    let churn = async |page: usize| {
        let leaver = ["brief-a", "steady-5-brief"].get(page);
        if let Some(name) = leaver {
            registry.delete(&member(&room, &here, name, arm.now()).key).await.unwrap();
        }
        registry.put(&member(&room, &here, &format!("a-late-{page}"), arm.now())).await.unwrap();
    };
    for read in [Read::Audience, Read::Presence] {
        let members = all(&*registry, &partition, read, churn).await;
        let found: Vec<_> = members.iter().map(|member| member.key.connection.to_string()).collect();
        let once: BTreeSet<_> = found.iter().collect();
        assert_eq!(once.len(), found.len(), "each once");
        assert!(steady.iter().all(|name| once.contains(name)), "{found:?}");
        assert!(!found.contains(&"stranger".to_owned()), "{found:?}");
    }
}

pub(crate) async fn replicas_converge(arm: &dyn Arm) {
    let (here, there, room) = (arm.here(), arm.there(), fresh_channel());
    let rows = [member(&room, &here, "of-here", arm.now()), member(&room, &there, "of-there", arm.now())];
    for (region, row) in [&here, &there].into_iter().zip(&rows) {
        arm.registry(region).put(row).await.unwrap();
    }
    arm.settle().await;
    for reader in [&here, &there] {
        let registry = arm.registry(reader);
        for row in &rows {
            let MemberKey { partition, connection } = &row.key;
            assert_eq!(names(&*registry, partition, Read::Presence).await, [connection.to_string()]);
        }
    }
    for (region, row) in [&here, &there].into_iter().zip(&rows) {
        let registry = arm.registry(region);
        let found = registry.rows_of(region, &row.key.connection).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&row.key));
        let rewritten = Member { since: row.since.plus(Duration::from_secs(1)), ..row.clone() };
        registry.put(&rewritten).await.unwrap();
        registry.delete(&row.key).await.unwrap();
    }
    arm.settle().await;
    for reader in [&here, &there] {
        for row in &rows {
            assert_eq!(names(&*arm.registry(reader), &row.key.partition, Read::Presence).await, [""; 0]);
        }
    }
    let gone = arm.registry(&here).rows_of(&here, &rows[0].key.connection).await.unwrap();
    assert_eq!(gone, []);
}

/// Not a clause of its own: `replicas_converge` for a region that was cut off meanwhile.
pub(crate) async fn replicas_converge_after_a_cut(arm: &dyn Arm) {
    let (here, there, room) = (arm.here(), arm.there(), fresh_channel());
    let stays = member(&room, &here, "stays", arm.now());
    let leaves = member(&room, &here, "leaves", arm.now());
    let registry = arm.registry(&here);
    registry.put(&leaves).await.unwrap();
    arm.settle().await;
    arm.cut(Some(&there)).await;
    registry.put(&stays).await.unwrap();
    registry.delete(&leaves.key).await.unwrap();
    arm.settle().await;
    let partition = &stays.key.partition;
    assert_eq!(names(&*arm.registry(&there), partition, Read::Presence).await, ["leaves"]);
    assert_eq!(names(&*registry, partition, Read::Audience).await, ["stays"]);
    arm.cut(None).await;
    arm.settle().await;
    assert_eq!(names(&*arm.registry(&there), partition, Read::Presence).await, ["stays"]);
}

pub(crate) async fn older_block_never_replaces_newer(arm: &dyn Arm) {
    let (here, user, room) = (arm.here(), fresh_user(), fresh_channel());
    let registry = arm.registry(&here);
    let at = |seconds| arm.now().plus(Duration::from_secs(seconds));
    let newer = block(&user, None, at(10), at(60));
    for put in [block(&user, None, at(5), at(600)), newer.clone(), block(&user, None, at(9), at(900))] {
        registry.put_block(&here, &put).await.unwrap();
    }
    assert_eq!(registry.blocks(&here, &user).await.unwrap(), std::slice::from_ref(&newer));
    let in_room = block(&user, Some(&room), at(1), at(60));
    registry.put_block(&here, &in_room).await.unwrap();
    let standing: BTreeSet<_> =
        registry.blocks(&here, &user).await.unwrap().into_iter().map(|block| block.channel).collect();
    assert_eq!(standing, BTreeSet::from([None, Some(room)]), "another channel is another block");
}

pub(crate) async fn rate_is_never_exceeded(arm: &dyn Arm) {
    let here = arm.here();
    let rate =
        Rate { user: fresh_user(), namespace: "room".into(), count: 20, window: Duration::from_secs(60) };
    let (registry, now) = (arm.registry(&here), arm.now());
    let spend = async |rate: &Rate, now: Timestamp| {
        let spends = (0..50).map(|_| registry.spend(&here, rate, now));
        let outcomes = futures::future::join_all(spends).await;
        outcomes.into_iter().map(Result::unwrap).filter(|is_free| *is_free).count()
    };
    assert_eq!(spend(&rate, now).await, 20);
    assert_eq!(spend(&rate, now).await, 0);
    let other = Rate { user: fresh_user(), ..rate.clone() };
    assert_eq!(spend(&other, now).await, 20, "another user has a count of his own");
    let next = now.plus(Duration::from_secs(60));
    assert_eq!(spend(&rate, next).await, 20, "the next window is a new one");
}

pub(crate) async fn answers_in_time(arm: &dyn Arm) {
    let (here, room, user) = (arm.here(), fresh_channel(), fresh_user());
    let registry = arm.registry(&here);
    let row = member(&room, &here, "one", arm.now());
    let partition = &row.key.partition;
    let rate =
        Rate { user: user.clone(), namespace: "room".into(), count: 1, window: Duration::from_secs(1) };
    arm.disturb(true);
    for _ in 0..4 {
        drop(in_time(registry.put(&row)).await);
        drop(in_time(registry.get(&row.key)).await);
        drop(in_time(registry.delete(&row.key)).await);
        drop(in_time(registry.audience(partition, None)).await);
        drop(in_time(registry.presence(partition, None)).await);
        drop(in_time(registry.rows_of(&here, &row.key.connection)).await);
        drop(in_time(registry.put_block(&here, &block(&user, None, arm.now(), arm.now()))).await);
        drop(in_time(registry.blocks(&here, &user)).await);
        drop(in_time(registry.spend(&here, &rate, arm.now())).await);
    }
}

run!(memory: crate::local::memory() => put_is_read_at_once, deleted_is_gone_at_once, replaced_row_is_told,
    pages_lead_to_the_end, replicas_converge, replicas_converge_after_a_cut, older_block_never_replaces_newer,
    rate_is_never_exceeded, answers_in_time);
run!(disk: crate::local::disk() => put_is_read_at_once, older_block_never_replaces_newer, answers_in_time);
run!(emulator: crate::aws::tables() => put_is_read_at_once, deleted_is_gone_at_once, replaced_row_is_told,
    pages_lead_to_the_end, replicas_converge, older_block_never_replaces_newer, rate_is_never_exceeded,
    answers_in_time);

/// A region of no stage, for what must not be asked.
#[tokio::test]
async fn rows_of_another_region_are_refused() {
    let arm = crate::local::memory().await;
    let row = member(&fresh_channel(), &Region::parse("mars-1").unwrap(), "one", arm.now());
    let registry = arm.registry(&arm.here());
    assert!(registry.put(&row).await.is_err());
    assert!(registry.audience(&row.key.partition, None).await.is_err());
}
