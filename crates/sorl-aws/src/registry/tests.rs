//! What the registry makes of DynamoDB's answers, and how it asks.

use std::time::Duration;

use serde_json::{Value, json};
use sorl_core::ids::ConnectionId;
use sorl_core::member::{Block, Member, MemberKey, Partition};
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::{Rate, Registry};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::AwsRegistry;
use crate::table::recorded::{Answer, Recorded};

const NOW: Timestamp = Timestamp::from_millis(1_764_000_000_500);

fn registry(recorded: &Recorded) -> AwsRegistry {
    AwsRegistry::new(recorded.client(), "sorl-dev-connections".into(), here())
}

fn here() -> Region {
    Region::parse("eu-north-1").unwrap()
}

fn alice() -> UserName {
    UserName::parse("alice").unwrap()
}

fn partition() -> Partition {
    Partition { channel: ChannelName::parse("room:1").unwrap(), region: here(), shard: 3 }
}

fn connection(name: &str) -> ConnectionId {
    ConnectionId::parse(name).unwrap()
}

fn member(name: &str) -> Member {
    let key = MemberKey { partition: partition(), connection: connection(name) };
    Member { key, user: alice(), since: NOW, expires_at: NOW.plus(Duration::from_hours(1)) }
}

fn row(name: &str) -> Value {
    json!({
        "pk": {"S": "room:1#eu-north-1#3"}, "sk": {"S": name},
        "user": {"S": "alice"}, "since": {"N": "1764000000500"},
        "connection": {"S": format!("eu-north-1#{name}")},
        "expires_at": {"N": "1764003601"}, "expires_ms": {"N": "1764003600500"},
    })
}

/// What an audience asks of it.
fn asked_row(name: &str) -> Value {
    let mut row = row(name);
    row.as_object_mut()
        .unwrap()
        .retain(|name, _| ["sk", "user", "since", "expires_ms"].contains(&name.as_str()));
    row
}

fn key(name: &str) -> Value {
    json!({"pk": {"S": "room:1#eu-north-1#3"}, "sk": {"S": name}})
}

fn rate(count: u32) -> Rate {
    Rate { user: alice(), namespace: "room".into(), count, window: Duration::from_secs(60) }
}

fn block(channel: Option<&str>) -> Block {
    let channel = channel.map(|name| ChannelName::parse(name).unwrap());
    Block { user: alice(), channel, until: NOW.plus(Duration::from_secs(60)), at: NOW }
}

#[tokio::test]
async fn a_member_is_written_and_read_as_one_row() {
    let recorded = Recorded::new([
        Answer::ok(json!({"Attributes": row("b=")})),
        Answer::ok(json!({"Items": [row("a=")]})),
        Answer::ok(json!({"Attributes": row("a=")})),
    ]);
    let registry = registry(&recorded);
    assert_eq!(registry.put(&member("a=")).await.unwrap(), Some(member("b=")));
    assert_eq!(registry.get(&member("a=").key).await.unwrap(), Some(member("a=")));
    assert_eq!(registry.delete(&member("a=").key).await.unwrap(), Some(member("a=")));

    let asked = recorded.asked();
    assert_eq!(recorded.operations(), ["PutItem", "Query", "DeleteItem"]);
    assert_eq!(asked[0].body["Item"], row("a="));
    assert_eq!(asked[0].body["ReturnValues"], "ALL_OLD");
    assert_eq!(asked[1].body["ConsistentRead"], true);
    assert_eq!(asked[1].body["ExpressionAttributeValues"][":sk"], json!({"S": "a="}));
    assert_eq!(asked[2].body["Key"], key("a="));
    assert_eq!(asked[2].body["ReturnValues"], "ALL_OLD");
}

#[tokio::test]
async fn a_put_that_the_client_made_twice_replaced_nothing() {
    let recorded = Recorded::new([Answer::Reset, Answer::ok(json!({"Attributes": row("a=")}))]);
    assert_eq!(registry(&recorded).put(&member("a=")).await.unwrap(), None);
}

#[tokio::test]
async fn a_row_written_as_expired_is_collected_soon() {
    let recorded = Recorded::new([Answer::ok(json!({}))]);
    let expired = Member { expires_at: Timestamp::ZERO, ..member("a=") };
    registry(&recorded).put(&expired).await.unwrap();
    let item = &recorded.asked()[0].body["Item"];
    assert_eq!(item["expires_ms"], json!({"N": "0"}));
    assert_eq!(item["expires_at"], json!({"N": "1764000001"}));
}

