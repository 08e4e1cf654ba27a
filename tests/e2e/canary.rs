//! The canary's round: it gets through where clients do, and where they do not it says how far it came.

use std::time::Duration;

use serde_json::json;
use sorl_client::Endpoint;
use sorl_core::config::Config;
use sorl_core::names::ChannelName;
use sorl_core::region::Region;
use sorl_round::{Failed, Step, round, sign};
use sorl_tests::DEADLINE;
use sorl_tests::names::now;
use sorl_tests::server::{Launch, Server};

const CONFIG: &str = r#"[auth]
secret = "a secret of thirty-two bytes or more"
issuer = "https://id.example"
audience = "chat"
"#;
/// For rounds that cannot come to their end.
const SHORT: Duration = Duration::from_secs(2);

async fn fly(server: &Server, token: &str, channel: &str, patience: Duration) -> Result<Duration, Failed> {
    let [region, ..] = server.stage.three();
    let url = server.stage.region(region).url.clone();
    let endpoint = Endpoint { region: Region::parse(region).unwrap(), url };
    round(endpoint, token.to_owned(), &ChannelName::parse(channel).unwrap(), "a mark", patience).await
}

fn token() -> String {
    let auth = Config::parse(CONFIG).unwrap().auth;
    sign(auth.secret.as_ref().unwrap().as_bytes(), &auth, now()).unwrap()
}

#[tokio::test]
async fn a_canary_hears_itself_and_fails_at_the_step_that_users_would() {
    let server = Launch::plain().config(CONFIG).start().await;
    for _ in 0..2 {
        let took = fly(&server, &token(), "canary:here", DEADLINE).await.unwrap();
        assert!(took < DEADLINE, "{took:?}");
    }
    let step = |outcome: Result<Duration, Failed>| outcome.unwrap_err().step;
    assert_eq!(step(fly(&server, "no token", "canary:here", SHORT).await), Step::Connect);
    assert_eq!(step(fly(&server, &token(), "room:lobby", SHORT).await), Step::Subscribe);
    // Posts are refused, so the message is accepted and never comes.
    server.stage.post("/faults", &json!({ "throttle": 1.0 })).await;
    assert_eq!(step(fly(&server, &token(), "canary:here", SHORT).await), Step::Receive);
}

#[tokio::test]
async fn a_region_that_is_not_there_is_told_with_its_cause() {
    let endpoint = Endpoint {
        region: Region::parse("eu-north-1").unwrap(),
        // Nothing listens on a port that is reserved.
        url: "ws://127.0.0.1:1".to_owned(),
    };
    let channel = ChannelName::parse("canary:here").unwrap();
    let failed = round(endpoint, token(), &channel, "a mark", SHORT).await.unwrap_err();
    assert_eq!(failed.step, Step::Connect);
    assert!(failed.cause.contains("refused"), "{failed}");
}
