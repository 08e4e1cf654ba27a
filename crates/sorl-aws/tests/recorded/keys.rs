//! The keys on the answers of Secrets Manager.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use sorl_aws::clients;
use sorl_aws::keys::AwsKeys;
use sorl_core::config::Config;
use sorl_core::ports::{Clock, Keys};
use sorl_core::time::Timestamp;

use crate::aws::{Answer, Aws};

async fn keys(aws: &Aws) -> (AwsKeys, Arc<Later>) {
    let client = clients::secrets(&aws.configuration().await);
    let clock = Arc::new(Later::default());
    let told = Arc::clone(&clock) as Arc<dyn Clock>;
    (AwsKeys::new(&Config::default().auth, client, Some("sorl-prod-jwt".to_owned()), told), clock)
}

/// A clock that is told how much later it is.
#[derive(Default)]
struct Later(AtomicU64);

impl Later {
    fn advance(&self, minutes: u64) {
        self.0.fetch_add(minutes * 60_000, Ordering::SeqCst);
    }
}

impl Clock for Later {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

fn secret(text: &str) -> Answer {
    let secret = json!({"ARN": "arn", "Name": "sorl-prod-jwt", "SecretString": text, "VersionId": "v"});
    Answer::Status(200, secret.to_string())
}

/// No value has the label.
fn absent() -> Answer {
    Answer::Fault(400, "ResourceNotFoundException")
}

fn down() -> Answer {
    Answer::Status(500, "<html>".to_owned())
}

const LONG_ENOUGH: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn a_secret_is_fetched_once_by_its_name_whatever_kid_a_token_names() {
    let aws = Aws::answering([secret(LONG_ENOUGH), absent()]);
    let (keys, _clock) = keys(&aws).await;
    for kid in [None, Some("one"), Some("two")] {
        assert_eq!(keys.find(kid).await.unwrap().len(), 1);
    }
    let mut asked: Vec<_> = aws.asked().into_iter().map(|asked| asked.body).collect();
    asked.sort();
    let expected = ["AWSCURRENT", "sorl-former", "sorl-next"]
        .map(|label| format!(r#"{{"SecretId":"sorl-prod-jwt","VersionStage":"{label}"}}"#));
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn while_a_secret_is_rotated_every_value_with_a_label_is_good() {
    let aws = Aws::answering([secret(LONG_ENOUGH), secret(&LONG_ENOUGH.repeat(2)), absent()]);
    let (keys, _clock) = keys(&aws).await;
    assert_eq!(keys.find(None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_label_that_cannot_be_asked_for_is_not_taken_for_absent() {
    let aws = Aws::answering([secret(LONG_ENOUGH), down()]);
    let (keys, _clock) = keys(&aws).await;
    assert!(keys.find(None).await.is_err());
}

#[tokio::test]
async fn a_rotated_secret_is_seen_within_ten_minutes() {
    let aws =
        Aws::answering([secret(LONG_ENOUGH), absent(), absent(), secret(&LONG_ENOUGH.repeat(2)), absent()]);
    let (keys, clock) = keys(&aws).await;
    keys.find(None).await.unwrap();
    clock.advance(10);
    keys.find(None).await.unwrap();
    assert_eq!(aws.asked().len(), 6, "three labels, twice");
}

#[tokio::test]
async fn while_secrets_manager_is_down_a_known_secret_holds() {
    let aws = Aws::answering([secret(LONG_ENOUGH), absent(), absent(), down()]);
    let (keys, clock) = keys(&aws).await;
    keys.find(None).await.unwrap();
    clock.advance(60);
    assert_eq!(keys.find(None).await.unwrap().len(), 1);
    clock.advance(24 * 60);
    assert!(keys.find(None).await.is_err(), "not for ever");
}

#[tokio::test]
async fn without_a_secret_nobody_is_told_that_a_token_is_bad() {
    for answer in [down(), Answer::Reset, Answer::Silence, secret(""), secret("too short")] {
        let aws = Aws::answering([answer.clone()]);
        let (keys, _clock) = keys(&aws).await;
        let found = tokio::time::timeout(Duration::from_secs(30), keys.find(None)).await;
        assert!(found.expect("in time").is_err(), "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_told_without_the_secret_that_is_in_it() {
    let Answer::Status(status, whole) = secret(LONG_ENOUGH) else { panic!("an answer") };
    let cut = whole.strip_suffix('}').expect("an object").to_owned();
    assert!(cut.contains(LONG_ENOUGH));
    let aws = Aws::answering([Answer::Status(status, cut)]);
    let client = clients::secrets(&aws.configuration().await);
    let told = sorl_aws::secret::read(&client, "sorl-prod-jwt").await.unwrap_err();
    assert!(told.starts_with("sorl-prod-jwt: ") && !told.contains(LONG_ENOUGH), "{told}");
}
