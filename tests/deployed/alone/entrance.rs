//! The entrance and the canary come and go with the parameters of a deployment. Alone, since the stage is deployed anew.

use serde_json::Value;
use sorl_tests::server::repository;
use sorl_tests::sns::elements;
use sorl_tests::stage::Stage;
use tokio::process::Command;

use super::role::Role;
use crate::shared::stage;

const DOMAIN: &str = "chat.sorl.test";

#[tokio::test]
async fn a_domain_brings_names_a_health_check_and_a_canary_that_gets_through_and_takes_them_along() {
    let stage = stage().await;
    let [region, ..] = stage.three();
    let zone = make_zone(&stage, region).await;
    let certificates = stage
        .regions
        .iter()
        .map(|place| format!("arn:aws:acm:{}:000000000000:certificate/of-{}", place.region, place.region));
    let certificates = certificates.collect::<Vec<_>>().join(";");
    deploy(&stage, region, &format!("domain={DOMAIN} zone={zone} certificates={certificates}")).await;

    let (told, log) = fly(&stage, region).await;
    assert_eq!(told["canary_ok"], 1, "{log:?}");
    assert!(told["canary_seconds"].as_f64().unwrap() < 20.0, "{told}");
    let records = records(&stage, region, &zone).await;
    let checks = route53(&stage, region, ("GET", "/2013-04-01/healthcheck"), "").await;
    let check = elements(&checks, "Id").next().expect("a health check");
    assert!(records.contains(&format!("<Name>{DOMAIN}.</Name>")), "{records}");
    assert!(records.contains(&format!("<Name>{region}.{DOMAIN}.</Name>")), "{records}");
    assert!(records.contains(&format!("<HealthCheckId>{check}</HealthCheckId>")), "{records}");

    a_canary_without_its_secret_says_so(&stage, region).await;

    deploy(&stage, region, "canary=off").await;
    let records = self::records(&stage, region, &zone).await;
    assert!(!records.contains(&format!("{DOMAIN}.</Name><Type>A")), "{records}");
    let path = format!("/2015-03-31/functions/{}", canary(&stage));
    let gone = stage.deployed().aws.rest(region, "lambda", ("GET", &path), "").await;
    assert_eq!(gone.status, 404, "{gone:?}");
}

async fn a_canary_without_its_secret_says_so(stage: &Stage, region: &str) {
    let role = Role { stage, region, function: "canary" };
    let rights = role.rights().await;
    let secret =
        rights.iter().find(|right| right.action == "secretsmanager:GetSecretValue").expect("its one right");
    role.take(secret).await;
    let (told, log) = fly(stage, region).await;
    role.give_back().await;
    assert_eq!(told["canary_ok"], 0, "{log:?}");
    let lost = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lost: Vec<_> = lost.filter(|line| line["outcome"] == "lost").collect();
    assert!(lost.iter().any(|line| line["step"] == "token" && line["level"] == "ERROR"), "{log:?}");
}

fn canary(stage: &Stage) -> String {
    format!("sorl-{}-canary", stage.deployed().stage)
}

/// Has the canary fly; returns the metrics of that round, and its whole log.
async fn fly(stage: &Stage, region: &str) -> (Value, Vec<String>) {
    let aws = &stage.deployed().aws;
    let rounds = async || {
        let log = aws.log_of(region, &canary(stage)).await;
        let told = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        (told.filter(|line| line.get("canary_ok").is_some()).collect::<Vec<_>>(), log)
    };
    let before = rounds().await.0.len();
    let path = format!("/2015-03-31/functions/{}:live/invocations", canary(stage));
    let answer = aws.rest(region, "lambda", ("POST", &path), "{}").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "null"));
    sorl_tests::eventually("a round is told", async || {
        let (told, log) = rounds().await;
        told.last().filter(|_| told.len() > before).cloned().map(|last| (last, log))
    })
    .await
}

/// Deploys to the first region, as an operator would.
async fn deploy(stage: &Stage, region: &str, params: &str) {
    let name = &stage.deployed().stage;
    let words = [
        "--no-print-directory",
        "deploy",
        &format!("STAGE={name}"),
        "CONFIG=tests/e2e/sorl.toml",
        &format!("REGIONS={region}"),
        &format!("PARAMS={params}"),
    ];
    let output = Command::new("make").current_dir(repository()).args(words).output().await.expect("make");
    assert!(output.status.success(), "{output:?}");
}

async fn make_zone(stage: &Stage, region: &str) -> String {
    let wanted = format!(
        "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>{DOMAIN}</Name>\
         <CallerReference>{}</CallerReference></CreateHostedZoneRequest>",
        sorl_tests::names::unique("zone")
    );
    let made = route53(stage, region, ("POST", "/2013-04-01/hostedzone"), &wanted).await;
    let id = elements(&made, "Id").next().expect("a zone has an id");
    id.rsplit('/').next().expect("a name").to_owned()
}

async fn records(stage: &Stage, region: &str, zone: &str) -> String {
    route53(stage, region, ("GET", &format!("/2013-04-01/hostedzone/{zone}/rrset")), "").await
}

async fn route53(stage: &Stage, region: &str, call: (&str, &str), body: &str) -> String {
    let answer = stage.deployed().aws.rest(region, "route53", call, body).await;
    assert!((200..300).contains(&answer.status), "{call:?}: {answer:?}");
    answer.body
}
