//! What logs, errors and answers contain: tokens and messages are marked, sent along every way there is, good and
//! bad, while the log is at its finest; then every line and every answer is searched for the marks.

use serde_json::json;
use sorl_tests::http::{Answer, request};
use sorl_tests::marks::{DYING, Marks, TOKEN};
use sorl_tests::names::{room, unique};
use sorl_tests::server::{Launch, Server};
use sorl_tests::socket::Socket;

use crate::handshake::{bearer, knock, protocols};

async fn finest(config: &str) -> Server {
    Launch::plain().config(config).flags(&["--log", "trace"]).start().await
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
    let (stage, channel, user) = (&server.stage, room(), unique("user"));
    let token = stage.token(&user).await;
    let marks = Marks::of(&token);
    let mut alice = Socket::open(&user, &stage.regions[0].url, &token).await;
    alice.subscribe(&channel).await;

    marks.publish_well(stage, &mut alice, &channel).await;
    marks.send_badly(&mut alice, &channel).await;
    for n in 0..2 {
        alice
            .ask(json!({"action": "publish", "channel": "slow:1", "data": format!("MarkedMessage {n}")}))
            .await;
    }
    marks.publish_to_die(stage, &channel).await;
    let letters = sorl_tests::eventually("dead letters in each of three regions", async || {
        let letters = stage.dead_letters().await;
        (letters.len() == 3 * DYING).then_some(letters)
    })
    .await;
    marks.check_reasons(&letters);
    for body in Marks::refused_calls() {
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
