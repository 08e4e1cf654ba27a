//! The fixed addresses of `sorl dev`, each as it is documented.

use serde_json::{Value, json};
use sorl_tests::http::{Answer, form, request};
use sorl_tests::names::{room, unique};
use sorl_tests::server::{Launch, Server};
use sorl_tests::sns::elements;

use crate::shared::stage;

#[tokio::test]
async fn regions_lists_where_to_connect_and_publish() {
    let server = Launch::plain().start().await;
    let regions = server.stage.get("/regions").await.json();
    let authority = server.stage.url.trim_start_matches("http://");
    let expected: Vec<_> = ["us-east-1", "eu-north-1", "ap-southeast-2"]
        .iter()
        .map(|region| {
            json!({
                "region": region,
                "url": format!("ws://{authority}/regions/{region}"),
                "topic": format!("arn:aws:sns:{region}:000000000000:sorl-dev-messages"),
            })
        })
        .collect();
    assert_eq!(regions, json!(expected));
}

#[tokio::test]
async fn the_console_is_a_page() {
    let stage = stage().await;
    let page = stage.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    assert!(page.body.contains("<html"), "{page:?}");
    let client = stage.get("/client/index.js").await;
    assert_eq!(client.status, 200);
    assert!(client.header("content-type").contains("javascript"), "{client:?}");
    assert_eq!(stage.get("/no-such-page").await.status, 404);
    assert_eq!(stage.get("/../Cargo.toml").await.status, 404);
    assert_eq!(stage.get("/client/..%2f..%2fpackage.json").await.status, 404);
}

async fn with_origin(method: &str, url: &str, origin: &str, body: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
        ("content-type", "application/json"),
    ];
    request(method, url, &headers, body.to_owned()).await.expect("an answer")
}

