//! What the log notes of its retentions, what readers make of it, and what remains where a writer stops.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sorl_core::config::Config;
use sorl_core::ports::{Epoch, Log};
use sorl_core::time::Timestamp;

use super::{NOW, TABLE};
use crate::log::{AwsLog, Completeness};
use crate::table::recorded::{Answer, Asked, Recorded};

const HOUR: Duration = Duration::from_hours(1);

/// The table's rows, as far as notes need one: puts under the three conditions that they use, and queries.
#[derive(Debug, Clone, Default)]
struct Notes {
    rows: Arc<Mutex<BTreeMap<String, Value>>>,
    /// Requests before the writer is gone.
    lives_for: Arc<Mutex<Option<usize>>>,
}

impl Notes {
    fn answer(&self, asked: &Asked) -> Answer {
        let mut rows = self.rows.lock().unwrap();
        if let Some(left) = self.lives_for.lock().unwrap().as_mut() {
            let Some(rest) = left.checked_sub(1) else { return Answer::Reset };
            *left = rest;
        }
        if asked.operation == "Query" {
            return Answer::ok(json!({"Items": rows.values().collect::<Vec<_>>()}));
        }
        let (body, item) = (&asked.body, &asked.body["Item"]);
        let sort_key = item["sk"]["S"].as_str().unwrap().to_owned();
        let standing = rows.get(&sort_key);
        let values = &body["ExpressionAttributeValues"];
        let holds = match body["ConditionExpression"].as_str() {
            None => true,
            Some("attribute_not_exists(pk)") => standing.is_none(),
            Some("attribute_exists(pk)") => standing.is_some(),
            Some("#since = :since AND #keeps = :keeps") => standing
                .is_some_and(|row| row["since"] == values[":since"] && row["keeps"] == values[":keeps"]),
            Some(other) => panic!("an unknown condition: {other}"),
        };
        if holds {
            rows.insert(sort_key, item.clone());
            return Answer::ok(json!({}));
        }
        Answer::condition_failed(standing.unwrap_or(&Value::Null))
    }

    fn log(&self, complete: Completeness) -> AwsLog {
        let notes = self.clone();
        let recorded = Recorded::answering(move |asked| notes.answer(asked));
        AwsLog::new(recorded.client(), TABLE.into(), complete)
    }

    /// A cold start of `deliver` with this configuration.
    async fn declare(&self, config: &Config, now: Timestamp) -> bool {
        self.log(Completeness::FromStart).declare(config, now).await.is_ok()
    }

    async fn epochs(&self, complete: Completeness, namespace: &str) -> Vec<(u64, Duration, bool)> {
        let epochs = self.log(complete).epochs(namespace).await.unwrap();
        epochs
            .iter()
            .map(|Epoch { since, retention, begins_stage }| (since.as_millis(), *retention, *begins_stage))
            .collect()
    }
}

fn config(namespaces: &str) -> Config {
    Config::parse(&format!("regions = [\"eu-north-1\"]\n{namespaces}")).unwrap()
}

fn room(history: &str) -> Config {
    config(&format!("[namespaces.room]\nhistory = \"{history}\"\n"))
}

fn at(hours: u32) -> Timestamp {
    NOW.plus(HOUR * hours)
}

/// When an epoch begins that was noted then in the place of another.
fn after(hours: u32) -> u64 {
    at(hours).plus(Duration::from_secs(30)).as_millis()
}

#[tokio::test]
async fn without_a_note_the_deployment_says_how_far_the_log_goes() {
    let notes = Notes::default();
    assert_eq!(notes.epochs(Completeness::FromStart, "room").await, [(0, Duration::MAX, true)]);
    assert_eq!(
        notes.epochs(Completeness::Since(NOW), "room").await,
        [(NOW.as_millis(), Duration::MAX, false)]
    );
    assert_eq!(notes.epochs(Completeness::Unknown, "room").await, []);
}

#[tokio::test]
async fn the_first_note_begins_where_the_deployment_says() {
    let notes = Notes::default();
    assert!(notes.declare(&room("24h"), at(1)).await);
    let began = at(1).as_millis();
    assert_eq!(notes.epochs(Completeness::FromStart, "room").await, [(began, HOUR * 24, true)]);
    assert_eq!(notes.epochs(Completeness::Unknown, "room").await, [(began, HOUR * 24, false)]);
    for added in [at(0), at(2)] {
        let epochs = notes.epochs(Completeness::Since(added), "room").await;
        assert_eq!(epochs, [(added.as_millis(), HOUR * 24, false)], "added, or added again, then");
    }
}

#[tokio::test]
async fn a_changed_retention_begins_when_nobody_appends_under_the_old_one_any_more() {
    let notes = Notes::default();
    for (config, hours) in [(room("1h"), 0), (room("1h"), 1), (room("24h"), 2), (room("0"), 3)] {
        assert!(notes.declare(&config, at(hours)).await);
    }
    let epochs = notes.epochs(Completeness::FromStart, "room").await;
    let began = NOW.as_millis();
    assert_eq!(
        epochs,
        [(began, HOUR, true), (after(2), HOUR * 24, false), (after(3), Duration::ZERO, false)]
    );
    assert_eq!(notes.epochs(Completeness::FromStart, "default").await, [(began, HOUR * 24, true)]);
    let since = Completeness::Since(at(3));
    let epochs = notes.epochs(since, "room").await;
    assert_eq!(epochs, [(at(3).as_millis(), HOUR * 24, false), (after(3), Duration::ZERO, false)]);
}