#[tokio::test]
async fn an_audience_is_read_page_by_page_strongly_consistent() {
    let recorded = Recorded::new([
        Answer::ok(json!({"Items": [asked_row("a"), asked_row("b")], "LastEvaluatedKey": key("b")})),
        Answer::ok(json!({"Items": [asked_row("c")]})),
    ]);
    let registry = registry(&recorded);
    let page = registry.audience(&partition(), None).await.unwrap();
    assert_eq!((page.members, &page.next), (vec![member("a"), member("b")], &Some(connection("b"))));
    let page = registry.audience(&partition(), page.next.as_ref()).await.unwrap();
    assert_eq!((page.members, page.next), (vec![member("c")], None));

    let asked = recorded.asked();
    assert_eq!(recorded.operations(), ["Query", "Query"]);
    assert_eq!(asked[0].body["ExpressionAttributeValues"], json!({":pk": {"S": "room:1#eu-north-1#3"}}));
    assert_eq!(asked[1].body["ExclusiveStartKey"], key("b"));
    for asked in asked {
        assert_eq!(asked.body["ConsistentRead"], true);
        assert_eq!(asked.body["IndexName"], Value::Null);
        assert_eq!(asked.body["ProjectionExpression"], "#sk, #user, #since, #expires_ms");
        let names = json!({
            "#pk": "pk", "#sk": "sk", "#user": "user", "#since": "since", "#expires_ms": "expires_ms",
        });
        assert_eq!(asked.body["ExpressionAttributeNames"], names);
        assert_eq!(asked.body["Limit"], Value::Null, "a page ends where DynamoDB ends it");
    }
}

#[tokio::test]
async fn presence_reads_any_region_at_half_the_price() {
    let recorded = Recorded::new([Answer::ok(json!({"Items": []}))]);
    let there = Partition { region: Region::parse("us-east-1").unwrap(), ..partition() };
    assert!(registry(&recorded).presence(&there, None).await.unwrap().members.is_empty());
    assert_eq!(recorded.asked()[0].body["ConsistentRead"], false);
}

#[tokio::test]
async fn an_unreadable_row_leaves_out_one_member() {
    let strange = json!({"pk": {"S": "room:1#eu-north-1#3"}, "sk": {"S": "b"}, "user": {"N": "7"}});
    let no_connection = key("not a connection");
    let recorded = Recorded::new([
        Answer::ok(json!({"Items": [asked_row("a"), strange], "LastEvaluatedKey": no_connection})),
        Answer::ok(json!({"Items": [asked_row("c")]})),
    ]);
    let page = registry(&recorded).audience(&partition(), None).await.unwrap();
    assert_eq!((page.members, page.next), (vec![member("a"), member("c")], None));
    assert_eq!(recorded.asked()[1].body["ExclusiveStartKey"], no_connection);
}

#[tokio::test]
async fn rows_of_a_connection_are_read_from_the_index_to_the_end() {
    let last =
        json!({"pk": {"S": "room:1#eu-north-1#3"}, "sk": {"S": "a"}, "connection": {"S": "eu-north-1#a"}});
    let recorded = Recorded::new([
        Answer::ok(json!({"Items": [row("a")], "LastEvaluatedKey": last})),
        Answer::ok(json!({"Items": [{"pk": {"S": "@alice#eu-north-1#0"}, "sk": {"S": "a"}}]})),
    ]);
    let keys = registry(&recorded).rows_of(&here(), &connection("a")).await.unwrap();
    let channels: Vec<_> = keys.iter().map(|key| key.partition.channel.as_str()).collect();
    assert_eq!(channels, ["room:1", "@alice"]);
    let asked = recorded.asked();
    assert_eq!(asked[0].body["IndexName"], "by-connection");
    assert_eq!(asked[0].body["ExpressionAttributeValues"], json!({":pk": {"S": "eu-north-1#a"}}));
    assert_eq!(asked[1].body["ExclusiveStartKey"], last);
}

#[tokio::test]
async fn an_older_block_is_as_good_as_written() {
    let recorded =
        Recorded::new([Answer::condition_failed(&json!({"at": {"N": "1"}})), Answer::ok(json!({}))]);
    let registry = registry(&recorded);
    registry.put_block(&here(), &block(None)).await.unwrap();
    registry.put_block(&here(), &block(Some("room:1"))).await.unwrap();
    let asked = recorded.asked();
    let item = &asked[0].body["Item"];
    assert_eq!((&item["pk"], &item["sk"]), (&json!({"S": "alice#eu-north-1#blocks"}), &json!({"S": "#"})));
    assert_eq!(item["expires_at"], json!({"N": "1765209601"}), "fourteen days after the order");
    assert_eq!(asked[0].body["ConditionExpression"], "attribute_not_exists(pk) OR #at <= :at");
    assert_eq!(asked[1].body["Item"]["sk"], json!({"S": "room:1"}));
}

