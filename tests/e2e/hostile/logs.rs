//! What logs, errors and answers contain: tokens and messages are marked, sent along every way there is, good and
//! bad, while the log is at its finest; then every line and every answer is searched for the marks.

use serde_json::json;
use sorl_tests::frame::{has_message_of, text};
use sorl_tests::http::{Answer, form, request};
use sorl_tests::names::{room, unique};
use sorl_tests::server::{Launch, Server};
use sorl_tests::socket::Socket;

use crate::handshake::{bearer, knock, protocols};

/// In every text that somebody publishes.
const MESSAGE: &str = "MarkedMessage";
/// In every token that is no good.
const TOKEN: &str = "MarkedToken";

/// What must not be found, and what was marked so.
struct Marks(Vec<String>);

impl Marks {
    fn check(&self, what: &str, text: &str) {
        for mark in &self.0 {
            let line = text.lines().find(|line| line.contains(mark.as_str()));
            assert!(line.is_none(), "{what} has {mark}: {line:?}");
        }
    }
}

async fn finest(config: &str) -> Server {
    Launch::plain().config(config).flags(&["--log", "trace"]).start().await
}

/// Everybody who may, and the token that he came with.
async fn somebody(server: &Server, channel: &str) -> (Socket, String) {
    let user = unique("user");
    let token = server.stage.token(&user).await;
    let mut socket = Socket::open(&user, &server.stage.regions[0].url, &token).await;
    socket.subscribe(channel).await;
    (socket, token)
}

async fn post(server: &Server, path: &str, body: &str) -> Answer {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    request("POST", &format!("{}{path}", server.stage.url), &headers, body.to_owned())
        .await
        .expect("an answer")
}

#[tokio::test]
async fn no_log_line_no_error_and_no_refusal_has_a_token_or_a_message_in_it() {
    let server =
        finest("[namespaces.room]\ngrants = [\"*\"]\n[namespaces.slow]\nrate = \"1/h\"\ngrants = [\"*\"]\n")
            .await;
    let channel = room();
    let (mut alice, token) = somebody(&server, &channel).await;
    let signature = token.rsplit('.').next().expect("a signature").to_owned();
    let claims = token.split('.').nth(1).expect("claims").to_owned();
    let marks = Marks([MESSAGE, TOKEN].map(str::to_owned).into_iter().chain([signature, claims]).collect());

    // Messages that arrive, are read back, are refused, are no frames.
    let data = format!("{MESSAGE} says hello");
    alice.publish(&channel, data.clone()).await;
    alice.message(&channel, data.clone()).await;
    let history = alice.result(json!({"action": "history", "channel": channel})).await;
    assert_eq!(history["messages"][0]["data"], data.as_str(), "who may read it does");
    for bad in [
        format!(r#"{{"id":1,"action":"publish","channel":"{channel}","data":"{MESSAGE}""#),
        format!(r#"{{"id":"{MESSAGE}","action":"ping"}}"#),
        format!(r#"{{"id":1,"action":"{MESSAGE}"}}"#),
        format!(r#"{{"id":1,"action":"publish","channel":"{MESSAGE} #","data":1}}"#),
        format!(r#"{{"id":1,"action":"publish","channel":"none:1","data":"{MESSAGE}"}}"#),
        format!(r#"{{"id":1,"action":"publish","channel":"{channel}","data":1,"key":["{MESSAGE}"]}}"#),
        format!(
            r#"{{"id":1,"action":"publish","channel":"{channel}","data":1,"key":"{}"}}"#,
            MESSAGE.repeat(9)
        ),
        format!(r#"{{"id":1,"action":"publish","channel":"{channel}","ephemeral":"{MESSAGE}","data":1}}"#),
        format!(
            r#"{{"id":1,"action":"history","channel":"{channel}","since":"{MESSAGE}","limit":"{MESSAGE}"}}"#
        ),
        format!("\"{MESSAGE}\""),
        MESSAGE.to_owned(),
    ] {
        alice.send_text(&bad).await;
        let error = alice.frame(&bad, |frame| frame["type"] == "error").await;
        marks.check(&bad, &error.to_string());
    }
    for n in 0..2 {
        alice.ask(json!({"action": "publish", "channel": "slow:1", "data": format!("{MESSAGE} {n}")})).await;
    }

    // Messages from outside: good ones, and those that die.
    let region = server.stage.three()[0];
    let topic = server.stage.region(region).topic.clone();
    server.stage.publish_text(region, &channel, &data).await;
    alice.frame("the message from outside", |frame| has_message_of(frame, &channel)).await;
    for dying in [
        MESSAGE.to_owned(),
        format!(r#"{{"channel":"{channel}","data":"{MESSAGE}","ephemeral":"{MESSAGE}"}}"#),
        format!(r#"{{"channel":["{MESSAGE}"],"data":1}}"#),
        format!(r#"{{"channel":"{channel}","data":"{MESSAGE}","key":"{}"}}"#, "k".repeat(99)),
        format!(r#"{{"channel":"{channel}","data":1,"user":"{MESSAGE} !"}}"#),
    ] {
        sorl_tests::sns::accepted(&server.stage.publish_to(&topic, &dying, None).await);
    }
    let order = format!(r#"{{"control":"{MESSAGE}","user":["{MESSAGE}"]}}"#);
    let control = server.stage.sibling(region, "control");
    sorl_tests::sns::accepted(&server.stage.publish_to(&control, &order, None).await);
    let letters = sorl_tests::eventually("six dead letters in each of three regions", async || {
        let letters = server.stage.dead_letters().await;
        (letters.len() == 18).then_some(letters)
    })
    .await;
    for letter in &letters {
        marks.check("the reason of a dead letter", &text(&letter["reason"]));
    }

    // Calls of SNS that are refused.
    let publish = [("Action", "Publish"), ("TopicArn", "arn:aws:sns:x:0:nowhere"), ("Message", MESSAGE)];
    for body in
        [form(&publish), form(&[("Action", "Publish"), ("Message", MESSAGE)]), format!("{{\"{MESSAGE}\":1}}")]
    {
        let answer = post(&server, "/", &body).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
        marks.check("a refused call", &answer.body);
    }

    // Tokens that are refused, wherever they are brought.
    let good = format!("?token={token}");
    for (query, headers) in [
        (good.as_str(), vec![bearer(TOKEN)]),
        (good.as_str(), vec![protocols(&format!("sorl.v1, sorl.token.{TOKEN}"))]),
        (&format!("?token={TOKEN}"), Vec::new()),
        (&format!("?token=a.{TOKEN}.c"), Vec::new()),
    ] {
        assert_eq!(knock(&server.stage, query, &headers).await.status, 401, "{query}");
    }
    marks.check("the metrics", &server.stage.get("/metrics").await.body);
    alice.lives().await;
    alice.close().await;

    let log = sorl_tests::eventually("the log tells the end", async || {
        let log = server.log();
        log.contains("closed").then_some(log)
    })
    .await;
    for told in ["handshake", "command", "publish", "dead letter"] {
        assert!(log.contains(told), "the log tells of {told}");
    }
    marks.check("the log", &log);
}