#[tokio::test]
async fn a_namespace_that_comes_or_goes_takes_its_channels_past_along() {
    let notes = Notes::default();
    let chat = config("[namespaces.chat]\nhistory = \"1h\"\n");
    for (config, hours) in [(config(""), 0), (chat, 1), (config(""), 2)] {
        assert!(notes.declare(&config, at(hours)).await);
    }
    let began = NOW.as_millis();
    let changes = [(began, HOUR * 24, true), (after(1), HOUR, false), (after(2), HOUR * 24, false)];
    assert_eq!(notes.epochs(Completeness::FromStart, "chat").await, changes);
    assert_eq!(notes.epochs(Completeness::FromStart, "default").await, changes, "chat's channels among them");
    assert_eq!(notes.epochs(Completeness::FromStart, "@").await, [(began, HOUR * 24, true)]);
}

#[tokio::test]
async fn wherever_a_writer_stops_the_old_retention_is_not_forgotten() {
    // Asking, copying, replacing: three requests.
    for requests in 0..=3 {
        let notes = Notes::default();
        assert!(notes.declare(&room("1h"), at(0)).await);
        *notes.lives_for.lock().unwrap() = Some(requests);
        let finished = notes.declare(&room("24h"), at(2)).await;
        assert_eq!(finished, requests == 3);
        *notes.lives_for.lock().unwrap() = None;
        let epochs = notes.epochs(Completeness::FromStart, "room").await;
        assert_eq!(epochs[0], (NOW.as_millis(), HOUR, true), "after {requests} requests");
        assert_eq!(epochs.len(), 1 + usize::from(finished));
        assert!(notes.declare(&room("24h"), at(3)).await);
        assert_eq!(notes.epochs(Completeness::FromStart, "room").await.len(), 2, "the next one finishes it");
    }
}

#[tokio::test]
async fn what_was_replaced_stays_until_its_loss_shows_elsewhere() {
    let notes = Notes::default();
    assert!(notes.declare(&room("1h"), at(0)).await);
    assert!(notes.declare(&room("7d"), at(1)).await);
    let rows = notes.rows.lock().unwrap();
    let replaced = rows.values().find(|row| row["sk"]["S"] != "#").unwrap();
    let expires_at = Timestamp::from_millis(replaced["expires_ms"]["N"].as_str().unwrap().parse().unwrap());
    assert!(expires_at > at(1).plus(HOUR * 24 * 7));
    assert_eq!(rows["#"]["expires_at"], Value::Null, "the note in force stays");
}

#[tokio::test]
async fn a_note_that_cannot_be_read_makes_recoveries_incomplete_and_is_replaced() {
    let notes = Notes::default();
    let strange = json!({"pk": {"S": "#epochs"}, "sk": {"S": "#"}, "keeps": {"S": "?"}});
    notes.rows.lock().unwrap().insert("#".into(), strange);
    assert_eq!(notes.epochs(Completeness::FromStart, "room").await, []);
    assert!(notes.declare(&room("1h"), at(1)).await);
    let epochs = notes.epochs(Completeness::FromStart, "room").await;
    assert_eq!(epochs, [(0, Duration::ZERO, true), (after(1), HOUR, false)]);
}

#[tokio::test]
async fn one_process_asks_once_in_a_while() {
    let notes = Notes::default();
    let log = notes.log(Completeness::FromStart);
    let later = |seconds| NOW.plus(Duration::from_secs(seconds));
    log.declare(&room("1h"), NOW).await.unwrap();
    *notes.lives_for.lock().unwrap() = Some(0);
    log.declare(&room("1h"), later(299)).await.unwrap();
    log.declare(&room("1h"), later(300)).await.unwrap_err();
    *notes.lives_for.lock().unwrap() = None;
    // Meanwhile a version that is on its way out noted what it kept.
    assert!(notes.declare(&room("24h"), later(310)).await);
    log.declare(&room("1h"), later(320)).await.unwrap();
    let retentions: Vec<_> =
        notes.epochs(Completeness::FromStart, "room").await.into_iter().map(|epoch| epoch.1).collect();
    assert_eq!(retentions, [HOUR, HOUR * 24, HOUR]);
}

#[tokio::test]
async fn of_two_writers_at_once_both_are_noted() {
    let notes = Notes::default();
    assert!(notes.declare(&room("1h"), at(0)).await);
    let (two, three) = (room("2h"), room("3h"));
    let (first, second) = tokio::join!(notes.declare(&two, at(1)), notes.declare(&three, at(1)));
    assert!(first && second);
    let mut retentions: Vec<_> =
        notes.epochs(Completeness::FromStart, "room").await.into_iter().map(|epoch| epoch.1).collect();
    retentions.sort();
    assert_eq!(retentions, [HOUR, HOUR * 2, HOUR * 3]);
}

#[tokio::test]
async fn epochs_are_read_strongly_consistent_and_written_by_puts_alone() {
    let recorded = Recorded::new([Answer::ok(json!({"Items": []})), Answer::ok(json!({}))]);
    let log = AwsLog::new(recorded.client(), TABLE.into(), Completeness::FromStart);
    log.epochs("room").await.unwrap();
    log.declare(&room("1h"), NOW).await.unwrap();
    assert_eq!(recorded.operations(), ["Query", "PutItem"]);
    assert_eq!(recorded.asked()[0].body["ConsistentRead"], true);
    assert_eq!(recorded.asked()[1].body["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
}