#[tokio::test]
async fn tokens_regions_and_the_client_answer_every_origin_on_loopback_and_no_other() {
    let stage = stage().await;
    let token = format!("{}/token", stage.url);
    let regions = format!("{}/regions", stage.url);
    let client = format!("{}/client/index.js", stage.url);
    let body = json!({"user": "alice"}).to_string();
    for origin in ["http://localhost:5173", "http://127.0.0.1:8080", "http://[::1]:3000"] {
        for answer in [
            with_origin("POST", &token, origin, &body).await,
            with_origin("GET", &regions, origin, "").await,
            with_origin("GET", &client, origin, "").await,
            with_origin("OPTIONS", &token, origin, "").await,
        ] {
            assert_eq!(
                (answer.status / 100, answer.header("access-control-allow-origin")),
                (2, origin),
                "{answer:?}"
            );
        }
    }
    for origin in
        ["https://evil.example", "http://localhost.evil.example", "http://127.0.0.1.evil.example", "null"]
    {
        for (method, url) in [("POST", &token), ("GET", &regions), ("GET", &client), ("OPTIONS", &token)] {
            let answer = with_origin(method, url, origin, &body).await;
            assert_eq!(answer.header("access-control-allow-origin"), "", "{method} {origin}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_token_is_minted_only_for_who_asks_for_this_machine() {
    let stage = stage().await;
    let body = json!({"user": "alice"}).to_string();
    let headers = [("host", "sorl.evil.example"), ("content-type", "application/json")];
    let answer = request("POST", &format!("{}/token", stage.url), &headers, body).await.unwrap();
    assert_eq!(answer.status, 403, "a name that was rebound to 127.0.0.1: {answer:?}");
}

#[tokio::test]
async fn a_token_carries_what_was_asked() {
    let stage = stage().await;
    let claims = |token: &str| -> Value {
        use base64::Engine;
        let part = token.split('.').nth(1).expect("a JWT");
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).expect("base64");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    let grants = json!({"room:*": ["subscribe"]});
    let with = claims(&stage.mint("alice", Some(&grants), 60).await);
    assert_eq!((&with["sub"], &with["sorl"]), (&json!("alice"), &grants));
    let without =
        claims(stage.post("/token", &json!({"user": "bob"})).await.json()["token"].as_str().unwrap());
    assert_eq!((&without["sub"], without.get("sorl")), (&json!("bob"), None));
    let lives = without["exp"].as_u64().unwrap() - sorl_tests::names::now().as_secs_ceil();
    assert!((3_500..=3_601).contains(&lives), "{lives}");
    for bad in [json!({}), json!({"user": 7}), json!([]), json!({"user": "a", "ttl": "long"})] {
        assert_eq!(stage.post("/token", &bad).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn faults_replace_those_in_force_and_are_shown() {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let shown = async || stage.get("/faults").await.json();
    assert_eq!(shown().await, json!({"cut": [], "lag_ms": 200, "duplicate": 0.0, "throttle": 0.0}));
    let region = stage.three()[1];
    stage.faults(json!({"cut": [region], "lag_ms": 2000, "duplicate": 0.3, "throttle": 0.1})).await;
    assert_eq!(shown().await, json!({"cut": [region], "lag_ms": 2000, "duplicate": 0.3, "throttle": 0.1}));
    stage.faults(json!({"duplicate": 0.5})).await;
    assert_eq!(shown().await, json!({"cut": [], "lag_ms": 200, "duplicate": 0.5, "throttle": 0.0}));
    for bad in [
        json!({"cut": ["mars-1"]}),
        json!({"duplicate": 2}),
        json!({"cutt": []}),
        json!([]),
        json!({"lag_ms": "x"}),
    ] {
        let answer = stage.post("/faults", &bad).await;
        assert_eq!(answer.status, 400, "{bad}");
        assert!(answer.json()["error"].is_string(), "{answer:?}");
    }
    assert_eq!(shown().await["duplicate"], 0.5, "what is refused changes nothing");
}

#[tokio::test]
async fn duplicated_and_throttled_deliveries_still_arrive() {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    stage.faults(json!({"duplicate": 1.0, "throttle": 0.3})).await;
    let channel = room();
    let mut members = stage.members(&channel).await;
    for n in 0..20 {
        members[n % 3].publish(&channel, n).await;
    }
    for member in &mut members {
        let messages = member.live(&channel, 20).await;
        assert!(
            messages
                .iter()
                .filter_map(|m| m["data"].as_u64())
                .collect::<std::collections::BTreeSet<_>>()
                .len()
                == 20
        );
        let history = member.result(json!({"action": "history", "channel": channel})).await;
        assert_eq!(history["messages"].as_array().unwrap().len(), 20, "logged once");
    }
}

#[tokio::test]
async fn a_redriven_dead_letter_is_tried_again() {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let region = stage.three()[0];
    let topic = &stage.region(region).topic;
    sorl_tests::sns::accepted(&stage.publish_to(topic, "nobody knows where to", None).await);
    let letters = sorl_tests::eventually("a dead letter in each region", async || {
        let letters = stage.get("/dead-letters").await.json();
        (letters.as_array().unwrap().len() == 3).then_some(letters)
    })
    .await;
    let id = letters[0]["id"].as_str().unwrap();
    let redriven = stage.post(&format!("/dead-letters/{id}/redrive"), &json!({})).await;
    assert!((200..300).contains(&redriven.status), "{redriven:?}");
    // It is no better than before, so it is buried again, under another id.
    sorl_tests::eventually("it is buried again", async || {
        let again = stage.get("/dead-letters").await.json();
        let again = again.as_array().unwrap();
        let is_new = again.iter().all(|letter| letter["id"] != id);
        (again.len() == 3 && is_new).then_some(())
    })
    .await;
    assert_eq!(stage.post(&format!("/dead-letters/{id}/redrive"), &json!({})).await.status, 404);
    assert_eq!(stage.post("/dead-letters/rubbish/redrive", &json!({})).await.status, 404);
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let stage = stage().await;
    let channel = room();
    let mut member = stage.member(stage.three()[0], &channel).await;
    member.publish(&channel, 1).await;
    member.live(&channel, 1).await;
    let answer = stage.get("/metrics").await;
    assert_eq!(answer.status, 200);
    for line in answer.body.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a sample is a name and a value");
        assert!(name.starts_with("sorl_"), "{line}");
        value.parse::<f64>().expect(line);
    }
    sorl_tests::eventually("the post is counted", async || {
        (stage.metric("sorl_posts_total", &[("region", stage.three()[0])]).await >= 1.0).then_some(())
    })
    .await;
    assert!(!answer.body.contains(&member.user), "no user in a label");
}

/// The id of the user's connection, which only the server's log tells.
async fn connection_id(server: &Server, user: &str) -> String {
    sorl_tests::eventually("the log tells the connection", async || {
        let log = server.log();
        let line = log.lines().find(|line| line.contains(user) && line.contains("opened"))?.to_owned();
        let words = line.split([' ', '"', ',', '{', '}']).map(|word| word.trim_start_matches("connection="));
        words.filter(|word| word.len() == 16 && word.ends_with('=')).map(str::to_owned).next()
    })
    .await
}

async fn call(server: &Server, method: &str, id: &str, body: String) -> (u16, String) {
    let region = server.stage.three()[0];
    let id: String = form(&[("", id)]).trim_start_matches('=').to_owned();
    let url = format!("{}/regions/{region}/@connections/{id}", server.stage.url);
    let answer = request(method, &url, &[], body).await.unwrap();
    (answer.status, answer.header("x-amzn-errortype").to_owned())
}

#[tokio::test]
async fn the_connections_api_answers_as_awss() {
    let server = Launch::plain().start().await;
    let mut alice = server.stage.somebody(server.stage.three()[0]).await;
    let id = connection_id(&server, &alice.user).await;
    let frame = json!({"type": "posted by hand"});
    assert_eq!(call(&server, "POST", &id, frame.to_string()).await.0, 200);
    alice.frame("what was posted", |came| *came == frame).await;

    let (region, escaped) = (server.stage.three()[0], id.replace('=', "%3D"));
    let known = server.stage.get(&format!("/regions/{region}/@connections/{escaped}")).await;
    assert_eq!(known.status, 200, "{known:?}");
    assert!(known.json()["connectedAt"].as_str().is_some_and(|at| at.ends_with('Z')), "{known:?}");
    assert!(known.json()["identity"]["sourceIp"].is_string(), "{known:?}");

    let large = "x".repeat(128 * 1024);
    assert_eq!(call(&server, "POST", &id, large.clone()).await.0, 200);
    let (status, kind) = call(&server, "POST", &id, format!("{large}x")).await;
    assert_eq!((status, kind.as_str()), (413, "PayloadTooLargeException"));
    let (status, kind) = call(&server, "POST", "not an id", "x".to_owned()).await;
    assert_eq!((status, kind.as_str()), (400, "BadRequestException"));
    for method in ["POST", "GET", "DELETE"] {
        let (status, kind) = call(&server, method, "L0SM9cOFvHcCIhw=", "x".to_owned()).await;
        assert_eq!((status, kind.as_str()), (410, "GoneException"), "{method}");
    }
}

#[tokio::test]
async fn a_deleted_connection_is_closed_and_gone() {
    let server = Launch::plain().start().await;
    let mut alice = server.stage.somebody(server.stage.three()[0]).await;
    let id = connection_id(&server, &alice.user).await;
    assert_eq!(call(&server, "DELETE", &id, String::new()).await.0, 204);
    alice.closed().await;
    assert_eq!(call(&server, "POST", &id, "x".to_owned()).await, (410, "GoneException".to_owned()));
}

#[tokio::test]
async fn posts_to_a_client_that_does_not_read_are_429_and_to_others_are_not() {
    let server = Launch::plain().start().await;
    let region = server.stage.region(server.stage.three()[0]);
    let token = server.stage.token("deaf").await;
    let _deaf = sorl_tests::socket::Socket::open_narrow("deaf", &region.url, &token).await;
    let mut alice = server.stage.somebody(&region.region).await;
    let (deaf, hearing) = (connection_id(&server, "deaf").await, connection_id(&server, &alice.user).await);
    let frame = json!({"filler": "x".repeat(32_000)}).to_string();
    sorl_tests::eventually("its buffer is full", async || {
        let (status, kind) = call(&server, "POST", &deaf, frame.clone()).await;
        assert!(
            status == 200 || (status, kind.as_str()) == (429, "LimitExceededException"),
            "{status} {kind}"
        );
        (status == 429).then_some(())
    })
    .await;
    assert_eq!(call(&server, "POST", &hearing, frame).await.0, 200);
    alice.frame("the post", |frame| frame["filler"].is_string()).await;
}

fn refused(answer: &Answer, status: u16, code: &str) {
    let codes: Vec<_> = elements(&answer.body, "Code").collect();
    assert_eq!((answer.status, codes), (status, vec![code]), "{answer:?}");
}

#[tokio::test]
async fn sns_refuses_what_sns_refuses() {
    let stage = stage().await;
    let region = stage.three()[0];
    let topic = &stage.region(region).topic;
    refused(&stage.publish_to(&stage.sibling(region, "relay"), "{}", None).await, 403, "AuthorizationError");
    refused(&stage.publish_to(&stage.sibling(region, "nothing"), "{}", None).await, 404, "NotFound");
    refused(&stage.publish_to(topic, "", None).await, 400, "InvalidParameter");
    refused(&stage.publish_to("rubbish", "x", None).await, 400, "InvalidParameter");
    refused(&stage.publish_to(topic, &"x".repeat(256 * 1024 + 1), None).await, 400, "InvalidParameter");
    refused(&stage.sns(&[("Action", "Explode")]).await, 400, "InvalidAction");
    refused(&stage.publish_batch(region, &[]).await, 400, "EmptyBatchRequest");
    let entries = |count: usize| -> Vec<String> { (0..count).map(|n| format!("e{n}")).collect() };
    let eleven = entries(11);
    let too_many: Vec<_> = eleven.iter().map(|id| (id.as_str(), unique("x"), None)).collect();
    refused(&stage.publish_batch(region, &too_many).await, 400, "TooManyEntriesInBatchRequest");
    let twice = [("same", unique("x"), None), ("same", unique("x"), None)];
    refused(&stage.publish_batch(region, &twice).await, 400, "BatchEntryIdsNotDistinct");
}