#[tokio::test]
async fn a_block_that_cannot_be_read_keeps_out() {
    let sound = json!({"sk": {"S": "#"}, "at": {"N": "1764000000500"}, "until": {"N": "1764000060500"}});
    let recorded = Recorded::new([Answer::ok(json!({"Items": [sound, {"sk": {"S": "room:1"}}]}))]);
    let blocks = registry(&recorded).blocks(&here(), &alice()).await.unwrap();
    assert_eq!(blocks[0], block(None));
    let room = ChannelName::parse("room:1").unwrap();
    assert!(blocks[1].bars_channel(&room, NOW.plus(Duration::from_hours(1_000_000))));
    assert_eq!(recorded.asked()[0].body["ConsistentRead"], true);
}

#[tokio::test]
async fn a_publish_that_lost_a_race_counts_after_the_winner() {
    let standing = |count: u32| Answer::condition_failed(&json!({"count": {"N": count.to_string()}}));
    let recorded = Recorded::new([standing(1), standing(2), Answer::ok(json!({})), standing(3)]);
    let registry = registry(&recorded);
    assert!(registry.spend(&here(), &rate(3), NOW).await.unwrap());
    assert!(!registry.spend(&here(), &rate(3), NOW).await.unwrap());
    let counts: Vec<_> = recorded.asked().iter().map(|asked| asked.body["Item"]["count"].clone()).collect();
    assert_eq!(counts, [json!({"N": "1"}), json!({"N": "2"}), json!({"N": "3"}), json!({"N": "1"})]);
    assert_eq!(recorded.asked()[2].body["ExpressionAttributeValues"][":spent"], json!({"N": "2"}));
    assert_eq!(recorded.asked()[0].body["Item"]["pk"], json!({"S": "alice#eu-north-1#rate"}));
    assert_eq!(recorded.operations(), ["PutItem"; 4]);
}

#[tokio::test]
async fn a_publish_that_loses_every_race_ends() {
    let standing = |count: u64| Answer::condition_failed(&json!({"count": {"N": count.to_string()}}));
    let recorded = Recorded::new((1..=64).map(standing));
    let fault = registry(&recorded).spend(&here(), &rate(1_000), NOW).await.unwrap_err();
    assert!(fault.source.to_string().contains("64 races"), "{}", fault.source);
    assert_eq!(recorded.asked().len(), 64);
}

#[tokio::test]
async fn rows_of_another_region_are_refused_unasked() {
    let recorded = Recorded::new([]);
    let registry = AwsRegistry::new(recorded.client(), "t".into(), Region::parse("us-east-1").unwrap());
    assert!(registry.put(&member("a")).await.is_err());
    assert!(registry.get(&member("a").key).await.is_err());
    assert!(registry.delete(&member("a").key).await.is_err());
    assert!(registry.audience(&partition(), None).await.is_err());
    assert!(registry.put_block(&here(), &block(None)).await.is_err());
    assert!(registry.blocks(&here(), &alice()).await.is_err());
    assert!(registry.spend(&here(), &rate(1), NOW).await.is_err());
    assert!(recorded.asked().is_empty());
}

#[tokio::test]
async fn what_passes_is_retried() {
    for passing in [Answer::throttled(), Answer::Text(503, "<html>no</html>"), Answer::Reset] {
        let recorded = Recorded::new([passing, Answer::ok(json!({"Items": [row("a")]}))]);
        let page = registry(&recorded).audience(&partition(), None).await.unwrap();
        assert_eq!(page.members, [member("a")]);
    }
}

#[tokio::test]
async fn what_stays_is_unavailable_and_says_why() {
    let lasting = [
        (Answer::throttled(), "ProvisionedThroughputExceededException"),
        (Answer::Text(500, "<html>secret</html>"), "Query"),
        (Answer::Reset, "connection reset"),
    ];
    for (answer, why) in lasting {
        let recorded = Recorded::new(vec![answer; 3]);
        let fault = registry(&recorded).audience(&partition(), None).await.unwrap_err();
        let text = fault.source.to_string();
        assert!(text.starts_with("Query: ") && text.contains(why) && !text.contains("secret"), "{text}");
        assert_eq!(recorded.asked().len(), 3, "one owner of retries");
    }
}

#[tokio::test]
async fn what_cannot_pass_is_not_retried() {
    let recorded = Recorded::new([Answer::fault("ValidationException")]);
    assert!(registry(&recorded).put(&member("a")).await.is_err());
    assert_eq!(recorded.asked().len(), 1);
}
